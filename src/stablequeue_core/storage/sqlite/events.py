"""The log of events in SQLite. It is written by :meth:`Database.tell`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

from stablequeue_core.events import Event, EventLog
from stablequeue_core.serialization import to_millis
from stablequeue_core.storage.rows.events import COLUMNS, event_of
from stablequeue_core.storage.sqlite.connection import Database

_READ = f"SELECT {COLUMNS} FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?"
_LAST = "SELECT coalesce(max(sequence), 0) FROM events"
_OLDEST = "SELECT sequence, at FROM events ORDER BY sequence LIMIT ?"
_FORGET = """
    DELETE FROM events WHERE sequence <= ? AND sequence < (SELECT max(sequence) FROM events)
"""


class SqliteEvents(EventLog):
    """The events that all stores of one database have written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The events with a sequence number above ``after``, oldest first, at most ``limit``."""
        return [event_of(row) for row in self._database.fetch(_READ, (after, limit))]

    def last(self) -> int:
        """The sequence number of the newest event, 0 when there never was one."""
        ((last,),) = self._database.fetch(_LAST)
        return int(last)

    def trim(self, before: datetime, limit: int) -> int:
        """Forget the oldest events that are older than ``before``, at most ``limit`` of them."""
        moment = to_millis(before)
        # Whoever looks in vain holds up nobody who writes.
        oldest = self._database.fetch(_OLDEST, (limit,))
        old = [sequence for sequence, _ in takewhile(lambda row: row[1] < moment, oldest)]
        if not old:
            return 0
        with self._database.write() as connection:
            return connection.execute(_FORGET, (old[-1],)).rowcount
