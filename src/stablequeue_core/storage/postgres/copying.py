"""A whole database, piece by piece, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

import psycopg
from attrs import frozen
from psycopg import sql

from stablequeue_core.errors import StorageNotEmpty
from stablequeue_core.storage.chunks import (
    CHUNK_VALUES,
    Chunk,
    ChunkKind,
    FolderState,
    QueueState,
    UsedKey,
)
from stablequeue_core.storage.postgres.connecting import Connected, quoted
from stablequeue_core.storage.postgres.database import Database, Row, one_moment
from stablequeue_core.storage.postgres.events import COLUMNS as EVENT_COLUMNS
from stablequeue_core.storage.postgres.events import row_of
from stablequeue_core.storage.postgres.faults import told
from stablequeue_core.storage.postgres.queue_row import queue_row
from stablequeue_core.storage.rows import (
    costs,
    downloads,
    events,
    identities,
    jobs,
    models,
    servers,
)
from stablequeue_core.storage.rows.text import to_json


@frozen(kw_only=True)
class _Table:
    """How one kind of values is read and written.

    Attributes:
        name: of the table.
        columns: that are read.
        order: of the rows.
        read: the value of a row of these columns.
        written: the columns that are written; None: the same.
        row: their values.
    """

    name: str
    columns: str
    order: str
    read: Callable[[Row], Any]
    row: Callable[[Any], Row]
    written: str | None = None


class Copying:
    """Reads and writes everything of one schema."""

    def __init__(self, database: Database) -> None:
        self._address = database.address

    def dump(self) -> Iterator[Chunk]:
        """Everything that is remembered, as it was when the first piece was asked for."""
        with closing(self._address.connect()) as connection:
            try:
                # Whoever reads may take his time.
                connection.execute("SET idle_in_transaction_session_timeout = 0")
                with one_moment(connection):
                    yield Chunk(ChunkKind.QUEUE, [_queue_state(connection)])
                    for kind, table in _TABLES.items():
                        yield from _chunks(connection, kind, table)
            except psycopg.Error as error:
                raise told(error) from error

    def restore(self, chunks: Iterable[Chunk]) -> None:
        """Remember all of it, in one transaction."""
        with closing(self._address.connect()) as connection:
            try:
                connection.execute("SET idle_in_transaction_session_timeout = 0")
                with connection.transaction():
                    _restore(connection, chunks)
            except psycopg.Error as error:
                raise told(error) from error


def _chunks(connection: Connected, kind: ChunkKind, table: _Table) -> Iterator[Chunk]:
    select = f"SELECT {table.columns} FROM {table.name} ORDER BY {table.order}"
    with connection.cursor(name="stablequeue_dump") as cursor:
        cursor.execute(select)
        while some := cursor.fetchmany(CHUNK_VALUES):
            yield Chunk(kind, [table.read(row) for row in some])


def _restore(connection: Connected, chunks: Iterable[Chunk]) -> None:
    connection.execute("LOCK TABLE queue IN ACCESS EXCLUSIVE MODE")
    _check_empty(connection)
    # What they count is counted at the end, in one go.
    connection.execute("ALTER TABLE jobs DISABLE TRIGGER USER")
    for chunk in chunks:
        if chunk.kind is ChunkKind.QUEUE:
            _keep_queue_state(connection, chunk.values[0])
        else:
            _copy_in(connection, _TABLES[chunk.kind], chunk.values)
    connection.execute("ALTER TABLE jobs ENABLE TRIGGER USER")
    connection.execute(_COUNT)


def _copy_in(connection: Connected, table: _Table, values: Sequence[Any]) -> None:
    columns = table.written or table.columns
    statement = f"COPY {table.name} ({columns}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for value in values:
            copy.write_row(table.row(value))


_COUNT = """
    UPDATE queue SET
        sequence = (SELECT coalesce(max(sequence), 0) FROM events),
        number = (SELECT coalesce(max(number), 0) FROM jobs),
        download = (SELECT coalesce(max(number), 0) FROM downloads),
        completed = counted.completed, failed = counted.failed, cancelled = counted.cancelled
    FROM (
        SELECT count(*) FILTER (WHERE status = 'completed') AS completed,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        count(*) FILTER (WHERE status = 'cancelled') AS cancelled
        FROM jobs WHERE part_of IS NULL
    ) AS counted
"""
_LAST_MODEL = (
    "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('models', 'id')::regclass), 0)"
)
_SET_LAST_MODEL = """
    SELECT setval(pg_get_serial_sequence('models', 'id'), greatest(%(last)s, 1), %(last)s > 0)
"""
_FILLED = (
    "servers", "jobs", "models", "model_folders", "identities", "downloads", "costs", "events",
)  # fmt: skip


def _check_empty(connection: Connected) -> None:
    for table in _FILLED:
        select = sql.SQL("SELECT 1 FROM {} LIMIT 1").format(quoted(table))
        if connection.execute(select).fetchone():
            raise StorageNotEmpty


def _queue_state(connection: Connected) -> QueueState:
    (paused,) = queue_row(connection.execute("SELECT paused FROM queue").fetchone())
    last = connection.execute(_LAST_MODEL).fetchone()
    assert last is not None
    return QueueState(paused=paused, last_model=last[0])


def _keep_queue_state(connection: Connected, state: QueueState) -> None:
    connection.execute("UPDATE queue SET paused = %s", (state.paused,))
    connection.execute(_SET_LAST_MODEL, {"last": state.last_model})


def _job_row(job: Any) -> Row:
    return job.number, job.place, *jobs.fixed(job), *jobs.changing(job, job.revision)


def _download_row(download: Any) -> Row:
    fixed = downloads.fixed(download)
    changing = downloads.changing(download, download.revision)
    return download.number, *fixed, *changing, to_json(download.record)


_TABLES = {
    ChunkKind.SERVERS: _Table(
        name="servers",
        columns=servers.COLUMNS,
        order="position",
        read=servers.uncounted,
        row=servers.server_row,
    ),
    ChunkKind.JOBS: _Table(
        name="jobs",
        columns=", ".join(jobs.ALL),
        order="number",
        read=jobs.job_of,
        row=_job_row,
    ),
    ChunkKind.KEYS: _Table(
        name="idempotency_keys",
        columns="first, last, key, digest",
        order="first",
        read=lambda row: UsedKey(first=row[0], last=row[1], key=row[2], digest=row[3]),
        row=lambda used: (used.first, used.last, used.key, used.digest),
    ),
    ChunkKind.MODELS: _Table(
        name="models",
        columns=", ".join(models.ALL),
        order="id",
        read=models.model_of,
        written=", ".join(("id", *models.GIVEN)),
        row=lambda model: (model.id, *models.values_of(model)),
    ),
    ChunkKind.FOLDERS: _Table(
        name="model_folders",
        columns="root, folder, fingerprint",
        order="root, folder",
        read=lambda row: FolderState(root=row[0], folder=row[1], fingerprint=row[2]),
        row=lambda state: (state.root, state.folder, state.fingerprint),
    ),
    ChunkKind.IDENTITIES: _Table(
        name="identities",
        columns=identities.COLUMNS,
        order="sha256",
        read=identities.identity_of,
        row=identities.identity_row,
    ),
    ChunkKind.DOWNLOADS: _Table(
        name="downloads",
        columns=", ".join((*downloads.ALL, "record")),
        order="number",
        read=downloads.download_of,
        written=", ".join(("number", *downloads.GIVEN, "record")),
        row=_download_row,
    ),
    ChunkKind.COSTS: _Table(
        name="costs",
        columns=costs.COLUMNS,
        order="server, family",
        read=costs.cost_of,
        row=costs.cost_row,
    ),
    ChunkKind.EVENTS: _Table(
        name="events",
        columns=f"sequence, {EVENT_COLUMNS}",
        order="sequence",
        read=events.event_of,
        row=lambda event: (event.sequence, *row_of(event)),
    ),
}
