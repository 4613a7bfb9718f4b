"""Whether the disk has room for what is still to come."""

from __future__ import annotations

import shutil
from pathlib import Path

from stablequeue_core.errors import NotEnoughSpace

RESERVE_BYTES = 128 * 1024 * 1024
"""Left to everybody else: a disk that is full to its last byte stops more than a download."""


def check_room(folder: Path, needed: int) -> None:
    """Let pass what fits.

    Args:
        folder: on the disk in question.
        needed: bytes that are still to come.

    Raises:
        NotEnoughSpace: it does not fit, or would leave less than the reserve.
    """
    free = free_bytes(folder)
    if needed > 0 and free - needed < RESERVE_BYTES:
        raise NotEnoughSpace(needed, free)


def free_bytes(folder: Path) -> int:
    """What the disk of a folder has left for us."""
    return shutil.disk_usage(folder).free
