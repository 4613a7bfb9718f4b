"""The promises about what is missing, what is not hashed, and how folders looked."""

from __future__ import annotations

from attrs import evolve

from stablequeue_core.models import Hashes, HashSource, ModelQuery
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.samples import ROOT, model, save

ELSEWHERE = "/elsewhere"


class LosingContract(StorageCase):
    """The promises of ``lose``, ``lost``, ``without_hash`` and the fingerprints, as tests."""

    def test_lost_models_stay_known(self, storage: Storage) -> None:
        """All of them but for that; it is told how many were there until now."""
        kept = save(storage, model("x/a.pt"), model("x/b.pt"), model("x/a.pt", root=ELSEWHERE))
        assert storage.models.lose(ROOT, ["x/a.pt", "x/a.pt", "nowhere.pt"]) == 1
        assert storage.models.get(kept[0].id) == evolve(kept[0], missing=True)
        assert storage.models.list(ModelQuery()).total == 2
        assert storage.models.lose(ROOT, ["x/a.pt", "x/b.pt"]) == 1
        assert storage.models.lose(ROOT, []) == 0
        assert storage.models.list(ModelQuery()).models == (kept[2],)

    def test_a_whole_root_may_be_lost(self, storage: Storage) -> None:
        """A disk that is not mounted; the others stay."""
        below = f"{ROOT}/below"
        save(storage, *(model(f"{number}.pt") for number in range(50)))
        others = save(storage, model(root=ELSEWHERE), model(root=below))
        storage.models.lose(ROOT, ["0.pt"])
        assert storage.models.lose(ROOT) == 49
        assert storage.models.lose(ROOT) == 0
        assert storage.models.list(ModelQuery()).models == tuple(others)
        assert storage.models.list(ModelQuery(missing=True)).total == 52

    def test_thousands_of_models_may_be_lost_in_one_call(self, storage: Storage) -> None:
        """More than a statement has room for."""
        paths = [f"{number % 100}/{number}.pt" for number in range(4000)]
        save(storage, *map(model, paths))
        storage.models.keep_fingerprints(ROOT, {str(number): "x" for number in range(101)})
        assert storage.models.lose(ROOT, paths) == 4000
        assert storage.models.fingerprints(ROOT) == {"100": "x"}

    def test_a_model_that_is_there_again_is_not_lost(self, storage: Storage) -> None:
        """It is there for everybody, under its old id."""
        (kept,) = save(storage, model())
        storage.models.lose(ROOT)
        save(storage, model())
        assert storage.models.get(kept.id) == kept
        assert storage.models.lost(kept.size, kept.mtime_ns) == []

    def test_lost_models_are_found_by_size_and_time(self, storage: Storage) -> None:
        """Exactly these; that is how a moved file is recognised."""
        kept = save(
            storage,
            model("a.pt", size=5, mtime_ns=2**70),
            model("b.pt", size=5, mtime_ns=7),
            model("c.pt", size=6, mtime_ns=7),
            model("d.pt", size=5, mtime_ns=7, root=ELSEWHERE),
            model("e.pt", size=5, mtime_ns=7, root="/there"),
        )
        storage.models.lose(ROOT)
        storage.models.lose(ELSEWHERE)
        assert storage.models.lost(5, 7) == [
            evolve(one, missing=True) for one in (kept[1], kept[3])
        ]
        assert storage.models.lost(5, 2**70) == [evolve(kept[0], missing=True)]
        assert storage.models.lost(5, 8) == []

    def test_small_files_are_hashed_first(self, storage: Storage) -> None:
        """Those that are there and whose SHA-256 nobody has said; of one size, by id."""
        two, one, three, again = save(
            storage,
            model("2.pt", size=2),
            model("1.pt", size=1, root=ELSEWHERE),
            model("3.pt", size=10, hashes=Hashes(autov1="0" * 8, autov3="0" * 12, told="0" * 64)),
            model("a.pt", size=2),
        )
        save(
            storage,
            model("gone.pt", missing=True),
            model("hashed.pt", hashes=Hashes(sha256="0" * 64, source=HashSource.COMPUTED)),
            model("told.pt", hashes=Hashes(sha256="0" * 64, source=HashSource.SIDECAR)),
            model("other.pt", root="/other"),
        )
        roots = {ROOT, ELSEWHERE}
        assert storage.models.without_hash(roots, 10) == [one, two, again, three]
        assert storage.models.without_hash(roots, 2) == [one, two]
        assert storage.models.without_hash([ROOT], 10) == [two, again, three]
        assert storage.models.without_hash([], 10) == []
        assert storage.models.without_hash(roots, 0) == []
        counts = [storage.models.count_without_hash(some) for some in (roots, [ROOT], [])]
        assert counts == [4, 3, 0]

    def test_a_folder_is_remembered_as_it_looked(self, storage: Storage) -> None:
        """For each root; the newest text counts, and None forgets it."""
        looks = {"": "1", "Räv 🦊": "text\nof any kind", "a/b": "", "\udcff": "4"}
        storage.models.keep_fingerprints(ROOT, looks)
        storage.models.keep_fingerprints(ELSEWHERE, {"": "other"})
        assert storage.models.fingerprints(ROOT) == looks
        storage.models.keep_fingerprints(ROOT, {"": "2", "a/b": None, "nowhere": None})
        assert storage.models.fingerprints(ROOT) == {
            "": "2", "Räv 🦊": looks["Räv 🦊"], "\udcff": "4"
        }  # fmt: skip
        assert storage.models.fingerprints(ELSEWHERE) == {"": "other"}
        assert storage.models.fingerprints("/nowhere") == {}

    def test_the_folders_of_lost_models_are_looked_at_again(self, storage: Storage) -> None:
        """So are those of removed ones; no others."""
        folders = dict.fromkeys(("", "x", "x/y", "z"), "as it was")
        for root in (ROOT, ELSEWHERE):
            storage.models.keep_fingerprints(root, folders)
        top, below, _ = save(storage, model("a.pt"), model("x/y/a.pt"), model("z/a.pt"))
        storage.models.lose(ROOT, [below.path])
        assert set(storage.models.fingerprints(ROOT)) == {"", "x", "z"}
        storage.models.remove([top.id])
        assert set(storage.models.fingerprints(ROOT)) == {"x", "z"}
        storage.models.lose(ROOT)
        assert storage.models.fingerprints(ROOT) == {}
        assert storage.models.fingerprints(ELSEWHERE) == folders
