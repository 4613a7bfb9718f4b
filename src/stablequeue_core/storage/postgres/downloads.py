"""The downloads in PostgreSQL."""

from __future__ import annotations

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
from stablequeue_core.storage.postgres import download_queries as queries
from stablequeue_core.storage.postgres.connecting import Connected
from stablequeue_core.storage.postgres.database import Database, Row
from stablequeue_core.storage.postgres.events import record
from stablequeue_core.storage.postgres.queue_row import queue_row
from stablequeue_core.storage.postgres.ringing import SharedBells
from stablequeue_core.storage.rows.downloads import changing, download_of, fixed, place_of
from stablequeue_core.storage.rows.text import to_json


class PostgresDownloads(DownloadStore):
    """The downloads of one database."""

    def __init__(self, database: Database, bells: SharedBells) -> None:
        self._database = database
        self._bells = bells

    def add(self, download: Download, event: Event) -> Download:
        """Keep a new download, unless the same file is being fetched to the same place already."""

        def add(connection: Connected) -> tuple[Download, bool]:
            # Nobody else adds one until this is done.
            (number,) = queue_row(connection.execute(queries.NEXT_NUMBER).fetchone())
            known = connection.execute(queries.OPEN_AT, place_of(download)).fetchone()
            if known is not None:
                connection.execute(queries.GIVE_BACK_NUMBER)
                return download_of(known), False
            values = (number, *fixed(download), *changing(download, 1), to_json(download.record))
            connection.execute(queries.INSERT, values)
            record(connection, event)
            return evolve(download, number=number, revision=1), True

        kept, is_new = self._database.transact(add)
        if is_new:
            self._bells.ring([event.kind])
        return kept

    def get(self, download_id: str) -> Download:
        """The download with this id."""
        found = self._database.fetch(queries.GET, (download_id,))
        if not found:
            raise DownloadNotFound(download_id)
        return download_of(found[0])

    def list(self, query: DownloadQuery) -> DownloadPage:
        """A page of those that match, by number, newest first, and how many match in all."""
        statuses = [status.value for status in query.statuses]
        wanted = {"statuses": statuses or None, "limit": query.limit, "offset": query.offset}

        def look(connection: Connected) -> tuple[int, list[Row]]:
            (total,) = _only(connection.execute(queries.COUNT, wanted).fetchone())
            return total, connection.execute(queries.PAGE, wanted).fetchall()

        total, found = self._database.read(look)
        return DownloadPage(total=total, downloads=tuple(map(download_of, found)))

    def replace(self, download: Download, event: Event | None) -> Download:
        """Keep ``download`` in place of its previous revision."""
        kept = self._database.transact(lambda connection: _keep(connection, download, event))
        self._ring(kept, event)
        return kept

    def claim(self, *, now: datetime, begin: BeginDownload) -> Download | None:
        """Give one queued download whose ``not_before`` has passed to the caller."""
        due = (to_millis(now),)
        # Whoever looks in vain holds up nobody who writes.
        if not self._database.fetch(queries.IS_ANY_DUE, due):
            return None

        def claim(connection: Connected) -> tuple[Download, Event] | None:
            first = connection.execute(queries.TAKE_FIRST_DUE, due).fetchone()
            if first is None:
                return None
            begun, event = begin(download_of(first))
            return _keep(connection, begun, event), event

        claimed = self._database.transact(claim)
        if claimed is None:
            return None
        self._ring(*claimed)
        return claimed[0]

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
        before = to_iso(ended_before) if ended_before else None

        def look(connection: Connected) -> list[Row]:
            ended, too_old = _only(connection.execute(queries.COUNT_ENDED, (before,)).fetchone())
            too_many = 0 if keep is None else ended - keep
            count = min(max(too_many, too_old, 0), limit)
            return connection.execute(queries.ENDED_FIRST, (count,)).fetchall() if count else []

        return [download_of(row) for row in self._database.read(look)]

    def forget(self, downloads: Sequence[Download], event: Event) -> int:
        """Forget those of these ended downloads that are still as they were."""
        which = ([each.id for each in downloads], [each.revision for each in downloads])

        def forget(connection: Connected) -> int:
            count = connection.execute(queries.FORGET, which).rowcount
            if count:
                record(connection, event)
            return count

        count = self._database.transact(forget)
        if count:
            self._bells.ring([event.kind])
        return count

    def _ring(self, kept: Download, event: Event | None) -> None:
        gives_work = kept.status is DownloadStatus.QUEUED or kept.status.ended
        self._bells.ring([event.kind] if event else [], for_work=gives_work)


def _keep(connection: Connected, download: Download, event: Event | None) -> Download:
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


def _only(row: Row | None) -> Row:
    assert row is not None
    return row
