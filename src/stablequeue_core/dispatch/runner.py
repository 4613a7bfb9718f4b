"""One job's journey on one server: prepare, run, prove, save, tell."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import timedelta

from attrs import evolve

from stablequeue_core.backends import Backend, Generation, Prepared
from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.board import ProgressBoard
from stablequeue_core.dispatch.failures import judge
from stablequeue_core.dispatch.link import Link
from stablequeue_core.dispatch.monitor import GivenUp, Monitor, Run, stall_limit
from stablequeue_core.dispatch.orphans import orphan_of, settle
from stablequeue_core.dispatch.supply import ModelSupply, Waits
from stablequeue_core.errors import (
    AnswerLost,
    BackendError,
    CheckpointUnreadable,
    ImageStoreError,
    InternalError,
    InvalidParams,
    JobNotFound,
    ModelNotSupplied,
    ServerPoisoned,
    StableQueueError,
    StaleJob,
    Stalled,
    StorageError,
    WrongResult,
)
from stablequeue_core.events import EventKind
from stablequeue_core.generation import GenerationRequest, parse_params
from stablequeue_core.images import ImageStore, picture_name
from stablequeue_core.jobs import (
    AttemptOutcome,
    Job,
    JobFailure,
    JobResult,
    JobStatus,
    JobStore,
    event_of,
    limits_in,
)
from stablequeue_core.serialization import shortened
from stablequeue_core.settings import Settings

logger = logging.getLogger(__name__)

COMPLETED = "Job completed and images saved by StableQueue."


class Runner:
    """Takes claimed jobs on their journey, one after the other.

    Args:
        jobs: where the outcome is kept.
        images: where the pictures are kept.
        supply: has models fetched that a job lacks.
        monitor: watches while a request is under way.
        board: where progress is shown.
        clock, settings: the time, and every knob.
    """

    def __init__(
        self,
        jobs: JobStore,
        images: ImageStore,
        supply: ModelSupply,
        monitor: Monitor,
        board: ProgressBoard,
        *,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._jobs = jobs
        self._images = images
        self._supply = supply
        self._monitor = monitor
        self._board = board
        self._clock = clock
        self._settings = settings
        self._limits = limits_in(settings)

    def run(self, job: Job, link: Link) -> None:
        """Make the pictures of ``job``, which this lane has claimed, and keep what came of it.

        Raises:
            StorageError: the outcome could not be kept; the job is still processing.
        """
        prepared: Prepared | None = None
        run = Run(job, link.backend)
        try:
            with self._monitor.watching(run):
                request = self._request(job)
                self._settle_orphan(run)
                prepared = self._supply.prepare(job, link, request)
                run.stall_limit = stall_limit(request.pixel_steps, self._settings)
                generation = self._generate(run, link, prepared)
            self._complete(job, link, prepared, generation, request)
        except Waits as waits:
            self._put_off(job, waits)
        except (BackendError, InvalidParams, ImageStoreError, ModelNotSupplied) as error:
            if run.given_up in (GivenUp.CLOSING, GivenUp.LEASE_LOST):
                # Whoever holds the job next asks the server about it.
                logger.info("Job %s was left to recovery: %s.", job.id, run.given_up)
                return
            self._fail(run, link, prepared, error)
        except StorageError:
            raise
        except Exception as error:
            # A defect of ours must not run the same job for ever.
            logger.exception("Job %s met a defect of StableQueue.", job.id)
            self._fail(run, link, prepared, InternalError(error))
        finally:
            self._board.remove(job.id)

    def _request(self, job: Job) -> GenerationRequest:
        request = parse_params(job.params, self._limits)
        return evolve(request, seed=job.seed or 0, subseed=job.subseed or 0)

    def _settle_orphan(self, run: Run) -> None:
        task_id = orphan_of(run.job)
        if task_id:
            settle(run.backend, task_id, poll=self._settings.poll, abort=run.abort)

    def _generate(self, run: Run, link: Link, prepared: Prepared) -> Generation:
        """Ask the server; once more after a cure if it had lost its model."""
        task_id = run.job.task_id or ""
        try:
            return run.backend.generate(prepared, task_id=task_id, abort=run.abort)
        except ServerPoisoned as poisoned:
            logger.warning("%s Trying to cure it.", poisoned.message)
            if not run.backend.cure(prepared, link.inventory(), run.abort):
                raise
            return run.backend.generate(prepared, task_id=task_id, abort=run.abort)
        except AnswerLost:
            if run.given_up is GivenUp.STALLED:
                raise Stalled(
                    f"Server {link.server.alias!r} made no progress for {run.stall_limit:.0f} s."
                ) from None
            raise

    def _put_off(self, job: Job, waits: Waits) -> None:
        """Nothing was sent: the job goes back as if it had never been claimed."""
        now = self._clock.now()
        kept = self._commit(
            job,
            lambda present: present.wait_for(
                tuple(download.id for download in waits.downloads),
                waits.reason,
                not_before=now + timedelta(seconds=waits.seconds) if waits.seconds else None,
                now=now,
            ),
        )
        if kept is not None and kept.status is JobStatus.PENDING:
            logger.info("Job %s: %s", job.id, waits.reason)

    def _complete(
        self,
        job: Job,
        link: Link,
        prepared: Prepared,
        generation: Generation,
        request: GenerationRequest,
    ) -> None:
        attempt = job.attempts[-1]
        named = [
            (picture_name(job.id, attempt.started_at, index, picture.seed, picture.format), picture)
            for index, picture in enumerate(generation.pictures)
        ]
        self._images.save_all([(name, picture.data) for name, picture in named])
        names = tuple(name for name, _ in named)
        result = JobResult(
            images=names,
            info=COMPLETED,
            generation_info=generation.info,
            proof={**generation.proof, "resolved": list(prepared.resolutions)},
            ignored_params=request.ignored,
        )
        sent = shortened(prepared.payload)
        link.worked(generation.loaded_checkpoint)
        self._board.finish(job)
        kept = self._commit(job, lambda now: now.complete(result, sent=sent, now=self._clock.now()))
        if kept is None or kept.status is not JobStatus.COMPLETED:
            self._images.discard(names)

    def _fail(
        self,
        run: Run,
        link: Link,
        prepared: Prepared | None,
        error: StableQueueError,
    ) -> None:
        job = run.job
        verdict = judge(error, job, self._settings, random.random)
        if run.cancelling:
            logger.info("Job %s on %r is being cancelled.", job.id, link.server.alias)
        else:
            logger.warning("Job %s on %r: %s", job.id, link.server.alias, error.message)
        if isinstance(error, CheckpointUnreadable | WrongResult):
            # The server's files are not what its lists say.
            link.forget()
        if verdict.open_circuit and isinstance(error, BackendError):
            link.failed(error)
        is_lost = isinstance(error, AnswerLost | Stalled)
        if is_lost:
            link.leave_behind(run.job.task_id or "")
            self._stop(run)
        # How each name was understood is kept with a job that failed, too.
        resolved = {"resolved": list(prepared.resolutions)} if prepared else {}
        details = {**error.details, **resolved}
        failure = JobFailure(code=error.code, message=error.message, details=details)
        nothing_ran = verdict.outcome is AttemptOutcome.UNREACHABLE
        sent = shortened(prepared.payload) if prepared and not nothing_ran else None
        now = self._clock.now()
        wait = verdict.retry_after

        def change(present: Job) -> Job:
            if wait is None:
                return present.fail(failure, sent=sent, now=now)
            return present.give_back(
                outcome=verdict.outcome,
                failure=failure,
                counted=verdict.counted,
                not_before=now + timedelta(seconds=wait) if wait else None,
                sent=sent,
                now=now,
            )

        self._commit(job, change, unsure=run.backend if is_lost else None)

    def _stop(self, run: Run) -> None:
        """Its pictures are lost to us: let the server not waste its time. Asked again later."""
        try:
            run.backend.interrupt(run.job.task_id or "")
        except BackendError as error:
            logger.info("Task %s could not be interrupted: %s", run.job.task_id, error.message)

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

    def _commit(
        self, job: Job, change: Callable[[Job], Job], *, unsure: Backend | None = None
    ) -> Job | None:
        """Keep what came of the job; a wish to cancel that came meanwhile goes first.

        Args:
            job: as it was claimed.
            change: what came of it.
            unsure: a server that may still be at work on it, and has to be asked before the job
                may be called cancelled.

        Returns:
            the job as it was kept; None when it is not ours any more, or left to recovery.
        """
        while True:
            if job.cancel_requested:
                if unsure is not None and not self._wait_until_stopped(job, unsure):
                    return None
                changed = job.cancel(now=self._clock.now())
            else:
                changed = change(job)
            try:
                return self._jobs.replace(changed, event_of(_kind_of(changed), changed))
            except StaleJob:
                present = self._present(job)
            except JobNotFound:
                return None
            if present is None:
                return None
            job = present

    def _present(self, job: Job) -> Job | None:
        """The job as somebody else has changed it; None when they took it from us."""
        try:
            present = self._jobs.get(job.id)
        except JobNotFound:
            return None
        still_ours = present.status is JobStatus.PROCESSING and present.task_id == job.task_id
        return present if still_ours else None


def _kind_of(job: Job) -> EventKind:
    return {
        JobStatus.COMPLETED: EventKind.JOB_COMPLETED,
        JobStatus.FAILED: EventKind.JOB_FAILED,
        JobStatus.CANCELLED: EventKind.JOB_CANCELLED,
        JobStatus.PENDING: EventKind.JOB_REQUEUED,
    }[job.status]
