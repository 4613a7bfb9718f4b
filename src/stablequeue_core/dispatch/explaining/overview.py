"""The whole fleet in one moment, as any process can see it: what was told, and what was learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from attrs import frozen

from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.costing.costs import CostBook
from stablequeue_core.dispatch.explaining import standstill
from stablequeue_core.dispatch.explaining.estimates import Capacity
from stablequeue_core.dispatch.explaining.lacking import Lacking
from stablequeue_core.dispatch.explaining.unanswered import Unanswered
from stablequeue_core.dispatch.links.loaded import is_same
from stablequeue_core.dispatch.links.monitor import stall_limit
from stablequeue_core.errors import BackendError
from stablequeue_core.generation import Phase, Progress, Requirements
from stablequeue_core.jobs import Job, Work, runs_on
from stablequeue_core.servers import (
    HealthBoard,
    ReportBoard,
    Server,
    ServerHealth,
    ServerReport,
    ServerStatus,
    Silence,
    is_for_any,
)
from stablequeue_core.servers.report_board import ALIVE_FOR, BEAT_EVERY
from stablequeue_core.settings import Settings
from stablequeue_core.storage import Storage

MISSED = timedelta(seconds=2 * BEAT_EVERY)
"""Whoever was silent for so long, and has lost the claim to a job, does not see to that."""

LEAST_LEFT = 0.05
"""A job that takes longer than was thought has at least so much of its time to go."""


@frozen(kw_only=True)
class ServerView:
    """One server in one moment.

    Attributes:
        server: as its user described it.
        health: how it feels, as was told last.
        worker: the living process that sends it jobs; None: none has told.
        is_attended: whether some process sends it jobs.
        lacks: what it lacks for a job; None while its lists are not known.
        job: what it runs now, of ours.
        progress: how far that is; None where nobody has told.
        silence: of the process that holds it; None: that one lives, or nobody holds it.
        has_run_out: whether the claim of any process to that job has.
        unanswered: set while it does not answer what it is asked about that job.
    """

    server: Server
    health: ServerHealth
    worker: str | None
    is_attended: bool
    lacks: Callable[[Requirements], Sequence[BackendError] | None]
    job: Job | None = None
    progress: Progress | None = None
    silence: Silence | None = None
    has_run_out: bool = False
    unanswered: Unanswered | None = None

    @property
    def alias(self) -> str:
        """Its name."""
        return self.server.alias

    @property
    def status(self) -> ServerStatus:
        """How it feels; that one is disabled comes before all else."""
        return self.health.status if self.server.enabled else ServerStatus.DISABLED

    @property
    def is_reachable(self) -> bool:
        """Whether it answers, as far as anybody has seen."""
        is_well = self.health.status in (ServerStatus.ONLINE, ServerStatus.UNKNOWN)
        return is_well and self.unanswered is None

    @property
    def trouble(self) -> str | None:
        """Why it does not answer, as a sentence; None: it does."""
        if self.is_reachable:
            return None
        return self.health.last_error or f"Server {self.alias!r} is {self.health.status}."

    @property
    def stands_still(self) -> bool:
        """Whether nobody is known to see to it, and to the job that it runs."""
        return self.silence is not None or self.has_run_out

    @property
    def is_open_ended(self) -> bool:
        """Whether nobody can tell when it has done what it runs."""
        return self.stands_still or self.unanswered is not None

    @property
    def takes_jobs(self) -> bool:
        """Whether a job that it can run will be given to it, as things are."""
        return self.obstacle is None

    @property
    def obstacle(self) -> str | None:
        """Why it takes no jobs now, as a sentence; None: it does."""
        if not self.server.enabled:
            return f"Server {self.alias!r} is disabled."
        if self.stands_still:
            state = "is paused" if self.server.paused else "gets no jobs"
            why = standstill.of_server(self.job, self.silence, self.trouble)
            return f"Server {self.alias!r} {state}. {why}"
        if self.unanswered is not None:
            state = "is paused, and " if self.server.paused else ""
            return f"Server {self.alias!r} {state}{self.unanswered.of_server}"
        if self.server.paused:
            rest = "; it finishes the job that it runs" if self.job else ""
            return f"Server {self.alias!r} is paused{rest}."
        if not self.is_reachable:
            return self.trouble
        if not self.is_attended:
            return f"No process sends jobs to server {self.alias!r} at the moment."
        return None

    def is_loaded(self, checkpoint: str | None) -> bool:
        """Whether this checkpoint is in its memory; None asks for no certain one."""
        return is_same(self.health.loaded_checkpoint, checkpoint)

    def can_run(self, target: str, requirements: Requirements) -> bool | None:
        """Whether it runs such a job; None: that is not known.

        Lists that it told before it went out of reach prove only what it had.
        """
        if target not in self.server.targets:
            return False
        missing = self.lacks(requirements)
        if missing is None or (missing and not self.is_reachable):
            return None
        return not missing


class Overview:
    """Sees the fleet. Safe to use from several threads.

    Args:
        storage: who remembers.
        reports: what the processes that run jobs tell of them.
        health: how they feel.
        lacking: what they lack.
        clock: the time.
        settings: when a job is given up.
        dispatches: whether this process sends jobs to servers.
    """

    def __init__(
        self,
        storage: Storage,
        reports: ReportBoard,
        health: HealthBoard,
        lacking: Lacking,
        *,
        clock: Clock,
        settings: Settings,
        dispatches: bool,
    ) -> None:
        self._storage = storage
        self._reports = reports
        self._health = health
        self._lacking = lacking
        self._clock = clock
        self._settings = settings
        self._dispatches = dispatches

    def views(self, *, with_jobs: bool = True) -> Sequence[ServerView]:
        """Every server, in the order in which they were added.

        Args:
            with_jobs: whether it is looked up what they run.
        """
        reports = self._reports.all()
        jobs = self._storage.jobs.processing() if with_jobs else ()
        running = {runs_on(job): job for job in jobs}
        return [
            self._view(server, reports.get(server.alias), running.get(server.alias))
            for server in self._storage.servers.list()
        ]

    def is_anybody_at_work(self) -> bool:
        """Whether any living process runs jobs, be it that it holds no server just now."""
        return self._dispatches or bool(self._reports.alive())

    def _view(self, server: Server, report: ServerReport | None, job: Job | None) -> ServerView:
        told = report if report is not None and self._reports.is_good(report) else None
        health = self._health.of(server.alias)
        unanswered = self._unanswered(health, job)
        # Whoever waits for an answer is late with all else, too.
        has_run_out = (
            job is not None
            and unanswered is None
            and standstill.has_run_out(job, self._clock.now())
        )
        is_of_job = report is not None and job is not None and report.job_id == job.id
        return ServerView(
            server=server,
            health=health,
            worker=told.worker if told else None,
            is_attended=self._dispatches or told is not None,
            lacks=lambda requirements: self._lacking.by(server, requirements),
            job=job,
            progress=report.progress if report and is_of_job else None,
            silence=self._silence(report, job if has_run_out else None),
            has_run_out=has_run_out,
            unanswered=unanswered,
        )

    def _unanswered(self, health: ServerHealth, job: Job | None) -> Unanswered | None:
        """Set when a living process has told that the server does not answer it."""
        since = health.unanswered_since
        if since is None:
            return None
        seconds = max(0.0, (self._clock.now() - since).total_seconds())
        left = stall_limit(job.effort, self._settings) - seconds if job else None
        return Unanswered(seconds=seconds, left=left)

    def _silence(self, report: ServerReport | None, run_out: Job | None) -> Silence | None:
        """Of the process that holds a server, to a job of which it may have lost its claim."""
        if report is None:
            return None
        is_its_job = run_out and run_out.lease and run_out.lease.worker == report.worker
        return self._reports.silence(report, MISSED if is_its_job else ALIVE_FOR)


def capacity_of(view: ServerView, costs: CostBook, now: datetime) -> Capacity:
    """The server as an estimate sees it."""
    alias = view.alias

    def load_seconds(checkpoint: str | None) -> float:
        return 0.0 if view.is_loaded(checkpoint) else costs.load(alias, checkpoint)

    def may_run(work: Work) -> bool:
        if work.checkpoint is None or not is_for_any(work.target):
            return True
        # What is not known counts as there: somebody will run it.
        return not view.lacks(Requirements(checkpoints=(work.checkpoint,)))

    return Capacity(
        alias=alias,
        targets=view.server.targets,
        free_in=seconds_left(view, costs, now),
        takes_jobs=view.takes_jobs,
        seconds=lambda checkpoint, effort: costs.seconds(alias, checkpoint, effort),
        load_seconds=load_seconds,
        may_run=may_run,
    )


def seconds_left(view: ServerView, costs: CostBook, now: datetime) -> float:
    """How long the server will be at work on what it runs now; 0 if it runs nothing of ours.

    Of what is open-ended nobody can tell: that is 0, too.
    """
    job, progress = view.job, view.progress
    if job is None or view.is_open_ended:
        return 0.0
    seconds = costs.seconds(view.alias, job.checkpoint, job.effort)
    if progress is not None and progress.phase is Phase.SAMPLING and progress.fraction > 0:
        if progress.eta_seconds is not None:
            return progress.eta_seconds
        return seconds * (1 - progress.fraction)
    if not view.is_loaded(job.checkpoint):
        seconds += costs.load(view.alias, job.checkpoint)
    since = (now - job.attempts[-1].started_at).total_seconds() if job.attempts else 0.0
    return max(seconds - since, max(seconds, since) * LEAST_LEFT)
