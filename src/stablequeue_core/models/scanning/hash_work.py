"""Hashes the model files that nobody has hashed yet, one after the other, small ones first."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

from stablequeue_core.errors import ModelFileError
from stablequeue_core.models.files.hashing import FileHasher
from stablequeue_core.models.model import FileFormat, Model
from stablequeue_core.models.roots import ModelRoot
from stablequeue_core.models.scanning.second_look import SecondLook
from stablequeue_core.models.store import ModelStore

logger = logging.getLogger(__name__)


class TellHashing(Protocol):
    """Hears how far the hashing of a file is."""

    def __call__(self, current: str, done: int, total: int, waiting: int, /) -> None:
        """So many bytes of so many; so many files wait, this one among them."""


class HashWork:
    """What there is to hash, and how far that is.

    Args:
        store: which files there are.
        roots: only files below these.
        second_look: keeps the hashes.
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
        second_look: SecondLook,
        *,
        hash_rate: float,
        interrupt: threading.Event,
    ) -> None:
        self.is_throttled = True
        self.waiting = 0
        self._store = store
        self._roots = [root.name for root in roots]
        self._second_look = second_look
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
            self._second_look.keep_hashes(model, hashes)
        return False

    def begin_anew(self) -> None:
        """Count what waits, after a scan; what could not be hashed may be readable by now."""
        self._hopeless.clear()
        self.waiting = self._store.count_without_hash(self._roots)

    def _put_away(self) -> None:
        self._half_read = None
        self.waiting = max(0, self.waiting - 1)

    def _next(self) -> Model | None:
        """The smallest file that may still be hashed."""
        found = self._store.without_hash(self._roots, len(self._hopeless) + 1)
        return next((m for m in found if (m.id, m.mtime_ns) not in self._hopeless), None)

    def _hasher(self, model: Model) -> FileHasher:
        """The one that has read part of it already, if the file is still the same."""
        if self._half_read is not None:
            before, hasher = self._half_read
            if (before.id, before.size, before.mtime_ns) == (model.id, model.size, model.mtime_ns):
                return hasher
        hasher = hasher_of(model)
        self._half_read = (model, hasher)
        return hasher


def hasher_of(model: Model) -> FileHasher:
    """What hashes a model's file, as it was when it was last looked at."""
    has_header = model.format is FileFormat.SAFETENSORS
    seen = (model.size, model.mtime_ns)
    return FileHasher(model.file, with_autov3=has_header, seen=seen)
