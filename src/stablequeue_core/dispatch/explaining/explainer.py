"""Explains a queue, in any process: why a job waits, where it could run, when it will be done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from attrs import evolve

from stablequeue_core.backends import Backend
from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.choosing.policy import PassedOver
from stablequeue_core.dispatch.costing.costs import CostBook
from stablequeue_core.dispatch.explaining import reasons, standstill, telling
from stablequeue_core.dispatch.explaining.estimates import (
    BacklogEstimate,
    backlog,
    lines,
    rivals_in,
)
from stablequeue_core.dispatch.explaining.explanation import Explanation
from stablequeue_core.dispatch.explaining.lacking import Lacking
from stablequeue_core.dispatch.explaining.moment import Moment
from stablequeue_core.dispatch.explaining.outlooks import best_of, outlooks
from stablequeue_core.dispatch.explaining.overview import (
    Overview,
    capacity_of,
    seconds_left,
)
from stablequeue_core.dispatch.upkeep.arrivals import waiting_reason as reason_of_downloads
from stablequeue_core.jobs import Job, JobStatus
from stablequeue_core.servers import HealthBoard, Inventories, ReportBoard, Server, is_for_any
from stablequeue_core.settings import Settings
from stablequeue_core.storage import Storage

BACKLOG_BELIEVED = 1.0
"""Seconds; whoever watches the queue asks more often than its total changes."""


class Explainer:
    """Explains the queue, whether this process runs jobs or not. Safe to use from several threads.

    Nothing is changed by it. Only :meth:`explain` waits for servers that are asked; all else is
    answered from what is known.

    Args:
        storage: who remembers.
        inventories: what servers have, as far as it was seen.
        connect: makes what speaks with a server.
        costs: what was learned of them.
        reports: what the processes that run jobs tell of them.
        health: how they feel.
        clock: the time.
        settings: every knob.
        dispatches: whether this process runs jobs.
        passed_over: since when others go before a job, as far as this process has seen.
    """

    def __init__(
        self,
        storage: Storage,
        inventories: Inventories,
        connect: Callable[[Server], Backend],
        costs: CostBook,
        *,
        reports: ReportBoard,
        health: HealthBoard,
        clock: Clock,
        settings: Settings,
        dispatches: bool,
        passed_over: Callable[[str], PassedOver | None] = lambda job_id: None,
    ) -> None:
        self._storage = storage
        self._jobs = storage.jobs
        self._costs = costs
        self._clock = clock
        self._settings = settings
        self._passed_over = passed_over
        self._dispatches = dispatches
        self._lacking = Lacking(inventories, connect, clock=clock)
        self._overview = Overview(
            storage,
            reports,
            health,
            self._lacking,
            clock=clock,
            settings=settings,
            dispatches=dispatches,
        )
        self._lock = threading.Lock()
        self._backlog: tuple[float, BacklogEstimate] | None = None

    def explain(self, job: Job) -> Explanation:
        """All that can be said of the job; servers that may run it are asked what they have."""
        unanswered = {} if job.status.ended else self._ask(job)
        now = self._clock.now()
        parts = self._jobs.parts_of(job.id) if job.parts else ()
        told = Explanation(
            job_id=job.id,
            status=job.status,
            why=telling.outcome_of_parts(job, parts) if parts else telling.outcome(job),
            chosen=job.server,
            chosen_why=telling.chosen_why(job),
            story=telling.story_of_parts(parts, now) if parts else telling.story(job, now),
            waits_for=job.waits_for,
        )
        if job.status.ended:
            return told
        moment = self._look()
        if job.status is JobStatus.PROCESSING or job.parts:
            return self._explain_running(job, parts, told, moment, unanswered)
        return self._explain_pending(job, told, moment, unanswered)

    def waiting_reason(self, job: Job) -> str | None:
        """Why a pending job does not start, as far as it is known; nobody is waited for.

        Returns:
            a sentence; None when it is not pending, or when it is simply not its turn yet.
        """
        if job.status is not JobStatus.PENDING:
            return None
        moment = self._look(with_jobs=False)
        if moment.is_anybody_at_work and not self._dispatches:
            self._keep_lists_known(job, moment)
        return self._obstacle(job, moment) or job.waiting_reason

    def eta(self, job: Job) -> float | None:
        """Seconds until the job is done, as far as can be told; nobody is asked.

        Returns:
            None when it has ended, or when nobody can tell: it is held, waits for a download, or no
            server takes it as things are.
        """
        return None if job.status.ended else self._eta(job, self._look())

    def backlog(self) -> BacklogEstimate:
        """How much is to be done, and how long that takes; at most a second old."""
        with self._lock:
            known = self._backlog
        now = self._clock.monotonic()
        if known is not None and 0 <= now - known[0] < BACKLOG_BELIEVED:
            return known[1]
        moment = self._look()
        everything = self._jobs.work_before(None, now=moment.now)
        estimate = backlog(everything, moment.fleet, now=moment.now)
        if moment.is_paused:
            # Nobody knows when it goes on.
            estimate = evolve(estimate, seconds=None)
        with self._lock:
            self._backlog = now, estimate
        return estimate

    def _explain_pending(
        self, job: Job, told: Explanation, moment: Moment, unanswered: Mapping[str, str]
    ) -> Explanation:
        obstacle = self._obstacle(job, moment)
        before = self._jobs.work_before(job, now=moment.now)
        queues = lines(before, moment.fleet, now=moment.now) if moment.may_start(job) else {}
        servers = outlooks(
            job, moment.views, queues, self._costs, unanswered=unanswered, now=moment.now
        )
        best = best_of(servers)
        rivals = rivals_in(before, job.target, moment.fleet)
        why = obstacle or reasons.turn(
            job,
            moment.views,
            best,
            before=rivals,
            passed=self._passed_over(job.id),
            bound=self._settings.affinity_bound,
            fairness=self._settings.fairness,
        )
        return evolve(
            told,
            why=f"{why} {reasons.warning(job, moment.views)}".rstrip(),
            servers=servers,
            position=self._jobs.position(job, now=moment.now),
            before=rivals,
            eta_seconds=best.done_in if best else None,
        )

    def _explain_running(
        self,
        job: Job,
        parts: Sequence[Job],
        told: Explanation,
        moment: Moment,
        unanswered: Mapping[str, str],
    ) -> Explanation:
        """One that runs, or whose parts do."""
        eta = self._eta(job, moment)
        if job.parts:
            has_begun = job.status is JobStatus.PROCESSING
            obstacle = None if has_begun else self._obstacle(job, moment)
            why = obstacle or _of_parts(job, parts, moment)
        else:
            why = _of_running(job, eta, moment)
        servers = outlooks(
            job, moment.views, {}, self._costs, unanswered=unanswered, now=moment.now
        )
        return evolve(told, why=why, servers=servers, eta_seconds=eta)

    def _obstacle(self, job: Job, moment: Moment) -> str | None:
        """Why a pending job cannot start now; None: it can, when its turn comes."""
        if job.held:
            return reasons.HELD
        if job.waits_for:
            return reason_of_downloads(job, self._storage.downloads) or reasons.SUPPLIED
        if moment.is_paused:
            return reasons.PAUSED
        return reasons.not_yet(job, moment.now) or reasons.no_server(
            job, moment.views, is_anybody_at_work=moment.is_anybody_at_work
        )

    def _eta(self, job: Job, moment: Moment) -> float | None:
        if job.parts:
            open_parts = [p for p in self._jobs.parts_of(job.id) if not p.status.ended]
            etas = [self._eta(part, moment) for part in open_parts]
            known = [eta for eta in etas if eta is not None]
            return max(known, default=0.0) if len(known) == len(etas) else None
        if job.status is JobStatus.PROCESSING:
            view = moment.view_of(job)
            if view is None or view.is_open_ended:
                return None
            return seconds_left(view, self._costs, moment.now)
        if not moment.may_start(job):
            return None
        before = self._jobs.work_before(job, now=moment.now)
        queues = lines(before, moment.fleet, now=moment.now)
        servers = outlooks(job, moment.views, queues, self._costs, unanswered={}, now=moment.now)
        best = best_of(servers)
        return best.done_in if best else None

    def _look(self, *, with_jobs: bool = True) -> Moment:
        """Look at all of it; ``with_jobs`` is what only an estimate needs."""
        if with_jobs:
            self._costs.refresh()
        now = self._clock.now()
        views = self._overview.views(with_jobs=with_jobs)
        return Moment(
            now,
            views,
            [capacity_of(view, self._costs, now) for view in views] if with_jobs else [],
            self._jobs.paused(),
            self._overview.is_anybody_at_work(),
        )

    def _keep_lists_known(self, job: Job, moment: Moment) -> None:
        """For who looks at a job again and again, here, where no lane asks what servers have."""
        if is_for_any(job.target) and moment.may_start(job):
            servers = [view.server for view in moment.views if view.takes_jobs]
            self._lacking.keep_known(servers, every=self._settings.inventory_age)

    def _ask(self, job: Job) -> Mapping[str, str]:
        """Have the servers asked that may run the job, but for those that surely do not answer."""
        return self._lacking.ask(
            [
                view.server
                for view in self._overview.views(with_jobs=False)
                if view.server.enabled and view.is_reachable and job.target in view.server.targets
            ]
        )


def _of_running(job: Job, eta: float | None, moment: Moment) -> str:
    """What a job does that runs, or why it does not go on."""
    view = moment.view_of(job)
    progress = view.progress if view else None
    fraction = progress.fraction if progress else None
    if view and view.unanswered:
        return view.unanswered.of_job(job, fraction)
    if standstill.has_run_out(job, moment.now) or (view and view.silence):
        return standstill.of_job(
            job,
            view.silence if view else None,
            fraction,
            trouble=view.trouble if view else None,
            is_anybody_at_work=moment.is_anybody_at_work,
        )
    return telling.running(job, eta, fraction)


def _of_parts(job: Job, parts: Sequence[Job], moment: Moment) -> str:
    """How far the parts are, and why some of them do not go on."""
    running = [part for part in parts if part.status is JobStatus.PROCESSING]
    views = {view.alias: view for part in running if (view := moment.view_of(part))}
    still = [view.obstacle for view in views.values() if view.is_open_ended]
    return " ".join(filter(None, (telling.parts(job, parts), *still)))
