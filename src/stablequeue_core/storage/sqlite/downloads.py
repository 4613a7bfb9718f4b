"""The downloads in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from attrs import evolve

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
from stablequeue_core.serialization import from_millis, to_iso, to_millis
from stablequeue_core.storage.rows.downloads import changing, download_of, fixed, place_of
from stablequeue_core.storage.rows.text import to_json
from stablequeue_core.storage.sqlite import download_queries as queries
from stablequeue_core.storage.sqlite.connection import Database, Row


class SqliteDownloads(DownloadStore):
    """The downloads of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
            self._database.tell(event)
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
            kept = _keep(connection, download)
            if event is not None:
                self._database.tell(event)
        if event is None:
            self._database.bells.changes.ring()
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
            begun, event = begin(_only(found, download_id))
            kept = _keep(connection, begun)
            self._database.tell(event)
        return kept

    def next_due(self) -> datetime | None:
        """When the earliest of the queued ones that wait for a time may go on."""
        ((millis,),) = self._database.fetch(queries.NEXT_DUE)
        return None if millis is None else from_millis(millis)

    def with_status(self, status: DownloadStatus) -> tuple[Download, ...]:
        """Every download that stands there, oldest first."""
        return tuple(map(download_of, self._database.fetch(queries.WITH_STATUS, (status.value,))))

    def worn_out(
        self, *, ended_before: datetime | None, keep: int | None, limit: int
    ) -> Sequence[Download]:
        """The ended downloads that need not be kept any more, those that ended first first."""
        with self._database.read() as connection:
            too_many = too_old = 0
            if keep is not None:
                too_many = connection.execute(queries.COUNT_ENDED).fetchone()[0] - keep
            if ended_before is not None:
                before = (to_iso(ended_before),)
                (too_old,) = connection.execute(queries.COUNT_ENDED_BEFORE, before).fetchone()
            count = min(max(too_many, too_old, 0), limit)
            found = connection.execute(queries.ENDED_FIRST, (count,)).fetchall() if count else []
        return [download_of(row) for row in found]

    def forget(self, downloads: Sequence[Download], event: Event) -> int:
        """Forget those of these ended downloads that are still as they were."""
        count = 0
        with self._database.write() as connection:
            for download in downloads:
                which = (download.id, download.revision)
                connection.execute(queries.FORGET_RECORD, which)
                count += connection.execute(queries.FORGET, which).rowcount
            if count:
                self._database.tell(event)
        return count


def _only(found: Sequence[Row], download_id: str) -> Download:
    if not found:
        raise DownloadNotFound(download_id)
    return download_of(found[0])


def _keep(connection: sqlite3.Connection, download: Download) -> Download:
    """Write ``download`` over its previous revision; as it is kept."""
    kept = evolve(download, revision=download.revision + 1)
    values = (*changing(kept, kept.revision), kept.id, download.revision)
    if connection.execute(queries.UPDATE, values).rowcount != 1:
        if connection.execute(queries.IS_THERE, (kept.id,)).fetchone():
            raise StaleDownload(kept.id)
        raise DownloadNotFound(kept.id)
    return kept
