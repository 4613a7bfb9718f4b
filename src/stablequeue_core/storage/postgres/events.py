"""The log of events in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from stablequeue_core.events import Event, EventLog
from stablequeue_core.serialization import to_millis
from stablequeue_core.storage.postgres.connecting import Connected
from stablequeue_core.storage.postgres.database import Database, Row
from stablequeue_core.storage.postgres.queue_row import queue_row
from stablequeue_core.storage.rows.events import event_of
from stablequeue_core.storage.rows.text import to_json

COLUMNS = "kind, at, job_id, server, data"

COUNTED = "UPDATE queue SET sequence = sequence + 1"
"""The next number is ours. Nobody else gets one until this change is kept, or is not."""

_RECORD = f"""
    WITH counted AS ({COUNTED} RETURNING sequence)
    INSERT INTO events (sequence, {COLUMNS}) SELECT sequence, %s, %s, %s, %s, %s FROM counted
"""
_READ = f"""
    SELECT sequence, {COLUMNS} FROM events WHERE sequence > %s ORDER BY sequence LIMIT %s
"""
_LAST = "SELECT sequence FROM queue"
# Up to the first that is not that old: the log has no holes.
_TRIM = """
    DELETE FROM events WHERE sequence < (
        SELECT coalesce(min(sequence) FILTER (WHERE at >= %(before)s), max(sequence) + 1)
        FROM (SELECT sequence, at FROM events ORDER BY sequence LIMIT %(limit)s) AS oldest
    ) AND sequence < (SELECT max(sequence) FROM events)
"""


def row_of(event: Event) -> Row:
    """The values of the columns :data:`COLUMNS`."""
    return (
        event.kind.value, to_millis(event.at), event.job_id, event.server, to_json(event.data)
    )  # fmt: skip


def record(connection: Connected, event: Event) -> None:
    """Write ``event`` in the transaction that makes the change it tells of, as the last of it."""
    connection.execute(_RECORD, row_of(event))


class PostgresEvents(EventLog):
    """The events that all stores of one database have written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The events with a sequence number above ``after``, oldest first, at most ``limit``."""
        return [event_of(row) for row in self._database.fetch(_READ, (after, limit))]

    def last(self) -> int:
        """The sequence number of the newest event, 0 when there never was one."""
        found = self._database.fetch(_LAST)
        (last,) = queue_row(found[0] if found else None)
        return int(last)

    def trim(self, before: datetime, limit: int) -> int:
        """Forget the oldest events that are older than ``before``, at most ``limit`` of them."""
        values = {"before": to_millis(before), "limit": limit}
        return self._database.transact(
            lambda connection: connection.execute(_TRIM, values).rowcount
        )
