"""The promises about finding models: by folder, name, hash or version."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from attrs import evolve

from stablequeue_core.models import Hashes, Model, ModelCard
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.samples import ROOT, model, save

SHA256 = "9f90c59f3a5b2f0e" + "ab" * 24
OTHER = "9f90c59f3a000000" + "cd" * 24
TOLD = "0123456789abcdef" * 4

HASHED = {
    "whole": Hashes(sha256=SHA256),
    "alike": Hashes(sha256=OTHER),
    "told": Hashes(told=TOLD),
    "short": Hashes(autov1="9f90c59f", autov3="9f90c59f3a5b"),
    "none": Hashes(),
}
MEANT = {
    SHA256: {"whole"},
    SHA256.upper(): {"whole"},
    SHA256[:10]: {"whole", "alike"},
    "9F90C59F": {"whole", "alike", "short"},
    "9f90c59f3a5b": {"whole", "short"},
    "9f90c59f3a5b2": {"whole"},
    TOLD[:8]: {"told"},
    TOLD: {"told"},
    TOLD + "0": set(),
    "ffffffff": set(),
    "00000000": set(),
    "9f90c59": set(),
    "\udcff" * 8: set(),
    "": set(),
}


class FindingContract(StorageCase):
    """The promises of ``in_folder`` and of everything that is called ``of_...``, as tests."""

    def test_a_folder_holds_its_own_models_only(self, storage: Storage) -> None:
        """Not those of the folders below it, nor of one whose name goes on; by path."""
        paths = ("b.pt", "a.pt", "x/b.pt", "x/a.pt", "x/y/a.pt", "x y/a.pt", "X/a.pt", "%/a.pt")
        save(storage, *(model(path, missing=path == "x/a.pt") for path in paths))
        save(storage, model("x/c.pt", root="/elsewhere"))
        for folder, expected in (
            ("", ["a.pt", "b.pt"]),
            ("x", ["x/a.pt", "x/b.pt"]),
            ("x/y", ["x/y/a.pt"]),
            ("X", ["X/a.pt"]),
            ("%", ["%/a.pt"]),
            ("y", []),
        ):
            assert _paths(storage.models.in_folder(ROOT, folder)) == expected

    def test_a_file_name_is_found_in_any_folder(self, storage: Storage) -> None:
        """In any case and either Unicode form, missing or not; by id."""
        kept = save(
            storage,
            model("z/RÄV.pt"),
            model("a/ra\u0308v.pt", missing=True),
            model("räv.pt", root="/elsewhere"),
            model("räv.ckpt"),
            model("bräv.pt"),
            model("räv.pt/x.pt"),
        )
        for name in ("räv.pt", "RA\u0308V.PT"):
            assert storage.models.of_filename(name) == kept[:3]
        assert storage.models.of_filename("räv") == []
        assert storage.models.of_filename("r_v.pt") == []

    def test_a_stem_is_found_with_any_extension(self, storage: Storage) -> None:
        """The extension is what stands behind the last dot."""
        kept = save(
            storage,
            model("z/Räv.v1.pt"),
            model("räv.v1.safetensors", missing=True),
            model("räv.v1"),
            model("räv.v1.0.pt"),
            model(".pt"),
        )
        for stem in ("räv.v1", "RA\u0308V.V1"):
            assert storage.models.of_stem(stem) == kept[:2]
        assert storage.models.of_stem("räv") == [kept[2]]
        assert storage.models.of_stem(".pt") == [kept[4]]
        assert storage.models.of_stem("räv.v1.pt") == []

    @pytest.mark.parametrize("digest", MEANT)
    def test_a_hash_means_what_it_begins_or_is(self, storage: Storage, digest: str) -> None:
        """Long ones by their beginning, short ones as a whole."""
        save(storage, *(model(name, hashes=known) for name, known in HASHED.items()))
        found = storage.models.of_hash(digest)
        assert {one.path for one in found} == MEANT[digest]
        assert [one.id for one in found] == sorted(one.id for one in found)

    def test_a_model_is_found_once_by_a_hash_that_it_has_twice(self, storage: Storage) -> None:
        """Where the header told the truth; missing or not."""
        known = Hashes(sha256=SHA256, told=SHA256, autov3=SHA256[:12])
        kept = save(storage, model(hashes=known), model("y.pt", hashes=known, missing=True))
        assert storage.models.of_hash(SHA256[:12]) == kept

    def test_a_version_may_have_several_files(self, storage: Storage) -> None:
        """Missing ones too; numbers as large as anybody writes into a file."""
        for version in (290640, 0, 2**63 - 1, 2**70):
            card = ModelCard(version_id=version, model_id=1)
            kept = save(
                storage,
                model(f"{version}/b.pt", card=card),
                model(f"{version}/a.pt", card=card, missing=True),
                model(f"{version}/c.pt", card=ModelCard(model_id=version)),
            )
            assert storage.models.of_version(version) == kept[:2]
        assert storage.models.of_version(1) == []

    def test_what_is_found_follows_every_change(self, storage: Storage) -> None:
        """By the old name, hash or version it is found no more."""
        (old,) = save(
            storage, model("a/x.pt", hashes=Hashes(sha256=SHA256), card=ModelCard(version_id=1))
        )
        new = evolve(old, path="b/y.pt", hashes=Hashes(sha256=OTHER), card=ModelCard(version_id=2))
        save(storage, new)
        models = storage.models
        for found, gone in (
            (models.in_folder(ROOT, "b"), models.in_folder(ROOT, "a")),
            (models.of_filename("y.pt"), models.of_filename("x.pt")),
            (models.of_stem("y"), models.of_stem("x")),
            (models.of_hash(OTHER), models.of_hash(SHA256)),
            (models.of_version(2), models.of_version(1)),
        ):
            assert list(found) == [new]
            assert list(gone) == []


def _paths(models: Sequence[Model]) -> list[str]:
    return [one.path for one in models]
