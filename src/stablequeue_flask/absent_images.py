"""The picture folder of a queue that is remembered elsewhere, where this machine has none."""

from __future__ import annotations

from pathlib import Path

from stablequeue_core.images.folder import FolderImageStore


class AbsentImages(FolderImageStore):
    """A folder that is not made: whoever only looks saves no picture in it.

    A mistyped folder would otherwise look like one of a queue that has lost its pictures.
    """

    def __init__(self, folder: Path) -> None:
        # Not as the others: they make it, and sweep it.
        self.folder = folder.expanduser().absolute()
