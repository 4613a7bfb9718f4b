"""An image store whose disk is full until you free it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from stablequeue_core.errors import DiskFull
from stablequeue_core.images import ImageStore


class FullDiskImageStore(ImageStore):
    """Wraps a store; saving raises DiskFull until :meth:`free` is called.

    Example::

        images = FullDiskImageStore(FolderImageStore(tmp_path))
        ...                     # jobs cannot be completed
        images.free()           # now they can
    """

    def __init__(self, inner: ImageStore) -> None:
        self.folder = inner.folder
        self._inner = inner
        self._full = True

    def fill(self) -> None:
        """The disk is full again."""
        self._full = True

    def free(self) -> None:
        """There is room again."""
        self._full = False

    def save_all(self, pictures: Sequence[tuple[str, bytes]]) -> None:
        """Keep the pictures if there is room."""
        if self._full:
            raise DiskFull
        self._inner.save_all(pictures)

    def path(self, name: str) -> Path:
        """Where the picture lies."""
        return self._inner.path(name)

    def discard(self, names: Iterable[str]) -> None:
        """Delete these pictures; works on a full disk too."""
        self._inner.discard(names)

    def discard_attempt(
        self, job_id: str, started_at: datetime, pictures: range | None = None
    ) -> int:
        """Delete what an attempt left behind; works on a full disk too."""
        return self._inner.discard_attempt(job_id, started_at, pictures)
