"""One job's journey on one server: prepare, run, prove, save, tell."""

from __future__ import annotations

import logging
from datetime import timedelta

from attrs import evolve

from stablequeue_core.backends import Generation, Prepared
from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.links.board import ProgressBoard
from stablequeue_core.dispatch.links.link import Link
from stablequeue_core.dispatch.links.monitor import GivenUp, Monitor, Run, stall_limit
from stablequeue_core.dispatch.links.orphans import orphan_of, settle
from stablequeue_core.dispatch.running.elsewhere import Elsewhere
from stablequeue_core.dispatch.running.journey import Journey, Write
from stablequeue_core.dispatch.running.outcomes import Outcomes
from stablequeue_core.dispatch.running.patience import Patience
from stablequeue_core.dispatch.running.remedies import with_remedy
from stablequeue_core.dispatch.running.setbacks import Setbacks
from stablequeue_core.dispatch.running.supply import ModelSupply, Waits
from stablequeue_core.dispatch.running.treatment import treat
from stablequeue_core.errors import (
    AnswerLost,
    BackendError,
    ImageStoreError,
    InternalError,
    InvalidParams,
    ModelNotSupplied,
    QueueClosed,
    ServerPoisoned,
    Stalled,
    StorageError,
)
from stablequeue_core.generation import GenerationRequest, parse_params
from stablequeue_core.images import ImageStore, picture_name
from stablequeue_core.jobs import (
    Job,
    JobResult,
    JobStatus,
    JobStore,
    limits_in,
)
from stablequeue_core.serialization import shortened
from stablequeue_core.settings import Settings

logger = logging.getLogger(__name__)

COMPLETED = "Job completed and images saved by StableQueue."


class _Unwanted(Exception):
    """The job's user wants it no more, and its server does not work on it."""


class Runner:
    """Takes claimed jobs on their journey, one after the other.

    Args:
        jobs: where the outcome is kept.
        images: where the pictures are kept.
        supply: has models fetched that a job lacks.
        elsewhere: knows the other servers.
        monitor: watches while a request is under way.
        board: where progress is shown.
        clock, settings: the time, and every knob.
    """

    def __init__(
        self,
        jobs: JobStore,
        images: ImageStore,
        supply: ModelSupply,
        elsewhere: Elsewhere,
        monitor: Monitor,
        board: ProgressBoard,
        *,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._images = images
        self._supply = supply
        self._monitor = monitor
        self._board = board
        self._clock = clock
        self._settings = settings
        self._limits = limits_in(settings)
        patience = Patience(monitor)
        self._outcomes = Outcomes(jobs, patience, monitor, clock=clock, settings=settings)
        self._setbacks = Setbacks(
            self._outcomes, patience, elsewhere, clock=clock, settings=settings
        )

    def run(self, job: Job, link: Link, *, write: Write) -> None:
        """Make the pictures of ``job``, which this lane has claimed, and keep what came of it.

        Args:
            job: as it was claimed.
            link: to the server that it runs on.
            write: keeps that, if the pictures were made.

        Raises:
            StorageError: the outcome could not be kept; the job is still processing.
            QueueClosed: the same, for the storage was closed meanwhile.
        """
        journey = Journey(Run(job, link.backend), link, write)
        try:
            with self._monitor.watching(journey.run):
                request, prepared = self._prepare(journey)
                generation = self._generate(journey, prepared)
            self._complete(journey, request, prepared, generation)
        except Waits as waits:
            self._put_off(journey.run, waits)
        except _Unwanted:
            logger.info("Job %s was cancelled before it was sent to %r.", job.id, link.server.alias)
            self._outcomes.keep(journey.run, lambda it: it.cancel(now=self._clock.now()))
        except (BackendError, InvalidParams, ImageStoreError, ModelNotSupplied) as error:
            if journey.run.given_up in (GivenUp.CLOSING, GivenUp.LEASE_LOST):
                # Whoever holds the job next asks the server about it.
                logger.info("Job %s was left to recovery: %s.", job.id, journey.run.given_up)
                if journey.run.given_up is GivenUp.CLOSING:
                    self._outcomes.leave(job)
                return
            self._setbacks.settle(journey, error)
        except (StorageError, QueueClosed):
            raise
        except Exception as error:
            # A defect of ours must not run the same job for ever.
            logger.exception("Job %s met a defect of StableQueue.", job.id)
            self._setbacks.settle(journey, InternalError(error))
        finally:
            self._board.remove(job.id)

    def _prepare(self, journey: Journey) -> tuple[GenerationRequest, Prepared]:
        """All that comes before the request is sent; what is sent, in our words and in theirs."""
        run, link = journey.run, journey.link
        params = parse_params(run.job.params, self._limits)
        asked = evolve(params, seed=run.job.seed or 0, subseed=run.job.subseed or 0)
        journey.asked = asked
        orphan = orphan_of(run.job)
        if orphan:
            self._settle(journey, orphan)
        treated = treat(run, link, asked, self._settings)
        journey.remedy, journey.complaint = treated.remedy, treated.complaint
        journey.was_loaded = link.is_loaded(asked.checkpoint) and not treated.has_unloaded
        _complain(journey)
        try:
            journey.prepared = self._supply.prepare(run.job, link, treated.request)
        except StorageError as error:
            reason = f"What the job lacks could not be looked up. {error.message}"
            raise Waits(reason, seconds=self._settings.circuit_base) from error
        run.stall_limit = stall_limit(asked.pixel_steps, self._settings)
        return treated.request, journey.prepared

    def _settle(self, journey: Journey, orphan: str) -> None:
        """Let the server first be done with what an earlier attempt has left there."""
        run = journey.run
        settle(
            run.backend,
            orphan,
            poll=self._settings.poll,
            abort=run.abort,
            is_vain=lambda: run.cancelling,
        )
        if run.cancelling:
            # Before its next job the lane sees to it.
            journey.link.leave_behind(orphan)
            raise _Unwanted

    def _generate(self, journey: Journey, prepared: Prepared) -> Generation:
        """Ask the server; once more after a cure if it had lost its model."""
        run, link = journey.run, journey.link
        try:
            return self._ask(journey, prepared)
        except ServerPoisoned as poisoned:
            logger.warning("%s Trying to cure it.", poisoned.message)
            if not run.backend.cure(prepared, link.inventory(), run.abort):
                raise
            journey.was_loaded = False
            return self._ask(journey, prepared)

    def _ask(self, journey: Journey, prepared: Prepared) -> Generation:
        run, began = journey.run, self._clock.monotonic()
        if run.cancelling:
            raise _Unwanted
        try:
            generation = run.backend.generate(
                prepared, task_id=run.job.task_id or "", abort=run.abort
            )
        except AnswerLost:
            if run.given_up is GivenUp.STALLED:
                raise Stalled(
                    f"Server {journey.link.server.alias!r} made no progress for "
                    f"{run.stall_limit:.0f} s."
                ) from None
            raise
        journey.seconds = self._clock.monotonic() - began
        return generation

    def _put_off(self, run: Run, waits: Waits) -> None:
        """Nothing was sent: the job goes back as if it had never been claimed."""
        now = self._clock.now()
        kept = self._outcomes.keep(
            run,
            lambda present: present.wait_for(
                tuple(download.id for download in waits.downloads),
                waits.reason,
                not_before=now + timedelta(seconds=waits.seconds) if waits.seconds else None,
                now=now,
            ),
        )
        if kept is not None and kept.status is JobStatus.PENDING:
            logger.info("Job %s: %s", kept.id, waits.reason)

    def _complete(
        self,
        journey: Journey,
        request: GenerationRequest,
        prepared: Prepared,
        generation: Generation,
    ) -> None:
        job, link = journey.run.job, journey.link
        attempt = job.attempts[-1]
        named = [
            (
                picture_name(
                    job.picture_owner, attempt.started_at, index, picture.seed, picture.format
                ),
                picture,
            )
            for index, picture in enumerate(generation.pictures, job.first_picture)
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
        _complain(journey)
        self._board.finish(job)
        now = self._clock.now()

        def change(present: Job) -> Job:
            told = with_remedy(present, journey.remedy)
            return told.complete(result, sent=sent, now=now)

        kept = self._outcomes.keep(journey.run, change, write=journey.write)
        if kept is None or kept.status is not JobStatus.COMPLETED:
            self._images.discard(names)
        else:
            link.finished(kept, request, journey.seconds, journey.was_loaded)


def _complain(journey: Journey) -> None:
    """The server's last word is that it works; what is wrong with it all the same is told again."""
    if journey.complaint:
        journey.link.complain(journey.complaint)
