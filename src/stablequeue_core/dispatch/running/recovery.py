"""Gives back the jobs whose worker died, crashed or was left behind."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from stablequeue_core.backends import Backend
from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.links.link import Link
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
        alias: what the server is called now.
        jobs: where they are kept.
        images: where their pictures are.
        worker: who we are.
        clock, settings: the time, and every knob.
    """

    def __init__(
        self,
        alias: Callable[[], str],
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
        self._calls = 0
        self._done_at: tuple[int, int] | None = None

    def is_done_in(self, term: int) -> bool:
        """Whether all orphans were brought back, in this term of the lane's lock."""
        return self._done_at == (term, self._calls)

    def again(self) -> None:
        """There may be an orphan; any thread may say so."""
        self._calls += 1

    def could_not_keep(self, job: Job, error: Exception) -> None:
        """We ran this job, and could not keep what came of it: its ledger shall tell why."""
        known = error if isinstance(error, StableQueueError) else InternalError(error)
        self._unkept[job.id] = known

    def bring_back(self, link: Link, term: int) -> float:
        """Whoever holds the lane's lock runs the server's jobs: all others there are orphans.

        Args:
            link: to the server, which is not asked while it is found unreachable.
            term: of the lane's lock.

        Returns:
            seconds after which to try again; 0: all of them were brought back. While they were not,
            the lane stays closed.
        """
        alias, calls = self._alias(), self._calls
        orphans = [job for job in self._jobs.processing() if job.server == alias]
        # What needs no server does not wait for one that is silent.
        orphans.sort(key=lambda job: job.cancel_requested)
        done = [self._bring_back(job, link) for job in orphans]
        if not all(done):
            return link.circuit.wait or self._settings.poll
        self._unkept.clear()
        self._done_at = (term, calls)
        return 0.0

    def _bring_back(self, job: Job, link: Link) -> bool:
        if link.circuit.wait and job.cancel_requested:
            return False
        try:
            return self._recover(job, None if link.circuit.wait else link.backend)
        except BackendError as error:
            link.failed(error)
            return False

    def _recover(self, job: Job, backend: Backend | None) -> bool:
        return recover(
            self._jobs,
            self._images,
            job,
            backend,
            now=self._clock.now(),
            max_losses=self._settings.max_losses,
            worker=self._worker,
            unkept=self._unkept.get(job.id),
        )


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

    Raises:
        BackendError: its server has to be asked, and cannot be now.
    """
    attempt = job.attempts[-1]
    if job.cancel_requested:
        if backend is not None and not has_stopped(backend, attempt.task_id):
            return False
        changed = job.cancel(now=now)
    else:
        changed = _given_back(job, now, max_losses, worker, unkept)
        if changed.status.ended and backend is not None:
            # Its lane asks no more about it. What still runs of it would hold up other jobs.
            _stop(backend, attempt.task_id)
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


def _stop(backend: Backend, task_id: str) -> None:
    try:
        has_stopped(backend, task_id)
    except BackendError as error:
        logger.info("Task %s cannot be asked about: %s", task_id, error.message)
