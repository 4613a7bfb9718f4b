"""A file that nobody may write, for a while or for good.

For a while, one transaction holds the right to write; the system takes it from a process that dies.
For good, triggers refuse every change, so that processes learn of it that opened the file before.
They are there only then: all other changes cost what they did.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from stablequeue_core.serialization import from_millis, to_millis
from stablequeue_core.storage.moves import MOVED_BY, Leave, Move
from stablequeue_core.storage.sqlite.connection import Database

TABLES = (
    "queue", "jobs", "idempotency_keys", "events", "servers", "costs", "reports", "workers",
    "models", "model_folders", "identities", "downloads", "download_records",
)  # fmt: skip
"""All of ours; other programs may keep their own in the file."""

_CHANGES = ("INSERT", "UPDATE", "DELETE")
_REFUSE = """
    CREATE TRIGGER {name} BEFORE {change} ON {table} BEGIN SELECT RAISE(ABORT, '{sentence}'); END
"""
_MOVED = f"SELECT place, at FROM {MOVED_BY}"


@contextmanager
def fence(database: Database) -> Iterator[Leave]:
    """Let nobody write until the block ends; nor afterwards, if the file was left."""
    with database.apart() as connection:
        if (before := moved_in(connection)) is not None:
            raise before.error()
        yield lambda move: _mark(connection, move)


def moved(database: Database) -> Move | None:
    """Where the queue was moved to; None: it is here."""
    with database.read() as connection:
        return moved_in(connection)


def moved_in(connection: sqlite3.Connection) -> Move | None:
    """As :func:`moved`, by a connection to the file."""
    row = connection.execute(_MOVED).fetchone()
    return Move(to=row[0], at=from_millis(row[1])) if row else None


def reopen(database: Database) -> Move | None:
    """Let the file be written again; where the queue was."""
    with database.write() as connection:
        move = moved_in(connection)
        if move is not None:
            for name, _, _ in _triggers():
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute(f"DELETE FROM {MOVED_BY}")
    return move


def _mark(connection: sqlite3.Connection, move: Move) -> None:
    connection.execute(f"INSERT INTO {MOVED_BY} VALUES (?, ?)", (move.to, to_millis(move.at)))
    # A trigger has no parameters, and RAISE no expression for its sentence.
    sentence = move.sentence.replace("'", "''")
    for name, change, table in _triggers():
        refuse = _REFUSE.format(name=name, change=change, table=table, sentence=sentence)
        connection.execute(refuse)


def _triggers() -> Iterator[tuple[str, str, str]]:
    """The name of each, before what change of which table it comes."""
    for table in TABLES:
        for change in _CHANGES:
            yield f"{MOVED_BY}_{table}_{change.lower()}", change, table
