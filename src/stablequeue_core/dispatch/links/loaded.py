"""Which checkpoint a server has in its memory."""

from __future__ import annotations

from functools import lru_cache

from stablequeue_core.models import checkpoint_stem, split_hash
from stablequeue_core.servers import Inventory


class Loaded:
    """Which checkpoint a server has in its memory, as it last said. Any thread may ask."""

    def __init__(self) -> None:
        self._title: str | None = None

    def has(self, checkpoint: str | None) -> bool:
        """Whether it is this one; None asks for no certain one."""
        return is_same(self._title, checkpoint)

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
                self._title = checkpoint.title
                return checkpoint.title
        self._title = said
        return said


@lru_cache(maxsize=1024)
def is_same(title: str | None, checkpoint: str | None) -> bool:
    """Whether a job finds its checkpoint in a server's memory.

    Each claim asks this many times, of the same few names.

    Args:
        title: of what is loaded; None: nobody knows.
        checkpoint: as the job names it; None: it wants no certain one.

    Example:
        >>> is_same("Pony/x.safetensors [9f90c59f3a]", "x.safetensors")
        True
        >>> is_same("Pony/x.safetensors [9f90c59f3a]", "9F90C59F3A")
        True
    """
    if checkpoint is None or title is None:
        return checkpoint is None
    digest = split_hash(title)[1]
    is_its_hash = digest is not None and checkpoint.strip().lower().startswith(digest)
    return is_its_hash or checkpoint_stem(checkpoint) == checkpoint_stem(title)
