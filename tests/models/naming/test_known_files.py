"""What the store of models tells of checkpoints that servers cannot name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stablequeue_core.models import (
    NOTHING_KNOWN,
    Hashes,
    KnownFile,
    ModelCard,
    ModelKind,
    StoredCheckpoints,
)
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.contracts.samples import model

SHA256 = "9f90c59f3a" + "0" * 54
HASHES = Hashes(sha256=SHA256, autov1="81761151", autov3="0123456789ab", told="f" * 64)


@pytest.fixture
def storage() -> Iterator[MemoryStorage]:
    with MemoryStorage() as storage:
        yield storage


@pytest.mark.parametrize("digest", [SHA256, SHA256[:10].upper(), "81761151", "0123456789ab"])
def test_a_checkpoint_is_known_by_the_hashes_of_its_bytes(
    storage: MemoryStorage, digest: str
) -> None:
    storage.models.save([model("Pony/x.safetensors", hashes=HASHES), model("y.safetensors")])
    assert StoredCheckpoints(storage.models).of_hash(digest) == [
        KnownFile("Pony/x.safetensors", SHA256)
    ]


@pytest.mark.parametrize("digest", ["f" * 8, "f" * 10, "f" * 64])
def test_what_a_header_says_of_its_file_is_hearsay(storage: MemoryStorage, digest: str) -> None:
    storage.models.save([model(hashes=HASHES)])
    assert StoredCheckpoints(storage.models).of_hash(digest) == []


def test_a_checkpoint_is_known_by_its_version_though_nobody_has_hashed_it_or_it_is_away(
    storage: MemoryStorage,
) -> None:
    storage.models.save([model("Pony/x.safetensors", card=ModelCard(version_id=5), missing=True)])
    assert StoredCheckpoints(storage.models).of_version(5) == [KnownFile("Pony/x.safetensors")]
    assert StoredCheckpoints(storage.models).of_version(6) == []


def test_other_kinds_of_models_are_no_checkpoints(storage: MemoryStorage) -> None:
    card = ModelCard(version_id=5)
    storage.models.save([model(kind=ModelKind.LORA, hashes=HASHES, card=card)])
    known = StoredCheckpoints(storage.models)
    assert [*known.of_hash("81761151"), *known.of_version(5)] == []


def test_without_folders_nothing_is_known() -> None:
    assert [*NOTHING_KNOWN.of_hash(SHA256), *NOTHING_KNOWN.of_version(5)] == []
