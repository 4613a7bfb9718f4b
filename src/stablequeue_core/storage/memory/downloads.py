"""The downloads in memory: plain Python, written to be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
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
from stablequeue_core.storage.memory.state import Memory
from stablequeue_core.storage.searching import folded


class MemoryDownloads(DownloadStore):
    """The downloads of one storage."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def add(self, download: Download, event: Event) -> Download:
        """Keep a new download, unless the same file is being fetched to the same place already."""
        memory = self._memory
        with memory.changing():
            place = _place(download)
            for known in memory.downloads.values():
                if not known.status.ended and _place(known) == place:
                    return known
            memory.downloads_accepted += 1
            # A copy, because the caller may go on using his dictionary.
            kept = evolve(
                download,
                number=memory.downloads_accepted,
                revision=1,
                record=deepcopy(dict(download.record)),
            )
            memory.downloads[kept.id] = kept
            memory.record(event)
            return kept

    def get(self, download_id: str) -> Download:
        """The download with this id."""
        with self._memory.lock:
            try:
                return self._memory.downloads[download_id]
            except KeyError:
                raise DownloadNotFound(download_id) from None

    def list(self, query: DownloadQuery) -> DownloadPage:
        """A page of those that match, by number, newest first, and how many match in all."""
        found = self._where(lambda known: not query.statuses or known.status in query.statuses)
        page = found[::-1][query.offset : query.offset + query.limit]
        return DownloadPage(total=len(found), downloads=tuple(page))

    def replace(self, download: Download, event: Event | None) -> Download:
        """Keep ``download`` in place of its previous revision."""
        with self._memory.changing():
            if self.get(download.id).revision != download.revision:
                raise StaleDownload(download.id)
            return self._keep(download, event)

    def claim(self, *, now: datetime, begin: BeginDownload) -> Download | None:
        """Give one queued download whose ``not_before`` has passed to the caller."""
        with self._memory.changing():
            due = [
                known
                for known in self._memory.downloads.values()
                if known.status is DownloadStatus.QUEUED
                and (known.not_before is None or known.not_before <= now)
            ]
            if not due:
                return None
            first = min(due, key=lambda known: (-known.priority, known.number))
            return self._keep(*begin(first))

    def next_due(self) -> datetime | None:
        """When the earliest of the queued ones that wait for a time may go on."""
        waits = (known.not_before for known in self.with_status(DownloadStatus.QUEUED))
        return min((moment for moment in waits if moment is not None), default=None)

    def with_status(self, status: DownloadStatus) -> tuple[Download, ...]:
        """Every download that stands there, oldest first."""
        return tuple(self._where(lambda known: known.status is status))

    def worn_out(
        self, *, ended_before: datetime | None, keep: int | None, limit: int
    ) -> Sequence[Download]:
        """The ended downloads that need not be kept any more, those that ended first first."""
        ended = [
            (known.ended_at, known.number, known)
            for known in self._where(lambda known: known.status.ended)
            if known.ended_at is not None
        ]
        ended.sort(key=lambda each: each[:2])
        too_many = 0 if keep is None else max(len(ended) - keep, 0)
        too_old = sum(ended_before is not None and at < ended_before for at, *_ in ended)
        return [known for *_, known in ended][: min(max(too_many, too_old), limit)]

    def forget(self, downloads: Sequence[Download], event: Event) -> int:
        """Forget those of these ended downloads that are still as they were."""
        memory = self._memory
        with memory.changing():
            gone = [
                each.id
                for each in downloads
                if each.status.ended
                and each.id in memory.downloads
                and memory.downloads[each.id].revision == each.revision
            ]
            for download_id in gone:
                del memory.downloads[download_id]
            if gone:
                memory.record(event)
        return len(gone)

    def _where(self, wanted: Callable[[Download], bool]) -> Sequence[Download]:
        """Those that fit, without their records, oldest first."""
        with self._memory.lock:
            found = [known for known in self._memory.downloads.values() if wanted(known)]
        return [evolve(known, record={}) for known in found]

    def _keep(self, download: Download, event: Event | None) -> Download:
        before = self._memory.downloads[download.id]
        kept = evolve(download, revision=before.revision + 1)
        self._memory.downloads[kept.id] = evolve(
            kept, number=before.number, created_at=before.created_at, record=before.record
        )
        self._memory.record(*([event] if event else []))
        return kept


def _place(download: Download) -> tuple[str, str]:
    """Where its file is going to be, in any case."""
    return download.root, folded(download.path)
