"""Keeps what came of the jobs that ran, whatever their users made of them meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

from attrs import evolve

from stablequeue_core.backends import Backend
from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.links.monitor import Monitor, Run
from stablequeue_core.dispatch.links.orphans import settle
from stablequeue_core.dispatch.running.journey import Write
from stablequeue_core.dispatch.running.patience import Patience
from stablequeue_core.errors import BackendError, JobNotFound, StaleJob
from stablequeue_core.events import EventKind
from stablequeue_core.jobs import Job, JobStatus, JobStore, event_of
from stablequeue_core.settings import Settings

logger = logging.getLogger(__name__)


class Outcomes:
    """Keeps what came of one lane's jobs; a wish to cancel that came meanwhile goes first.

    Args:
        jobs: where it is kept.
        patience: waits where that cannot be done now.
        monitor: watches while a server has to be asked whether it stopped.
        clock, settings: the time, and every knob.
    """

    def __init__(
        self,
        jobs: JobStore,
        patience: Patience,
        monitor: Monitor,
        *,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._jobs = jobs
        self._patience = patience
        self._monitor = monitor
        self._clock = clock
        self._settings = settings

    def keep(
        self,
        run: Run,
        change: Callable[[Job], Job],
        *,
        write: Write | None = None,
        unsure: bool = False,
    ) -> Job | None:
        """Keep what came of a job, however long the storage is away.

        Args:
            run: the job as it was claimed, and what speaks with its server.
            change: what came of it.
            write: keeps that; None: the store, which does nothing else.
            unsure: whether the server may still be at work on it, so that it has to be asked before
                the job may be called cancelled.

        Returns:
            the job as it was kept; None when it is not ours any more, or left to recovery.

        Raises:
            StorageError: it could not be kept; the job is still processing.
        """
        backend = run.backend
        return self._patience.until_done(
            run.job,
            backend,
            lambda: self._keep(
                run.job, change, write or self._jobs.replace, backend if unsure else None
            ),
        )

    def leave(self, job: Job) -> None:
        """Leave ``job`` as it is to whoever comes next, on purpose: that is no loss of it.

        Its lease is handed back: it ends before the attempt began, see :func:`was_left`.
        """
        if job.lease is None:
            return
        handed_back = evolve(job.lease, until=job.attempts[-1].started_at)
        # Who has taken it over by now needs no leave of ours.
        with suppress(StaleJob, JobNotFound):
            self._jobs.renew(job.id, handed_back)

    def _keep(
        self, job: Job, change: Callable[[Job], Job], write: Write, unsure: Backend | None
    ) -> Job | None:
        while True:
            if job.cancel_requested:
                if unsure is not None and not self._wait_until_stopped(job, unsure):
                    return None
                changed = job.cancel(now=self._clock.now())
            else:
                changed = change(job)
            try:
                return write(changed, event_of(_kind_of(changed), changed))
            except StaleJob:
                present = self._present(job)
            except JobNotFound:
                return None
            if present is None or _is_kept(changed, present):
                return present
            if not _is_ours(job, present):
                return None
            job = present

    def _wait_until_stopped(self, job: Job, backend: Backend) -> bool:
        """Wait until the server works on the job's task no more, however long it is out of reach.

        Returns:
            False when we are closing, or lost the job: somebody else has to ask.
        """
        run = Run(job, backend)
        with self._monitor.watching(run):
            while not run.abort.pulled:
                try:
                    settle(backend, job.task_id or "", poll=self._settings.poll, abort=run.abort)
                except BackendError as error:
                    logger.info("Job %s: %s Asking again.", job.id, error.message)
                    run.abort.wait(self._settings.circuit_base)
                else:
                    break
        return not run.abort.pulled

    def _present(self, job: Job) -> Job | None:
        """The job as it is now; None when it was deleted."""
        try:
            return self._jobs.get(job.id)
        except JobNotFound:
            return None


def was_left(job: Job) -> bool:
    """Whether the process that ran ``job`` left it on purpose, rather than with its own end."""
    return job.lease is not None and job.lease.until <= job.attempts[-1].started_at


def _is_kept(changed: Job, present: Job) -> bool:
    """Whether it was kept before, by a storage that was lost before it could say so."""
    return (present.status, present.task_id) == (changed.status, changed.task_id)


def _is_ours(job: Job, present: Job) -> bool:
    """Whether somebody else has changed the job, and left it to us."""
    return present.status is JobStatus.PROCESSING and present.task_id == job.task_id


def _kind_of(job: Job) -> EventKind:
    return {
        JobStatus.COMPLETED: EventKind.JOB_COMPLETED,
        JobStatus.FAILED: EventKind.JOB_FAILED,
        JobStatus.CANCELLED: EventKind.JOB_CANCELLED,
        JobStatus.PENDING: EventKind.JOB_REQUEUED,
    }[job.status]
