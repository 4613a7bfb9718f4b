"""Lets the jobs go on that waited for downloads: they run, or they have failed."""

from __future__ import annotations

import logging
from contextlib import suppress

from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.running import shortage
from stablequeue_core.dispatch.upkeep.pacing import Pace
from stablequeue_core.downloads import Download, DownloadStatus, DownloadStore
from stablequeue_core.errors import DownloadNotFound, JobNotFound, ModelNotSupplied, StaleJob
from stablequeue_core.events import EventKind
from stablequeue_core.jobs import Job, JobFailure, JobStatus, JobStore, event_of

logger = logging.getLogger(__name__)

MOST_TIME = 0.05
"""So much of the time, at most, is spent on looking through jobs that wait."""


class Arrivals:
    """Looks after the jobs that wait for downloads. Used by one thread.

    Several processes may do so for the same jobs at once, and as often as they like.
    """

    def __init__(self, jobs: JobStore, downloads: DownloadStore, clock: Clock) -> None:
        self._jobs = jobs
        self._downloads = downloads
        self._clock = clock
        self._pace = Pace(clock, MOST_TIME)
        self._seen: dict[str, Download | None] = {}

    @property
    def due_in(self) -> float:
        """Seconds until a look that came too soon is to be made good; infinity when none did."""
        return self._pace.due_in

    def settle(self) -> None:
        """Let every job run whose models are all there; fail those whose models will not come.

        One whose download failed or was cancelled has failed for good: a retry of the download does
        not bring it back, a retry of the job does. Cheap while none waits.
        """
        if not self._pace.may_begin():
            return
        self._seen.clear()
        for job in self._jobs.waiting():
            # It may be deleted at any moment.
            with suppress(JobNotFound):
                self._settle(job)
        self._pace.rest()

    def _settle(self, job: Job) -> None:
        while job.status is JobStatus.PENDING and job.waits_for:
            changed = self._changed(job)
            if changed is job:
                return
            has_failed = changed.status is JobStatus.FAILED
            kind = EventKind.JOB_FAILED if has_failed else EventKind.JOB_REQUEUED
            try:
                job = self._jobs.replace(changed, event_of(kind, changed))
                logger.info("Job %s waits no more; it is %s.", job.id, job.status)
            except StaleJob:
                job = self._jobs.get(job.id)

    def _changed(self, job: Job) -> Job:
        """What becomes of a job that waits; itself while it has to go on waiting."""
        now = self._clock.now()
        downloads = {each: self._download(each) for each in job.waits_for}
        for download_id, download in downloads.items():
            if download is None or _is_lost(download):
                return job.fail(_failure(download_id, download), now=now)
        if not all(d and d.status is DownloadStatus.COMPLETED for d in downloads.values()):
            return job
        for download_id in downloads:
            job = job.supplied(download_id, now=now)
        return job

    def _download(self, download_id: str) -> Download | None:
        """The same for many jobs, so it is read once."""
        if download_id not in self._seen:
            self._seen[download_id] = _found(self._downloads, download_id)
        return self._seen[download_id]


def waiting_reason(job: Job, downloads: DownloadStore) -> str | None:
    """Why a job waits that waits for downloads, as they are now; those that are there say nothing.

    Args:
        job: pending.
        downloads: where it is kept how far each is.
    """
    known = [_found(downloads, each) for each in job.waits_for]
    left = [each for each in known if each is not None and not each.status.ended]
    return shortage.waits_for(left) or job.waiting_reason


def _found(downloads: DownloadStore, download_id: str) -> Download | None:
    try:
        return downloads.get(download_id)
    except DownloadNotFound:
        return None


def _is_lost(download: Download) -> bool:
    return download.status in (DownloadStatus.FAILED, DownloadStatus.CANCELLED)


def _failure(download_id: str, download: Download | None) -> JobFailure:
    error = ModelNotSupplied(
        [download.filename] if download else [], shortage.not_fetched(download_id, download)
    )
    details = {**error.details, "download_id": download_id}
    return JobFailure(code=error.code, message=error.message, details=details)
