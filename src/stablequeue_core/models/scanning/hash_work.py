"""Hashes the model files that nobody has hashed yet, one after the other, small ones first."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

from attrs import evolve

from stablequeue_core.errors import ModelFileError, ModelNotFound
from stablequeue_core.models.files.found import FoundFile
from stablequeue_core.models.files.hashing import FileHasher
from stablequeue_core.models.files.reading import read_surroundings
from stablequeue_core.models.model import FileFormat, Hashes, Model
from stablequeue_core.models.roots import ModelRoot
from stablequeue_core.models.scanning.folders import compare
from stablequeue_core.models.scanning.walking import Walk
from stablequeue_core.models.store import ModelStore

logger = logging.getLogger(__name__)


class TellHashing(Protocol):
    """Hears how far the hashing of a file is."""

    def __call__(self, current: str, done: int, total: int, waiting: int, /) -> None:
        """So many bytes of so many; so many files wait, this one among them."""


class HashWork:
    """What there is to hash, and how far that is.

    Args:
        store: which files there are, and where their hashes are kept.
        roots: only files below these.
        hash_rate: bytes a second that are read, while :attr:`is_throttled`.
        interrupt: when it is set, hashing stops at once; :meth:`next` reads on from there.

    Attributes:
        is_throttled: whether somebody else may need the disk.
        waiting: how many files nobody had hashed when they were last counted, less those that were
            seen to since. Counting is for :meth:`begin_anew`: it takes longer than a small file.
    """

    def __init__(
        self,
        store: ModelStore,
        roots: Sequence[ModelRoot],
        *,
        hash_rate: float,
        interrupt: threading.Event,
    ) -> None:
        self.is_throttled = True
        self.waiting = 0
        self._store = store
        self._roots = {root.name: root for root in roots}
        self._hash_rate = hash_rate
        self._interrupt = interrupt
        self._half_read: tuple[Model, FileHasher] | None = None
        self._hopeless: set[tuple[int, int]] = set()

    def next(self, tell: TellHashing) -> bool:
        """Hash one file more, or part of it.

        Returns:
            whether there is nothing left to do.

        Raises:
            StorageError: its hashes cannot be kept.
        """
        model = self._next()
        if model is None:
            return True
        try:
            hashes = self._hasher(model).run(
                self._interrupt,
                lambda done, total: tell(model.path, done, total, self.waiting),
                bytes_per_second=self._hash_rate if self.is_throttled else None,
            )
        except ModelFileError as error:
            logger.warning("%s cannot be hashed: %s", model.filename, error.message)
            self._hopeless.add((model.id, model.mtime_ns))
            self._put_away()
            return False
        if hashes is not None:
            self._put_away()
            self._keep(model, hashes)
        return False

    def begin_anew(self) -> None:
        """Count what waits, after a scan; what could not be hashed may be readable by now."""
        self._hopeless.clear()
        self.waiting = self._store.count_without_hash(self._roots.keys())

    def _put_away(self) -> None:
        self._half_read = None
        self.waiting = max(0, self.waiting - 1)

    def _next(self) -> Model | None:
        """The smallest file that may still be hashed."""
        found = self._store.without_hash(self._roots.keys(), len(self._hopeless) + 1)
        return next((m for m in found if (m.id, m.mtime_ns) not in self._hopeless), None)

    def _hasher(self, model: Model) -> FileHasher:
        """The one that has read part of it already, if the file is still the same."""
        if self._half_read is not None:
            before, hasher = self._half_read
            if (before.id, before.size, before.mtime_ns) == (model.id, model.size, model.mtime_ns):
                return hasher
        has_header = model.format is FileFormat.SAFETENSORS
        seen = (model.size, model.mtime_ns)
        hasher = FileHasher(model.file, with_autov3=has_header, seen=seen)
        self._half_read = (model, hasher)
        return hasher

    def _keep(self, hashed: Model, hashes: Hashes) -> None:
        """Keep the hashes, unless the file has become another meanwhile."""
        try:
            present = self._store.get(hashed.id)
        except ModelNotFound:
            return
        if (present.size, present.mtime_ns) != (hashed.size, hashed.mtime_ns):
            return
        model = evolve(present, hashes=evolve(hashes, told=present.hashes.told))
        if model.card.version_id is not None or model.card.model_id is not None:
            # Now that its hash is known, it can be seen who speaks of another file.
            found = self._found(model)
            model = read_surroundings(model, found) if found else model
        self._store.save([self._found_again(model)])

    def _found_again(self, model: Model) -> Model:
        """``model`` as the missing one that it is a copy of, if there is exactly one such."""
        same = [
            other
            for other in self._store.of_hash(model.hashes.sha256 or "")
            if other.missing
            and other.kind is model.kind
            and other.hashes.sha256 == model.hashes.sha256
        ]
        return evolve(model, id=same[0].id) if len(same) == 1 else model

    def _found(self, model: Model) -> FoundFile | None:
        """The file, with the sidecars and previews that it has now."""
        root = self._roots[model.root]
        try:
            listing = Walk(root.folder).only(model.folder)
        except OSError:
            return None
        change = compare(root, listing, [])
        return next((found for found in change.new if found.path == model.path), None)
