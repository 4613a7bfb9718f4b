"""The part of a file that is here already, and its SHA-256 so far.

It lies beside its target as ``<stem>.<first 8 digits of the download's id>.part``, so it belongs to
one download; and one download is given to one fetcher, for the store gives it to one claim, and one
process fetches for a data folder. Nobody else ever writes to it.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Self

from attrs import define, field

from stablequeue_core.downloads.download import Download
from stablequeue_core.models.files.safe_files import NoRegularFile
from stablequeue_core.transport import Abort

BLOCK_BYTES = 512 * 1024
"""Handed to the hashing thread at once. Larger blocks fall out of the cache between being written
and being hashed, smaller ones cost more handing over."""

_BLOCKS = 8
_WRITE_BACK_BYTES = 16 * 1024 * 1024
_ID_DIGITS = 8


def part_path(download: Download) -> Path:
    """Where the part of a download lies.

    Example::

        part_path(download).name      # 'harborMixXL_v20.0f3c9a51.part'
    """
    target = download.file
    return target.with_name(f"{target.stem}.{download.id[:_ID_DIGITS]}.part")


def bytes_here(download: Download) -> int:
    """How much of the file is here, whichever process fetches it; 0 when it is placed or gone."""
    try:
        return part_path(download).stat().st_size
    except OSError:
        return 0


@define
class HashSoFar:
    """The SHA-256 of the first ``done`` bytes of a part, and what that part was when it was left.

    Kept in memory by who fetches, so that a download which was paused need not be read again.
    """

    sha256: hashlib._Hash = field(factory=hashlib.sha256)
    done: int = 0
    state: tuple[int, int, int] | None = None


class PartFile:
    """Takes bytes as they come: writes them at once, and hashes the same bytes in another thread.

    Receiving, writing and hashing overlap, and nothing is read a second time. Close it, or use it
    as a context manager.

    Args:
        path: of the part; it is made if it is not there.
        known: what :meth:`close` gave the last time; it is believed if nobody touched the file
            since.

    Example::

        with PartFile(part_path(download)) as part:
            part.read_back(abort)
            while count := answer.readinto(part.room):
                part.add(count)
            part.sync()
            digits = part.sha256()
    """

    def __init__(self, path: Path, known: HashSoFar | None = None) -> None:
        self._file = open(path, "r+b", buffering=0, opener=_open_or_make)  # noqa: SIM115
        self.size = self._state()[0]
        """How many bytes are here."""
        is_known = known is not None and known.state == self._state()
        self._hash = known if known is not None and is_known else HashSoFar()
        self._block = memoryview(bytearray(BLOCK_BYTES))
        self._filled = 0
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        self._full: SimpleQueue[memoryview | None] = SimpleQueue()
        for _ in range(_BLOCKS - 1):
            self._free.put(memoryview(bytearray(BLOCK_BYTES)))
        self._hasher: threading.Thread | None = None
        self._written_back = self.size

    @property
    def room(self) -> memoryview:
        """Where the next bytes go; then :meth:`add` them."""
        return self._block[self._filled :]

    def add(self, count: int) -> None:
        """Append the first ``count`` bytes of :attr:`room`.

        Raises:
            OSError: they could not all be written; none of them belongs to the part.
        """
        try:
            self._write(self.room[:count])
        except BaseException:
            with suppress(OSError):
                self._file.truncate(self.size)
                self._file.seek(self.size)
            raise
        self.size += count
        self._take(count)
        if self.size - self._written_back >= _WRITE_BACK_BYTES:
            self._write_back()

    def read_back(self, abort: Abort) -> None:
        """Hash what is here and was not hashed yet: what another process has written.

        Until the abort is pulled; what was hashed by then is kept.
        """
        self._file.seek(self._hash.done)
        done = self._hash.done
        while done < self.size and not abort.pulled:
            count = self._file.readinto(self.room[: self.size - done])
            if not count:  # it is shorter than it was
                break
            done += count
            self._take(count)
        self._file.seek(self.size)

    def beginning(self, count: int) -> bytes:
        """The first bytes, at most ``count``."""
        self._file.seek(0)
        try:
            return self._file.read(count)
        finally:
            self._file.seek(self.size)

    def empty(self) -> None:
        """Forget everything; the part begins anew."""
        self._settle()
        self._file.truncate(0)
        self._file.seek(0)
        self.size = self._written_back = 0
        self._hash = HashSoFar()

    def sync(self) -> None:
        """Make all of it survive a power cut."""
        os.fsync(self._file.fileno())

    def sha256(self) -> str:
        """Of all of it, in lower-case hex; waits until the hashing is done."""
        self._settle()
        return self._hash.sha256.hexdigest()

    def close(self) -> HashSoFar:
        """Close the file; safe to call again.

        Returns:
            its hash so far, for the next time.
        """
        if not self._file.closed:
            self._settle()
            self._hash.state = self._state()
            self._file.close()
        return self._hash

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _write(self, data: memoryview) -> None:
        while data:
            data = data[self._file.write(data) :]

    def _take(self, count: int) -> None:
        """The next ``count`` bytes of the block are to be hashed: in the thread, once it is full.

        Waits for an empty block, so that no more is received than can be hashed.
        """
        self._filled += count
        if self._filled < len(self._block):
            return
        if self._hasher is None:
            self._hasher = threading.Thread(
                target=self._hash_blocks, name="stablequeue-hash", daemon=True
            )
            self._hasher.start()
        self._full.put(self._block)
        self._block, self._filled = self._free.get(), 0

    def _hash_blocks(self) -> None:
        while (block := self._full.get()) is not None:
            self._hash_next(block)
            self._free.put(block)

    def _hash_next(self, data: memoryview) -> None:
        self._hash.sha256.update(data)
        self._hash.done += len(data)

    def _settle(self) -> None:
        """Wait until everything that was taken is hashed."""
        if self._hasher is not None:
            self._full.put(None)
            self._hasher.join()
            self._hasher = None
        self._hash_next(self._block[: self._filled])
        self._filled = 0

    def _write_back(self) -> None:
        """Have the system begin to carry to the disk what it was given, so that sync() is quick."""
        if hasattr(os, "posix_fadvise"):
            start, length = self._written_back, self.size - self._written_back
            with suppress(OSError):
                os.posix_fadvise(self._file.fileno(), start, length, os.POSIX_FADV_DONTNEED)
        self._written_back = self.size

    def _state(self) -> tuple[int, int, int]:
        found = os.fstat(self._file.fileno())
        return found.st_size, found.st_mtime_ns, found.st_ino


def _open_or_make(path: str, flags: int) -> int:
    """Opens a regular file only, none that a link with this name leads to."""
    extra = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    opened = os.open(path, flags | os.O_CREAT | extra, 0o666)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise NoRegularFile
    return opened
