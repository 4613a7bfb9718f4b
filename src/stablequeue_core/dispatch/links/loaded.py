"""Which checkpoint a server has in its memory."""

from __future__ import annotations

from stablequeue_core.models import split_hash, stem
from stablequeue_core.servers import Inventory


class Loaded:
    """Which checkpoint a server has in its memory, as it last said. Any thread may ask."""

    def __init__(self) -> None:
        self._stem: str | None = None

    def has(self, checkpoint: str | None) -> bool:
        """Whether it is this one; None asks for no certain one."""
        if checkpoint is None or self._stem is None:
            return checkpoint is None
        return _stem(checkpoint).casefold() == self._stem.casefold()

    def note(self, said: str, inventory: Inventory | None) -> str:
        """Remember what the server says it has loaded.

        Its options repeat whatever spelling the last job used, its answers the bare file name.

        Args:
            said: by the server.
            inventory: its lists, if they are known.

        Returns:
            the checkpoint's title; what was said, where the lists do not have it.
        """
        for checkpoint in inventory.checkpoints if inventory else ():
            if said in (checkpoint.stem, checkpoint.title, checkpoint.name, checkpoint.model_name):
                self._stem = checkpoint.stem
                return checkpoint.title
        self._stem = said
        return said


def is_same(title: str | None, checkpoint: str | None) -> bool:
    """Whether a job finds its checkpoint in a server's memory.

    Args:
        title: of what is loaded; None: nobody knows.
        checkpoint: as the job names it; None: it wants no certain one.

    Example:
        >>> is_same("Pony/x.safetensors [9f90c59f3a]", "x.safetensors")
        True
    """
    if checkpoint is None or title is None:
        return checkpoint is None
    return _stem(checkpoint).casefold() == _stem(title).casefold()


def _stem(name: str) -> str:
    return stem(split_hash(name)[0])
