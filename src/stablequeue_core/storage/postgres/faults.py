"""What PostgreSQL and the way to it complain of, in words of our own.

None of them repeats what libpq says of a connection, which may name users. Where the server was
looked for (a host and a port) is told to whoever connects.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import psycopg
import psycopg_pool
from psycopg import errors

from stablequeue_core.errors import (
    StorageBusy,
    StorageCorrupt,
    StorageError,
    StorageFull,
    StorageReadOnly,
    StorageUnreachable,
)
from stablequeue_core.storage.moves import move_in

_AWAY = (
    "The database server{} cannot be reached. Check that it runs, that this computer can reach it, "
    "and the address of the database; a queue that is open finds it again by itself."
)
_DEFAULT_PORT = 5432
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
_PORT = re.compile(r"[0-9]*")
UNREADABLE = (
    "The address of the database cannot be read. It must look like "
    "postgresql://user:password@host:5432/database, with what is special in a password written as "
    "%-codes."
)
_CUT = (
    "The connection to the database was lost while a change was being written, so it is not known "
    "whether it was kept. Look before you try again."
)
_NO_ENTRY = (
    "The database server does not let us in. Check the user name and the password in the address "
    "of the database."
)
_NO_DATABASE = (
    "The database server has no database of that name. Make one, or check the address of the "
    "database."
)
_INCOMPLETE = (
    "A table of the queue is missing in the database, or a column of one. Put a backup back, or "
    "choose an empty schema."
)
_CROWDED = (
    "The database server has no room for another connection. Raise its max_connections, or run "
    "fewer processes."
)

_BY_KIND: tuple[tuple[type[psycopg.Error], type[StorageError], str], ...] = (
    (errors.InvalidAuthorizationSpecification, StorageUnreachable, _NO_ENTRY),
    (errors.InvalidPassword, StorageUnreachable, _NO_ENTRY),
    (errors.InvalidCatalogName, StorageUnreachable, _NO_DATABASE),
    (errors.TooManyConnections, StorageUnreachable, _CROWDED),
    (
        errors.InsufficientPrivilege,
        StorageReadOnly,
        "The user of the database may not do this; nothing of this change was kept. "
        "Let the user create schemas in the database, or own the schema of the queue.",
    ),
    (
        errors.ReadOnlySqlTransaction,
        StorageReadOnly,
        "The database may not be written; nothing of this change was kept. It may be a standby: "
        "give the address of the primary server.",
    ),
    (
        errors.DiskFull,
        StorageFull,
        "The disk that holds the database is full; nothing of this change was kept. "
        "Free some space on the database server, then try again.",
    ),
    (
        errors.LockNotAvailable,
        StorageBusy,
        "Another process held the database for too long; nothing of this change was kept. "
        "Try again.",
    ),
    (
        errors.DeadlockDetected,
        StorageBusy,
        "Two processes were in each other's way; nothing of this change was kept. Try again.",
    ),
    (
        errors.DataCorrupted,
        StorageCorrupt,
        "The database is damaged. Stop StableQueue, and put a backup back.",
    ),
    (
        errors.IndexCorrupted,
        StorageCorrupt,
        "An index of the database is damaged. Stop StableQueue, and run REINDEX on the schema.",
    ),
    (errors.UndefinedTable, StorageCorrupt, _INCOMPLETE),
    (errors.UndefinedColumn, StorageCorrupt, _INCOMPLETE),
    (
        errors.DuplicateTable,
        StorageCorrupt,
        "This schema of the database holds something of another program by the name of a table "
        "of the queue. Choose another database.",
    ),
)

# libpq has no codes for what happens before it is let in, only words.
_BY_WORDS = (
    ("password authentication failed", _NO_ENTRY),
    ("no password supplied", _NO_ENTRY),
    ("pg_hba.conf", _NO_ENTRY),
    # Before what it may say of the role that has too many.
    ("too many ", _CROWDED),
    ("remaining connection slots", _CROWDED),
    ("role ", _NO_ENTRY),
)


def place_of(address: Mapping[str, Any]) -> str:
    """Where the server is, as a part of a sentence; empty where that cannot be said safely.

    Args:
        address: what libpq has read in it. If a password holds a `/` or an `@` that is not written
            as a %-code, a piece of it stands there as a port, and the true host elsewhere.

    Example:
        >>> place_of({"host": "db.example", "port": "5432"})
        ' at db.example, port 5432,'
    """
    host, port = str(address.get("host", "")), str(address.get("port", ""))
    is_torn = any("@" in str(address[key]) for key in address.keys() - {"user", "password"})
    if is_torn or not _HOST.fullmatch(host) or not _PORT.fullmatch(port):
        return ""
    return f" at {host}, port {port or _DEFAULT_PORT},"


def told(error: psycopg.Error, place: str = "") -> StorageError:
    """The counterpart of ``error``: says what to do, and names no user.

    Args:
        error: of psycopg.
        place: as :func:`place_of` has it; empty: not to be named.
    """
    if isinstance(error, errors.RaiseException) and (move := move_in(error.diag.message_primary)):
        return move.error()
    for kind, ours, sentence in _BY_KIND:
        if isinstance(error, kind):
            return ours(sentence)
    if is_lost(error):
        return StorageUnreachable(_AWAY.format(place))
    said = error.diag.message_primary or type(error).__name__
    return StorageError(f"The database refused what was asked of it: {said}.")


def not_let_in(error: psycopg.Error, place: str = "") -> StorageError:
    """Why no connection came about; see :func:`told`."""
    if error.sqlstate is None:
        said = str(error)
        if "database " in said and "does not exist" in said:
            return StorageUnreachable(_NO_DATABASE)
        for words, sentence in _BY_WORDS:
            if words in said:
                return StorageUnreachable(sentence)
    return told(error, place)


def is_lost(error: psycopg.Error) -> bool:
    """Whether the connection is gone, or none could be had; others may be well again at once."""
    return isinstance(
        error,
        errors.AdminShutdown
        | errors.CrashShutdown
        | errors.CannotConnectNow
        | errors.IdleInTransactionSessionTimeout
        | psycopg_pool.PoolTimeout,
    ) or (isinstance(error, psycopg.OperationalError) and error.sqlstate is None)


def away() -> StorageUnreachable:
    """Nobody answers."""
    return StorageUnreachable(_AWAY.format(""))


def cut() -> StorageUnreachable:
    """The connection was lost after a change was sent and before it was confirmed."""
    return StorageUnreachable(_CUT)
