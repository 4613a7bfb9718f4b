"""Whether a database is well, and how it gives room back."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from stablequeue_core.storage.postgres.connecting import Connected, quoted
from stablequeue_core.storage.postgres.database import Database, Row
from stablequeue_core.storage.postgres.queue_row import queue_row
from stablequeue_core.storage.rows.jobs import ALL
from stablequeue_core.storage.rows.leaving_out import unreadable_ones

WORTH_IT = 1000
"""Fewer removed rows than this are left to PostgreSQL itself."""

OLD_AGE = 1_500_000_000
"""Transactions after which PostgreSQL is about to refuse writing, unless VACUUM runs."""

ROWS_AT_A_TIME = 500
"""So many of the jobs are fetched at once: what a job keeps may be long."""

_JOBS = f"SELECT {', '.join(ALL)} FROM jobs ORDER BY number"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
_READ_ALL = "SELECT count(*), sum(length({table}::text)) FROM {table}"
_BAD_INDICES = """
    SELECT count(*) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE relnamespace = quote_ident(current_schema())::regnamespace
    AND NOT (indisvalid AND indisready)
"""
_MISCOUNTED = """
    SELECT queue.completed <> counted.completed OR queue.failed <> counted.failed
    OR queue.cancelled <> counted.cancelled
    OR sequence < (SELECT coalesce(max(sequence), 0) FROM events)
    OR number < (SELECT coalesce(max(number), 0) FROM jobs)
    FROM queue, (
        SELECT count(*) FILTER (WHERE status = 'completed') AS completed,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        count(*) FILTER (WHERE status = 'cancelled') AS cancelled
        FROM jobs WHERE part_of IS NULL
    ) AS counted
"""
_SETTINGS = """
    SELECT current_setting('fsync'), current_setting('full_page_writes'),
    (SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database())
"""
_FULL_OF_HOLES = f"""
    SELECT relname, relid FROM pg_stat_user_tables
    WHERE schemaname = current_schema() AND n_dead_tup >= {WORTH_IT} ORDER BY n_dead_tup DESC
"""
_SIZE = "SELECT pg_total_relation_size(%s::oid)"

_DAMAGED = (
    "The table {table} cannot be read to its end ({reason}). Stop StableQueue, copy the data "
    "folder of the database server to a safe place, and put a backup back."
)
_BROKEN_INDEX = "An index of the queue is not usable. Run REINDEX on its schema."
_WRONG_COUNTS = (
    "The counters of the queue do not agree with its jobs: another program has changed it. The "
    "numbers that are shown are wrong; if you have a backup from before, put it back."
)
_NO_FSYNC = (
    "The database server does not wait for its disk (fsync or full_page_writes is off): a power "
    "cut can take everything. Turn both on."
)
_OLD = (
    "The database is about to run out of transaction numbers. Run VACUUM in it, and look why "
    "autovacuum does not."
)


class Upkeep:
    """Looks after the tables of one schema."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def examine(self) -> Sequence[str]:
        """What is wrong, in sentences that say what to do; reads everything."""
        return self._database.read(_findings)

    def shrink(self) -> int:
        """Give the room back that removed rows took in one table; how many bytes that made."""
        return self._database.outside(_shrink)


def _findings(connection: Connected) -> list[str]:
    found = []
    for (table,) in connection.execute(_TABLES).fetchall():
        reading = sql.SQL(_READ_ALL).format(table=quoted(table))
        try:
            with connection.transaction():
                connection.execute(reading, prepare=False)
        except (psycopg.errors.DataCorrupted, psycopg.errors.InternalError_) as error:
            reason = error.diag.message_primary
            found.append(_DAMAGED.format(table=table, reason=reason))
    if found:
        return found
    with connection.cursor(name="stablequeue_examination") as cursor:
        cursor.itersize = ROWS_AT_A_TIME
        found += unreadable_ones(cursor.execute(_JOBS))
    if _only(connection, _BAD_INDICES)[0]:
        found.append(_BROKEN_INDEX)
    if queue_row(connection.execute(_MISCOUNTED).fetchone())[0]:
        found.append(_WRONG_COUNTS)
    fsync, full_pages, age = _only(connection, _SETTINGS)
    if "off" in (fsync, full_pages):
        found.append(_NO_FSYNC)
    if age > OLD_AGE:
        found.append(_OLD)
    return found


def _shrink(connection: Connected) -> int:
    for table, oid in connection.execute(_FULL_OF_HOLES).fetchall():
        (before,) = _only(connection, _SIZE, oid)
        # Waits for nobody: a table that somebody has locked is left for the next time.
        connection.execute(sql.SQL("VACUUM (SKIP_LOCKED) {}").format(quoted(table)), prepare=False)
        (after,) = _only(connection, _SIZE, oid)
        if after < before:
            return int(before - after)
    return 0


def _only(connection: Connected, select: str, *values: object) -> Row:
    row = connection.execute(select, values).fetchone()
    assert row is not None
    return row
