"""What becomes of a job whose attempt has failed, and of what is known of its server."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import timedelta

from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.links.monitor import Run
from stablequeue_core.dispatch.running.elsewhere import Elsewhere
from stablequeue_core.dispatch.running.failures import Verdict, judge
from stablequeue_core.dispatch.running.journey import Journey
from stablequeue_core.dispatch.running.outcomes import Outcomes
from stablequeue_core.dispatch.running.patience import Patience
from stablequeue_core.dispatch.running.remedies import Possible, may_be_smaller, with_remedy
from stablequeue_core.dispatch.running.story import whole_story
from stablequeue_core.errors import (
    AnswerLost,
    BackendError,
    CheckpointUnreadable,
    StableQueueError,
    Stalled,
    WrongResult,
)
from stablequeue_core.jobs import AttemptOutcome, Job, JobFailure
from stablequeue_core.serialization import shortened
from stablequeue_core.settings import Settings

logger = logging.getLogger(__name__)


class Setbacks:
    """Settles attempts that have failed: the job runs again, somewhere, or it has failed.

    Args:
        outcomes: keeps what becomes of the jobs.
        patience: waits where the storage is away.
        elsewhere: knows the other servers.
        clock, settings: the time, and every knob.
    """

    def __init__(
        self,
        outcomes: Outcomes,
        patience: Patience,
        elsewhere: Elsewhere,
        *,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._outcomes = outcomes
        self._patience = patience
        self._elsewhere = elsewhere
        self._clock = clock
        self._settings = settings

    def settle(self, journey: Journey, error: StableQueueError) -> None:
        """Keep what follows from ``error``, with which an attempt has ended.

        Raises:
            StorageError: it could not be kept; the job is still processing.
        """
        run, link = journey.run, journey.link
        possible = self._patience.until_done(run.job, run.backend, lambda: self._possible(journey))
        verdict = judge(error, run.job, possible, self._settings, random.random)
        if run.cancelling:
            logger.info("Job %s on %r is being cancelled.", run.job.id, link.server.alias)
        else:
            logger.warning("Job %s on %r: %s", run.job.id, link.server.alias, error.message)
        if isinstance(error, CheckpointUnreadable | WrongResult):
            # The server's files are not what its lists say.
            link.forget()
        if verdict.open_circuit and isinstance(error, BackendError):
            link.failed(error)
        is_lost = isinstance(error, AnswerLost | Stalled)
        if is_lost:
            link.leave_behind(run.job.task_id or "")
            _stop(run)
        self._outcomes.keep(run, self._change(journey, error, verdict), unsure=is_lost)

    def _possible(self, journey: Journey) -> Possible:
        """What else could be tried."""
        asked, run = journey.asked, journey.run
        if asked is None:
            return Possible()
        return Possible(
            smaller_batch=may_be_smaller(asked),
            elsewhere=self._elsewhere.may_run(run.job, asked.requirements, run.backend),
        )

    def _change(
        self, journey: Journey, error: StableQueueError, verdict: Verdict
    ) -> Callable[[Job], Job]:
        """What becomes of the job."""
        prepared, remedy, now = journey.prepared, journey.remedy, self._clock.now()
        # How each name was understood is kept with a job that failed, too.
        resolved = {"resolved": list(prepared.resolutions)} if prepared else {}
        details = {**error.details, **resolved}
        failure = JobFailure(code=error.code, message=error.message, details=details)
        nothing_ran = verdict.outcome is AttemptOutcome.UNREACHABLE
        sent = shortened(prepared.payload) if prepared and not nothing_ran else None
        wait = verdict.retry_after

        def change(present: Job) -> Job:
            job = with_remedy(present, remedy)
            if wait is None:
                return job.fail(whole_story(job, failure), sent=sent, now=now)
            return job.give_back(
                outcome=verdict.outcome,
                failure=failure,
                counted=verdict.counted,
                not_before=now + timedelta(seconds=wait) if wait else None,
                sent=sent,
                avoid=verdict.avoid,
                now=now,
            )

        return change


def _stop(run: Run) -> None:
    """Its pictures are lost to us: let the server not waste its time. Asked again later."""
    try:
        run.backend.interrupt(run.job.task_id or "")
    except BackendError as error:
        logger.info("Task %s could not be interrupted: %s", run.job.task_id, error.message)
