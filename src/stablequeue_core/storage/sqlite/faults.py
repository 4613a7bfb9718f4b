"""What SQLite and the file system complain of, in words of our own."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from stablequeue_core.errors import (
    StorageBusy,
    StorageCorrupt,
    StorageError,
    StorageFull,
    StorageReadOnly,
)
from stablequeue_core.storage.moves import move_in

_BUSY = (
    StorageBusy,
    (
        "Another process held the queue database for too long; nothing of this change was kept. "
        "Try again."
    ),
)
_FULL = (
    StorageFull,
    (
        "The disk that holds the queue database is full; nothing of this change was kept. "
        "Free some space, then try again."
    ),
)
_READ_ONLY = (
    StorageReadOnly,
    (
        "The queue database may not be written; nothing of this change was kept. "
        "Make the file and its folder writable for the user that runs StableQueue."
    ),
)
_DAMAGED = (
    StorageCorrupt,
    (
        "The queue database is damaged. Stop StableQueue and copy the data folder to a safe place; "
        "then put a backup back, or move the file away to begin with an empty queue."
    ),
)
_NOT_OURS = (
    StorageCorrupt,
    (
        "The file is not a queue database. Open another data folder, or move the file away to "
        "begin with an empty queue."
    ),
)
_INCOMPLETE = (
    StorageCorrupt,
    (
        "The queue database lacks what every one of ours has: it is damaged, or another program "
        "has changed it. Stop StableQueue and copy the data folder to a safe place; then put a "
        "backup back, or move the file away to begin with an empty queue."
    ),
)
_IO = (
    StorageError,
    (
        "The disk could not be read or written; nothing of this change was kept. "
        "Check the disk and the folder of the queue database."
    ),
)
_CANNOT_OPEN = (
    StorageError,
    (
        "The queue database could not be opened. "
        "Check that its folder exists and may be written, and that the path names a file."
    ),
)

_NO_TEXT = (
    "The queue database refused what was asked of it: a text holds half of a character "
    "(a lone surrogate), which no database can keep."
)

_BY_SQLITE_CODE: dict[int, tuple[type[StorageError], str]] = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_PROTOCOL: _BUSY,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _NOT_OURS,
    sqlite3.SQLITE_IOERR: _IO,
    sqlite3.SQLITE_CANTOPEN: _CANNOT_OPEN,
}

# All of these have the same code.
_SAID_OF_MISSING = ("no such table", "no such column", "no such index", "already exists")

_BY_ERRNO: dict[int | None, tuple[type[StorageError], str]] = {
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
    errno.EROFS: _READ_ONLY,
    errno.ENOSPC: _FULL,
}


@contextmanager
def translated() -> Iterator[None]:
    """Raise every error of SQLite as its counterpart among ours."""
    try:
        yield
    except (sqlite3.Error, UnicodeEncodeError) as error:
        raise told(error) from error


def told(error: sqlite3.Error | OSError | UnicodeEncodeError) -> StorageError:
    """The counterpart of ``error``: says what to do, and names no path of the machine."""
    if isinstance(error, OSError):
        kind, sentence = _BY_ERRNO.get(error.errno, _CANNOT_OPEN)
        return kind(sentence)
    if isinstance(error, UnicodeEncodeError):
        return StorageError(_NO_TEXT)
    if (move := move_in(str(error))) is not None:
        return move.error()
    known = _BY_SQLITE_CODE.get(primary_code(error))
    if known is None:
        if any(words in str(error) for words in _SAID_OF_MISSING):
            return incomplete()
        return StorageError(f"The queue database refused what was asked of it: {error}.")
    kind, sentence = known
    return kind(sentence)


def not_ours() -> StorageError:
    """The file is a database, but of another program."""
    kind, sentence = _NOT_OURS
    return kind(sentence)


def incomplete() -> StorageError:
    """The file is ours, but something is missing that is there from the beginning."""
    kind, sentence = _INCOMPLETE
    return kind(sentence)


def read_only() -> StorageError:
    """The file may not be written."""
    kind, sentence = _READ_ONLY
    return kind(sentence)


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's main result code, without the extension in its upper bytes; 0 when it has none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
