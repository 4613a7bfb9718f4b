"""What the local catalogue knows of checkpoints: which file a hash or a Civitai version is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from attrs import frozen

from stablequeue_core.models.model import Hashes, Model, ModelKind
from stablequeue_core.models.store import ModelStore


@frozen
class KnownFile:
    """A checkpoint that was seen in a local folder.

    Attributes:
        path: below its root, with forward slashes.
        sha256: 64 hex digits in lower case; None while nobody has computed it.
    """

    path: str
    sha256: str | None = None

    @classmethod
    def of(cls, model: Model) -> KnownFile:
        """What is needed of a model to find it on a server."""
        return cls(model.path, model.hashes.sha256)


class KnownFiles(Protocol):
    """Answers for files that servers cannot name yet. Any thread may ask."""

    def of_hash(self, digest: str) -> Sequence[KnownFile]:
        """The files that have this hash.

        Args:
            digest: in lower case: the first 8 or more digits of a SHA-256, an AutoV1 (8), an
                AutoV3 (12).
        """

    def of_version(self, version_id: int) -> Sequence[KnownFile]:
        """The files of this version at Civitai."""


class _NothingKnown:
    def of_hash(self, digest: str) -> Sequence[KnownFile]:
        return ()

    def of_version(self, version_id: int) -> Sequence[KnownFile]:
        return ()


NOTHING_KNOWN: KnownFiles = _NothingKnown()
"""For who has no model folders."""


class StoredCheckpoints:
    """The checkpoints of a model store; those that are missing at the moment, too."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store

    def of_hash(self, digest: str) -> Sequence[KnownFile]:
        """Those whose bytes have this hash; what a header says of its file is hearsay."""
        found = _checkpoints(self._store.of_hash(digest))
        return [KnownFile.of(model) for model in found if _has(model.hashes, digest.lower())]

    def of_version(self, version_id: int) -> Sequence[KnownFile]:
        """Those that are files of this version."""
        return [KnownFile.of(model) for model in _checkpoints(self._store.of_version(version_id))]


def _checkpoints(models: Iterable[Model]) -> list[Model]:
    return [model for model in models if model.kind is ModelKind.CHECKPOINT]


def _has(hashes: Hashes, digest: str) -> bool:
    if hashes.sha256 is not None and hashes.sha256.startswith(digest):
        return True
    return digest in (hashes.autov1, hashes.autov3)
