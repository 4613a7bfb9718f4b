"""Gives back the jobs whose worker died, crashed or was left behind."""

from __future__ import annotations

import logging
from datetime import datetime

from stablequeue_core.backends import Backend
from stablequeue_core.dispatch.orphans import has_stopped
from stablequeue_core.errors import BackendError, ImageStoreError, JobNotFound, StaleJob
from stablequeue_core.events import EventKind
from stablequeue_core.images import ImageStore
from stablequeue_core.jobs import AttemptOutcome, Job, JobFailure, JobStatus, JobStore, event_of

logger = logging.getLogger(__name__)

WORKER_GONE = JobFailure(
    code="worker_gone",
    message="The process that ran the job ended before its server had answered; it runs again.",
)


def recover(
    jobs: JobStore, images: ImageStore, job: Job, backend: Backend | None, *, now: datetime
) -> bool:
    """Bring back a job that is marked as processing although nobody works on it.

    It goes back to pending with its seed; before it runs again on the same server, its lane asks
    whether the former task still runs there. If its user wanted it cancelled, it is, once its
    server has stopped. Pictures that were saved but never registered are removed: the next run
    makes them again.

    Args:
        jobs: where the job is kept.
        images: where its pictures are.
        job: as it was found.
        backend: what speaks with its server; None where there is none (any more).
        now: the time.

    Returns:
        whether that is done; False: its server has to be asked again.
    """
    attempt = job.attempts[-1]
    if job.cancel_requested:
        if backend is not None and not _has_stopped(backend, attempt.task_id):
            return False
        changed = job.cancel(now=now)
    else:
        changed = job.give_back(
            outcome=AttemptOutcome.LOST,
            failure=WORKER_GONE,
            counted=False,
            not_before=None,
            now=now,
        )
    cancelled = changed.status is JobStatus.CANCELLED
    kind = EventKind.JOB_CANCELLED if cancelled else EventKind.JOB_REQUEUED
    try:
        jobs.replace(changed, event_of(kind, changed))
    except (StaleJob, JobNotFound):
        # Its user was faster; whatever they made of it is looked at in the next round.
        return False
    # Only now: until then the job might have been completed, with these very pictures.
    try:
        images.discard_attempt(job.id, attempt.started_at)
    except ImageStoreError as error:
        logger.warning("Job %s left pictures behind: %s", job.id, error.message)
    logger.info("Job %s had lost its worker; it is %s again.", job.id, changed.status)
    return True


def _has_stopped(backend: Backend, task_id: str) -> bool:
    try:
        return has_stopped(backend, task_id)
    except BackendError as error:
        logger.info("Task %s cannot be asked about: %s", task_id, error.message)
        return False
