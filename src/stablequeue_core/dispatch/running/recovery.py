"""Gives back the jobs whose worker died, crashed or was left behind."""

from __future__ import annotations

import logging
from datetime import datetime

from stablequeue_core.backends import Backend
from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.links.orphans import has_stopped
from stablequeue_core.dispatch.running.outcomes import was_left
from stablequeue_core.dispatch.running.story import UNCERTAIN, WORKER_GONE, not_kept, poisoned
from stablequeue_core.errors import (
    BackendError,
    ImageStoreError,
    InternalError,
    JobNotFound,
    StableQueueError,
    StaleJob,
)
from stablequeue_core.events import EventKind
from stablequeue_core.images import ImageStore
from stablequeue_core.jobs import AttemptOutcome, Job, JobStatus, JobStore, event_of
from stablequeue_core.settings import Settings

logger = logging.getLogger(__name__)

_KINDS = {
    JobStatus.PENDING: EventKind.JOB_REQUEUED,
    JobStatus.FAILED: EventKind.JOB_FAILED,
    JobStatus.CANCELLED: EventKind.JOB_CANCELLED,
}


class Recovery:
    """Gives back the jobs of one server, for whoever holds its lane. Used by that lane only.

    Args:
        alias: of the server.
        jobs: where they are kept.
        images: where their pictures are.
        worker: who we are.
        clock, settings: the time, and every knob.
    """

    def __init__(
        self,
        alias: str,
        jobs: JobStore,
        images: ImageStore,
        *,
        worker: str,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._alias = alias
        self._jobs = jobs
        self._images = images
        self._worker = worker
        self._clock = clock
        self._settings = settings
        self._unkept: dict[str, StableQueueError] = {}

    def could_not_keep(self, job: Job, error: Exception) -> None:
        """We ran this job, and could not keep what came of it: its ledger shall tell why."""
        known = error if isinstance(error, StableQueueError) else InternalError(error)
        self._unkept[job.id] = known

    def bring_back(self, backend: Backend) -> bool:
        """Whoever holds the lane's lock runs the server's jobs: all others there are orphans.

        Returns:
            whether all of them were brought back; while they were not, the lane stays closed.
        """
        orphans = [job for job in self._jobs.processing() if job.server == self._alias]
        done = [
            recover(
                self._jobs,
                self._images,
                job,
                backend,
                now=self._clock.now(),
                max_losses=self._settings.max_losses,
                worker=self._worker,
                unkept=self._unkept.get(job.id),
            )
            for job in orphans
        ]
        if all(done):
            self._unkept.clear()
        return all(done)


def recover(
    jobs: JobStore,
    images: ImageStore,
    job: Job,
    backend: Backend | None,
    *,
    now: datetime,
    max_losses: int,
    worker: str | None = None,
    unkept: StableQueueError | None = None,
) -> bool:
    """Bring back a job that is marked as processing although nobody works on it.

    It goes back to pending with its seed; before it runs again on the same server, its lane asks
    whether the former task still runs there. If its user wanted it cancelled, it is, once its
    server has stopped. Pictures that were saved but never registered are removed: the next run
    makes them again. A job that has seen too many processes die has failed: it may be what kills
    them.

    Args:
        jobs: where the job is kept.
        images: where its pictures are.
        job: as it was found.
        backend: what speaks with its server; None where there is none (any more).
        now: the time.
        max_losses: so often may it be running when its process dies.
        worker: who asks; what it ran itself was not lost with a process.
        unkept: why it could not keep what came of that; None: it did not know that the job had
            begun, for the storage was lost meanwhile.

    Returns:
        whether that is done; False: its server has to be asked again.
    """
    attempt = job.attempts[-1]
    if job.cancel_requested:
        if backend is not None and not _has_stopped(backend, attempt.task_id):
            return False
        changed = job.cancel(now=now)
    else:
        changed = _given_back(job, now, max_losses, worker, unkept)
        if changed.status.ended and backend is not None:
            # Its lane asks no more about it. What still runs of it would hold up other jobs.
            _has_stopped(backend, attempt.task_id)
    try:
        jobs.replace(changed, event_of(_KINDS[changed.status], changed))
    except (StaleJob, JobNotFound):
        # Its user was faster; whatever they made of it is looked at in the next round.
        return False
    # Only now: until then the job might have been completed, with these very pictures.
    try:
        images.discard_attempt(job.picture_owner, attempt.started_at, job.pictures)
    except ImageStoreError as error:
        logger.warning("Job %s left pictures behind: %s", job.id, error.message)
    logger.info("Job %s had lost its worker; it is %s now.", job.id, changed.status)
    return True


def _given_back(
    job: Job,
    now: datetime,
    max_losses: int,
    worker: str | None,
    unkept: StableQueueError | None,
) -> Job:
    """Back to pending; failed if it was running once too often when its process died."""
    is_ours = job.lease is not None and job.lease.worker == worker
    ours = not_kept(unkept) if unkept else UNCERTAIN
    is_lost = not is_ours and not was_left(job)
    if is_lost and job.losses + 1 >= max_losses:
        return job.fail(poisoned(job), now=now)
    return job.give_back(
        outcome=AttemptOutcome.LOST,
        failure=ours if is_ours else WORKER_GONE,
        counted=False,
        not_before=None,
        lost=is_lost,
        now=now,
    )


def _has_stopped(backend: Backend, task_id: str) -> bool:
    try:
        return has_stopped(backend, task_id)
    except BackendError as error:
        logger.info("Task %s cannot be asked about: %s", task_id, error.message)
        return False
