"""A whole database, piece by piece, and back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import frozen

from stablequeue_core.downloads import Download
from stablequeue_core.errors import StorageNotEmpty
from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import Job
from stablequeue_core.models import Model
from stablequeue_core.serialization import to_millis
from stablequeue_core.storage.chunks import (
    CHUNK_VALUES,
    Chunk,
    ChunkKind,
    FolderState,
    QueueState,
    UsedKey,
)
from stablequeue_core.storage.rows import (
    costs,
    downloads,
    events,
    identities,
    jobs,
    models,
    servers,
)
from stablequeue_core.storage.rows.text import restored, stored, to_json
from stablequeue_core.storage.sqlite import download_queries, fleet, places
from stablequeue_core.storage.sqlite import identities as kept_identities
from stablequeue_core.storage.sqlite import servers as kept_servers
from stablequeue_core.storage.sqlite.connection import Database, Row


@frozen(kw_only=True)
class _Table:
    """How one kind of values is read and written.

    Attributes:
        select: the rows, in the order in which they are to be restored.
        insert: writes one.
        read: the value of a row of ``select``.
        row: the values of ``insert``.
    """

    select: str
    insert: str
    read: Callable[[Row], Any]
    row: Callable[[Any], Row]


def dump(database: Database) -> Iterator[Chunk]:
    """Everything that is remembered, as it was when the first piece was asked for."""
    with database.read() as connection:
        yield Chunk(ChunkKind.QUEUE, [_queue_state(connection)])
        for kind, table in _TABLES.items():
            found = connection.execute(table.select)
            while some := found.fetchmany(CHUNK_VALUES):
                yield Chunk(kind, [table.read(row) for row in some])


def restore(database: Database, chunks: Iterable[Chunk]) -> None:
    """Remember all of it, in one transaction."""
    with database.write() as connection:
        _check_empty(connection)
        # No job is new here: the log that tells of them is restored, too.
        ((told_of_new_jobs,),) = connection.execute(_TRIGGER)
        connection.execute("DROP TRIGGER job_submitted")
        for chunk in chunks:
            if chunk.kind is ChunkKind.QUEUE:
                _keep_queue_state(connection, chunk.values[0])
            else:
                table = _TABLES[chunk.kind]
                connection.executemany(table.insert, map(table.row, chunk.values))
            if chunk.kind is ChunkKind.DOWNLOADS:
                records = ((each.number, to_json(each.record)) for each in chunk.values)
                connection.executemany(download_queries.ADD_RECORD, records)
        connection.execute(_COUNT_GAPS)
        connection.execute(told_of_new_jobs)
        database.was_told(EventKind.QUEUE_RESUMED, 1)


_TRIGGER = "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = 'job_submitted'"
_COUNT_GAPS = """
    UPDATE queue SET value = (
        SELECT coalesce(max(number), 0) - count(*) FILTER (WHERE part_of IS NULL) FROM jobs
    ) WHERE name = 'gaps'
"""
_FILLED = (
    "servers", "jobs", "models", "model_folders", "identities", "downloads", "costs", "events",
)  # fmt: skip


def _check_empty(connection: sqlite3.Connection) -> None:
    for table in _FILLED:
        if connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():
            raise StorageNotEmpty


def _queue_state(connection: sqlite3.Connection) -> QueueState:
    ((paused,),) = connection.execute("SELECT value FROM queue WHERE name = 'paused'")
    last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'models'").fetchone()
    return QueueState(paused=bool(paused), last_model=last[0] if last else 0)


def _keep_queue_state(connection: sqlite3.Connection, state: QueueState) -> None:
    connection.execute("UPDATE queue SET value = ? WHERE name = 'paused'", (state.paused,))
    connection.execute("INSERT INTO sqlite_sequence VALUES ('models', ?)", (state.last_model,))


def _insert(table: str, columns: Iterable[str]) -> str:
    names = list(columns)
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})"


def _job_row(job: Job) -> Row:
    turn = None if job.place == job.number else job.place
    return job.number, turn, *jobs.fixed(job), *jobs.changing(job, job.revision)


def _model_row(model: Model) -> Row:
    return model.id, *models.values_of(model)


def _download_row(download: Download) -> Row:
    fixed, changing = downloads.fixed, downloads.changing
    return download.number, *fixed(download), *changing(download, download.revision)


def _event_row(event: Event) -> Row:
    at, data = to_millis(event.at), to_json(event.data)
    return event.sequence, event.kind.value, at, event.job_id, event.server, data


_TABLES = {
    ChunkKind.SERVERS: _Table(
        select=kept_servers.ALL_UNCOUNTED,
        insert=kept_servers.INSERT,
        read=servers.uncounted,
        row=servers.server_row,
    ),
    ChunkKind.JOBS: _Table(
        select=f"SELECT {', '.join(places.ALL)} FROM jobs ORDER BY number",
        insert=_insert("jobs", ("number", "turn", *jobs.GIVEN)),
        read=jobs.job_of,
        row=_job_row,
    ),
    ChunkKind.KEYS: _Table(
        select="SELECT first, last, key, digest FROM idempotency_keys ORDER BY first",
        insert=_insert("idempotency_keys", ("first", "last", "key", "digest")),
        read=lambda row: UsedKey(first=row[0], last=row[1], key=row[2], digest=row[3]),
        row=lambda used: (used.first, used.last, used.key, used.digest),
    ),
    ChunkKind.MODELS: _Table(
        select=f"SELECT {', '.join(models.ALL)} FROM models ORDER BY id",
        insert=_insert("models", ("id", *models.GIVEN)),
        read=models.model_of,
        row=_model_row,
    ),
    ChunkKind.FOLDERS: _Table(
        select="SELECT root, folder, fingerprint FROM model_folders",
        insert=_insert("model_folders", ("root", "folder", "fingerprint")),
        read=lambda row: FolderState(
            root=restored(row[0]), folder=restored(row[1]), fingerprint=restored(row[2])
        ),
        row=lambda state: (stored(state.root), stored(state.folder), stored(state.fingerprint)),
    ),
    ChunkKind.IDENTITIES: _Table(
        select=f"SELECT {identities.COLUMNS} FROM identities",
        insert=kept_identities.SAVE,
        read=identities.identity_of,
        row=identities.identity_row,
    ),
    ChunkKind.DOWNLOADS: _Table(
        select=download_queries.EVERYTHING,
        insert=_insert("downloads", ("number", *downloads.GIVEN)),
        read=downloads.download_of,
        row=_download_row,
    ),
    ChunkKind.COSTS: _Table(
        select=fleet.COSTS,
        insert=fleet.SAVE_COST,
        read=costs.cost_of,
        row=costs.cost_row,
    ),
    ChunkKind.EVENTS: _Table(
        select=f"SELECT {events.COLUMNS} FROM events ORDER BY sequence",
        insert=_insert("events", events.COLUMNS.split(", ")),
        read=events.event_of,
        row=_event_row,
    ),
}
