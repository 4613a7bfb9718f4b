"""Where the finished file goes: its folder, its name, and what happens to one that is wrong."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from stablequeue_core.downloads.download import Download
from stablequeue_core.downloads.fetching.part_file import bytes_here
from stablequeue_core.downloads.fetching.space import free_bytes
from stablequeue_core.errors import FileNotPlaced, NotEnoughSpace
from stablequeue_core.models.files.safe_files import put_in_place

_NO_ROOM = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
_REJECTED = ".rejected"


def make_folder(download: Download) -> None:
    """Make the folder of the file, below its model folder.

    Raises:
        FileNotPlaced: the model folder is not there (its disk may not be mounted, and must not be
            played by an empty folder), or a link in it leads out of it.
        OSError: a folder cannot be made.
    """
    root = Path(download.root)
    if not root.is_dir():
        raise FileNotPlaced(
            f"The model folder of {download.path!r} is not there. Check that its disk is "
            "connected, then retry."
        )
    folder = real_root = root.resolve()
    for part in filter(None, download.folder.split("/")):
        folder = (folder / part).resolve()
        if not folder.is_relative_to(real_root):
            raise FileNotPlaced(
                f"The folder of {download.path!r} leads out of its model folder, by a link or by "
                "its name. Choose another subfolder, or make the place it leads to a model folder."
            )
        folder.mkdir(exist_ok=True)


def set_aside(part: Path, target: Path) -> str:
    """Keep a wrong file beside the place it does not get; no file is ever overwritten.

    Returns:
        its name: ``<target>.rejected``, or with a number behind that.

    Raises:
        OSError: it cannot be renamed.
    """
    for number in count(1):
        kept = target.with_name(f"{target.name}{_REJECTED}" + (f".{number}" if number > 1 else ""))
        with suppress(FileExistsError):
            put_in_place(part, kept)
            return kept.name
    raise AssertionError("there is always another number")


@contextmanager
def explained(download: Download) -> Iterator[None]:
    """What the file system says inside the block, in the words of our errors.

    Raises:
        NotEnoughSpace: the disk, or the user's share of it, is full.
        FileNotPlaced: anything else that keeps the file from being written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            here = bytes_here(download)
            needed = max((download.expected_size or here) - here, 0)
            free = 0
            with suppress(OSError):
                free = free_bytes(download.file.parent)
            raise NotEnoughSpace(needed, free) from error
        raise FileNotPlaced(_sentence(download, error), {"path": download.path}) from error


def _sentence(download: Download, error: OSError) -> str:
    if error.errno == errno.EFBIG:
        return (
            f"{download.path!r} is larger than the file system of its model folder allows: FAT32 "
            "ends at 4 GB. Use a folder on another disk."
        )
    reason = os.strerror(error.errno) if error.errno else type(error).__name__
    return (
        f"{download.path!r} cannot be written into its folder: {reason}. Check the folder's "
        "permissions and its disk, then retry."
    )
