"""Opens files that may be anything, and writes files whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter, FileIO
from pathlib import Path

_WINDOWS = os.name == "nt"
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""A file system has no second names for a file: exFAT, many network shares."""


class NoRegularFile(OSError):
    """What has this name is a folder, a pipe, a socket or a device."""

    def __init__(self) -> None:
        super().__init__(errno.EINVAL, "it is no regular file")


def open_regular(path: Path | str) -> FileIO:
    """Open a file to read it, without a buffer.

    Whoever opens a named pipe as if it were a file waits until somebody writes into it: for ever.

    Raises:
        NoRegularFile: it is none.
        OSError: it cannot be opened.
    """
    try:
        file = open(path, "rb", buffering=0, opener=_open_at_once)  # noqa: SIM115
    except OSError:  # a folder; Windows calls that a lack of permission
        if os.path.isdir(path):
            raise NoRegularFile from None
        raise
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise NoRegularFile
    return file


@contextmanager
def replacing(target: Path, *, persist: bool = True) -> Iterator[BufferedWriter]:
    """A new file, which takes the place of ``target`` in one step when the block ends.

    Nobody ever reads half of it, and a power cut leaves the one or the other. When anything fails,
    ``target`` is as it was and the new file is gone; only a process that dies leaves it behind, as
    ``.<16 hex digits>.tmp``. The permissions of the old file stay.

    Args:
        target: the file.
        persist: make sure that a power cut after the block leaves the new one. Whoever writes
            several files into a folder calls :func:`persist_names` once, at their end.

    Raises:
        OSError: it could not be written, or could not take the place; on Windows nobody can
            replace a file that somebody reads.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "x.json")
        ...     with replacing(path) as file:
        ...         _ = file.write(b"{}")
        ...     path.read_bytes(), os.listdir(folder)
        (b'{}', ['x.json'])
    """
    temporary = target.with_name(f".{os.urandom(8).hex()}.tmp")  # the long name may not fit
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            os.chmod(temporary, os.stat(target).st_mode & 0o777)
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    if persist:
        persist_names(target.parent)


def put_in_place(source: Path, target: Path) -> None:
    """Give a finished file its name, in one step, and never in place of another file.

    Both lie in the same folder. A process that dies in between leaves both names, of one file.

    Raises:
        FileExistsError: something has that name, perhaps since a moment ago; ``source`` is as it
            was.
        OSError: it cannot have the name.
    """
    if _WINDOWS:
        os.rename(source, target)  # there, it never replaces anything
        return
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        target.touch(exist_ok=False)  # takes the name, if it is free: what is replaced is ours
        try:
            os.replace(source, target)
        except OSError:
            os.unlink(target)
            raise
    else:
        os.unlink(source)
    persist_names(target.parent)


def persist_names(folder: Path) -> None:
    """Make new names survive a power cut; Windows, and some network shares, cannot be asked."""
    if _WINDOWS:
        return
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _open_at_once(path: str, flags: int) -> int:
    """Opens a named pipe, too, without waiting for somebody to write into it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
