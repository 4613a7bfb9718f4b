"""The downloads in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from attrs import evolve

from stablequeue_core.bell import Bell
from stablequeue_core.downloads import (
    BeginDownload,
    Download,
    DownloadPage,
    DownloadQuery,
    DownloadStatus,
    DownloadStore,
)
from stablequeue_core.errors import DownloadNotFound, StaleDownload
from stablequeue_core.events import Event
from stablequeue_core.serialization import from_millis, to_millis
from stablequeue_core.storage.sqlite import download_queries as queries
from stablequeue_core.storage.sqlite.connection import Database, Row
from stablequeue_core.storage.sqlite.download_rows import changing, download_of, fixed, place_of
from stablequeue_core.storage.sqlite.events import record
from stablequeue_core.storage.sqlite.text import to_json


class SqliteDownloads(DownloadStore):
    """The downloads of one database."""

    def __init__(self, database: Database, *, work: Bell, changes: Bell) -> None:
        self._database = database
        self._work = work
        self._changes = changes

    def add(self, download: Download, event: Event) -> Download:
        """Keep a new download, unless the same file is being fetched to the same place already."""
        answered = to_json(download.record)
        with self._database.write() as connection:
            known = connection.execute(queries.OPEN_AT, place_of(download)).fetchall()
            if known:
                return download_of(known[0])
            values = (*fixed(download), *changing(download, 1))
            number = connection.execute(queries.INSERT, values).lastrowid or 0
            connection.execute(queries.ADD_RECORD, (number, answered))
            record(connection, event)
        self._ring(download)
        return evolve(download, number=number, revision=1)

    def get(self, download_id: str) -> Download:
        """The download with this id."""
        return _only(self._database.fetch(queries.GET, (download_id,)), download_id)

    def list(self, query: DownloadQuery) -> DownloadPage:
        """A page of those that match, by number, newest first, and how many match in all."""
        statuses = sorted(status.value for status in query.statuses)
        with self._database.read() as connection:
            (total,) = connection.execute(queries.count(len(statuses)), statuses).fetchone()
            shown = (*statuses, query.limit, query.offset)
            found = connection.execute(queries.page(len(statuses)), shown).fetchall()
        return DownloadPage(total=total, downloads=tuple(map(download_of, found)))

    def replace(self, download: Download, event: Event | None) -> Download:
        """Keep ``download`` in place of its previous revision."""
        with self._database.write() as connection:
            kept = _keep(connection, download, event)
        self._ring(kept)
        return kept

    def claim(self, *, now: datetime, begin: BeginDownload) -> Download | None:
        """Give one queued download whose ``not_before`` has passed to the caller."""
        due = (to_millis(now),)
        # Whoever looks in vain holds up nobody who writes.
        if not self._database.fetch(queries.FIRST_DUE, due):
            return None
        with self._database.write() as connection:
            first = connection.execute(queries.FIRST_DUE, due).fetchone()
            if first is None:
                return None
            (download_id,) = first
            found = connection.execute(queries.GET, (download_id,)).fetchall()
            kept = _keep(connection, *begin(_only(found, download_id)))
        self._ring(kept)
        return kept

    def next_due(self) -> datetime | None:
        """When the earliest of the queued ones that wait for a time may go on."""
        ((millis,),) = self._database.fetch(queries.NEXT_DUE)
        return None if millis is None else from_millis(millis)

    def with_status(self, status: DownloadStatus) -> tuple[Download, ...]:
        """Every download that stands there, oldest first."""
        return tuple(map(download_of, self._database.fetch(queries.WITH_STATUS, (status.value,))))

    def _ring(self, changed: Download) -> None:
        self._changes.ring()
        if changed.status is DownloadStatus.QUEUED or changed.status.ended:
            self._work.ring()


def _only(found: Sequence[Row], download_id: str) -> Download:
    if not found:
        raise DownloadNotFound(download_id)
    return download_of(found[0])


def _keep(connection: sqlite3.Connection, download: Download, event: Event | None) -> Download:
    """Write ``download`` over its previous revision, and what tells of it; as it is kept."""
    kept = evolve(download, revision=download.revision + 1)
    values = (*changing(kept, kept.revision), kept.id, download.revision)
    if connection.execute(queries.UPDATE, values).rowcount != 1:
        if connection.execute(queries.IS_THERE, (kept.id,)).fetchone():
            raise StaleDownload(kept.id)
        raise DownloadNotFound(kept.id)
    if event is not None:
        record(connection, event)
    return kept
