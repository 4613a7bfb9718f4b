"""The log of events in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from stablequeue_core.events import Event, EventKind, EventLog
from stablequeue_core.serialization import from_millis, to_millis
from stablequeue_core.storage.sqlite.connection import Database
from stablequeue_core.storage.sqlite.text import from_json, to_json

_INSERT = "INSERT INTO events (kind, at, job_id, server, data) VALUES (?, ?, ?, ?, ?)"
_READ = """
    SELECT sequence, kind, at, job_id, server, data FROM events
    WHERE sequence > ? ORDER BY sequence LIMIT ?
"""
_LAST = "SELECT coalesce(max(sequence), 0) FROM events"


def record(connection: sqlite3.Connection, event: Event) -> None:
    """Write ``event`` in the transaction that makes the change it tells of."""
    at, data = to_millis(event.at), to_json(event.data)
    connection.execute(_INSERT, (event.kind.value, at, event.job_id, event.server, data))


class SqliteEvents(EventLog):
    """The events that all stores of one database have written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The events with a sequence number above ``after``, oldest first, at most ``limit``."""
        return [
            Event(
                sequence=sequence,
                kind=EventKind(kind),
                at=from_millis(at),
                job_id=job_id,
                server=server,
                data=from_json(data),
            )
            for sequence, kind, at, job_id, server, data in self._database.fetch(
                _READ, (after, limit)
            )
        ]

    def last(self) -> int:
        """The sequence number of the newest event, 0 when there is none."""
        ((last,),) = self._database.fetch(_LAST)
        return int(last)
