"""Watches over a running job from a second, light thread: progress, lease, cancel, stall."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum

from attrs import evolve

from stablequeue_core.backends import Backend, TaskState
from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.links.board import ProgressBoard
from stablequeue_core.dispatch.links.hearing import Hearing
from stablequeue_core.dispatch.links.reporter import Reporter
from stablequeue_core.errors import (
    BackendError,
    JobNotFound,
    QueueClosed,
    StaleJob,
    StorageError,
)
from stablequeue_core.jobs import Job, JobStore
from stablequeue_core.outage import Outage
from stablequeue_core.settings import Settings
from stablequeue_core.storage import ProcessLock
from stablequeue_core.transport import Abort

logger = logging.getLogger(__name__)


INTERRUPT_AGAIN = 5.0
"""Seconds after which a task that is still active is interrupted once more."""


class GivenUp(StrEnum):
    """Why a running request was given up by us."""

    STALLED = "stalled"
    LEASE_LOST = "lease lost"
    CLOSING = "closing"


class Run:
    """One job that is being made right now: what the monitor may do to it.

    Attributes:
        job: as it was claimed.
        backend: what speaks with its server.
        stall_limit: seconds without progress after which the run is given up; none before the
            request is sent, however long something else has to be waited for.
        abort: makes the request come back.
        given_up: why the abort was pulled, None while it was not.
        cancelling: whether its user wants it to stop, as far as the monitor has seen.
        is_answered: whether its server has answered, so that only our right to the job is left to
            be looked after.
    """

    def __init__(self, job: Job, backend: Backend, *, is_answered: bool = False) -> None:
        self.job = job
        self.backend = backend
        self.is_answered = is_answered
        self.stall_limit = math.inf
        self.abort = Abort()
        self.given_up: GivenUp | None = None
        self.cancelling = False
        self.interrupted_at: float | None = None

    def give_up(self, reason: GivenUp) -> None:
        """Make the request come back; the server may go on with it."""
        if self.given_up is None:
            self.given_up = reason
            self.abort.pull()


class Monitor:
    """Watches over one lane's running job. One thread, from the lane's first job to its end.

    Args:
        jobs: to renew the lease, and to see a wish to cancel.
        lock: the right to the server. If it is lost, with the connection to a database, it is taken
            again before others have it: they would take the job for an orphan.
        board: where progress is written.
        reporter: tells it to other processes.
        clock, settings: how often to look, how long to be patient.

    Attributes:
        closing: set when what runs is to be given up.
    """

    def __init__(
        self,
        jobs: JobStore,
        lock: ProcessLock,
        board: ProgressBoard,
        reporter: Reporter,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._jobs = jobs
        self._lock = lock
        self._board = board
        self._reporter = reporter
        self._clock = clock
        self._settings = settings
        self._condition = threading.Condition()
        self._run: Run | None = None
        self._waits: tuple[str, Outage] | None = None
        self._is_looking = False
        self.closing = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, run: Run) -> Iterator[None]:
        """Watch over ``run`` inside the block; after it, over what was watched before."""
        self._begin()
        before = self._run
        self._turn_to(run)
        try:
            yield
        finally:
            self._turn_to(before)
            with self._condition:
                # An interrupt that is on its way must not arrive when the next job runs.
                self._condition.wait_for(
                    lambda: not self._is_looking, self._settings.answer_timeout
                )
            if before is None:
                self._reporter.ends()

    def give_up(self) -> None:
        """We are closing: give up what runs now, and what has just been claimed, too."""
        with self._condition:
            self.closing.set()
            run = self._run
        if run:
            run.give_up(GivenUp.CLOSING)

    def close(self) -> None:
        """Watch over nothing more."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _turn_to(self, run: Run | None) -> None:
        with self._condition:
            self._run = run
            self._condition.notify_all()
            is_closing = self.closing.is_set()
        if run is not None and is_closing:
            run.give_up(GivenUp.CLOSING)

    def _begin(self) -> None:
        """A server that never gets a job needs no thread; called by the lane only."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._watch, name="stablequeue-monitor", daemon=True
            )
            self._thread.start()

    def _watch(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._run is not None or self._closed)
                if self._closed:
                    return
                run = self._run
            try:
                if run is not None:
                    self._watch_over(run)
            except Exception:
                # The monitor must outlive whatever this is: the next run needs it.
                logger.exception("The monitor stumbled; it goes on.")
            finally:
                self._set_looking(False)

    def _watch_over(self, run: Run) -> None:
        """Look at ``run`` now and then until it is over."""
        moved_at = renewed_at = self._clock.monotonic()
        hearing = Hearing(run.job, self._reporter, self._clock, self._settings)
        outage = self._outage_of(run.job)
        while not self._over(run):
            now = self._clock.monotonic()
            try:
                # First: if it was lost, others try to have it, too.
                self._lock.try_acquire()
                if now - renewed_at >= self._settings.lease / 3:
                    self._renew(run)
                    renewed_at = now
                run.cancelling = self._jobs.get(run.job.id).cancel_requested
                outage.is_over()
            except (StaleJob, JobNotFound):
                run.give_up(GivenUp.LEASE_LOST)
                return
            except QueueClosed:
                run.give_up(GivenUp.CLOSING)
                return
            except StorageError as error:
                outage.goes_on(error)
            has_moved = self._look(run, hearing)
            self._reporter.works(run.job.id, self._board.of(run.job.id))
            if has_moved or run.stall_limit == math.inf:
                moved_at = now
            elif self._clock.monotonic() - moved_at > run.stall_limit:
                run.give_up(GivenUp.STALLED)
                return

    def _outage_of(self, job: Job) -> Outage:
        """The same for the job when its answer has to be kept later: it is told of once."""
        if self._waits is None or self._waits[0] != job.id:
            outage = Outage(
                logger,
                f"Looking after job {job.id} has to wait",
                f"Job {job.id} is looked after again.",
            )
            self._waits = (job.id, outage)
        return self._waits[1]

    def _over(self, run: Run) -> bool:
        """Wait for the next look; whether the run has ended meanwhile."""
        self._set_looking(False)
        with self._condition:
            over = self._condition.wait_for(
                lambda: self._run is not run or self._closed, self._settings.poll
            )
            self._is_looking = not over
            return over

    def _set_looking(self, looking: bool) -> None:
        with self._condition:
            self._is_looking = looking
            self._condition.notify_all()

    def _renew(self, run: Run) -> None:
        if run.job.lease is not None:
            until = self._clock.now() + timedelta(seconds=self._settings.lease)
            self._jobs.renew(run.job.id, evolve(run.job.lease, until=until))

    def _interrupt(self, run: Run, task_id: str) -> None:
        """Stop the run; again only after a while, for it works at the server's next step."""
        now = self._clock.monotonic()
        if run.interrupted_at is None or now - run.interrupted_at > INTERRUPT_AGAIN:
            run.backend.interrupt(task_id)
            run.interrupted_at = now

    def _look(self, run: Run, hearing: Hearing) -> bool:
        """See how far the run is, and stop it if the user wants; whether it has moved on."""
        if run.is_answered:
            return False
        task_id = run.job.task_id or ""
        try:
            report = run.backend.task(task_id)
            if run.cancelling and report.state is TaskState.ACTIVE:
                self._interrupt(run, task_id)
        except BackendError as error:
            logger.debug("Job %s: no progress to be had: %s", run.job.id, error)
            hearing.missed(error, run.stall_limit)
            return False
        hearing.answered()
        if report.progress is None:
            return False
        moved = self._board.put(run.job, report.progress)
        # Waiting behind somebody else's job is no stall.
        return moved or report.state is TaskState.QUEUED


def stall_limit(pixel_steps: float, settings: Settings) -> float:
    """Seconds without progress after which a job of so many megapixel-steps counts as stalled."""
    return settings.stall_base + settings.stall_per_megapixel_step * pixel_steps
