"""The servers of the fleet as the choice of the next job sees them, whoever looks after them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from attrs import define, field

from stablequeue_core.bell import Bell
from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.choosing.prospects import OUT_OF_REACH, Prospect
from stablequeue_core.dispatch.costing.costs import CostBook
from stablequeue_core.dispatch.links.board import ProgressBoard
from stablequeue_core.dispatch.links.link import Link
from stablequeue_core.dispatch.links.loaded import is_same
from stablequeue_core.generation import Requirements
from stablequeue_core.jobs import Candidate, Job
from stablequeue_core.servers import ReportBoard, Server, ServerReport, ServerStatus

ABOUT_A_JOB = 10.0
"""Seconds until a server is free that runs a job of which nothing more is known."""


@define(eq=False)
class Standing:
    """How a lane stands: written by the lane, read by all others of this process.

    Attributes:
        server: whose lane it is.
        bell: wakes the lane.
        link: what this process knows of the server; None: nothing yet.
        is_held: whether this process holds the lane; if not, another one may.
        job: what runs there now for this process.
        until: when that will be done, by the monotonic clock, as far as can be told.
    """

    server: Server
    bell: Bell = field(factory=Bell)
    link: Link | None = None
    is_held: bool = False
    job: Job | None = None
    until: float = 0.0


class Fleet:
    """Makes the prospects of all servers. Safe to use from several threads.

    Args:
        standings: of every lane of this process; each enabled server has one.
        costs: what jobs cost.
        told: what the other processes tell.
        board: how far the jobs of this process are.
        may_fetch: whether what a server lacks for a job is to be fetched for it.
        clock: the time.
    """

    def __init__(
        self,
        standings: Callable[[], Iterable[Standing]],
        *,
        costs: CostBook,
        told: ReportBoard,
        board: ProgressBoard,
        may_fetch: Callable[[str, Candidate], bool],
        clock: Clock,
    ) -> None:
        self._standings = standings
        self._costs = costs
        self._told = told
        self._board = board
        self._may_fetch = may_fetch
        self._clock = clock
        self._reports: Mapping[str, ServerReport] = {}

    def refresh(self) -> None:
        """Read what is to be read; prospects are made inside a transaction, and ask no store.

        Raises:
            StorageError: it cannot be read now.
        """
        self._costs.refresh()
        if not all(standing.is_held for standing in self._standings()):
            self._reports = self._told.all()

    def begins(self, standing: Standing, job: Job, link: Link) -> None:
        """A lane begins with a job."""
        alias, checkpoint = standing.server.alias, job.checkpoint
        seconds = self._costs.seconds(alias, checkpoint, job.effort)
        if not link.is_loaded(checkpoint):
            seconds += self._costs.load(alias, checkpoint)
        standing.until = self._clock.monotonic() + seconds
        standing.job = job

    def here(self, standing: Standing, link: Link) -> Prospect:
        """The server that asks for a job."""
        return self._prospect(standing, link.is_loaded, link.can_run, 0.0)

    def others(self, alias: str) -> Collection[Prospect]:
        """All the other servers that may be given jobs."""
        others = [each for each in self._standings() if each.server.alias != alias]
        return _Others(others, self._other)

    def _other(self, standing: Standing) -> Prospect:
        return self._held(standing) if standing.is_held else self._foreign(standing)

    def _held(self, standing: Standing) -> Prospect:
        link = standing.link
        if link is None or not (link.is_well and link.answers) or standing.server.paused:
            free_in = OUT_OF_REACH
        else:
            free_in = self._left_of(standing)
        return self._prospect(
            standing,
            link.is_loaded if link else _is_any,
            link.can_run if link else _knows_nothing,
            free_in,
        )

    def _foreign(self, standing: Standing) -> Prospect:
        """A server that another process looks after."""
        report = self._reports.get(standing.server.alias)
        title = report.health.loaded_checkpoint if report else None
        return self._prospect(
            standing,
            lambda checkpoint: is_same(title, checkpoint),
            lambda requirements: _can_run_there(standing, requirements),
            self._told_free_in(standing.server, report),
        )

    def _left_of(self, standing: Standing) -> float:
        """Seconds until the lane's job is done, as far as can be told."""
        job = standing.job
        if job is None:
            return 0.0
        progress = self._board.of(job.id)
        if progress is not None and progress.eta_seconds is not None:
            return max(0.0, progress.eta_seconds)
        return max(0.0, standing.until - self._clock.monotonic())

    def _told_free_in(self, server: Server, report: ServerReport | None) -> float:
        if report is None or server.paused or not self._told.is_good(report):
            return OUT_OF_REACH
        if report.health.status is not ServerStatus.ONLINE:
            return OUT_OF_REACH
        if report.job_id is None:
            return 0.0
        eta = report.progress.eta_seconds if report.progress else None
        return ABOUT_A_JOB if eta is None else max(0.0, eta)

    def _prospect(
        self,
        standing: Standing,
        is_loaded: Callable[[str | None], bool],
        can_run: Callable[[Requirements], bool],
        free_in: float,
    ) -> Prospect:
        alias = standing.server.alias

        def seconds(candidate: Candidate) -> float:
            return self._costs.seconds(alias, candidate.checkpoint, candidate.effort)

        return Prospect(
            alias=alias,
            targets=standing.server.targets,
            is_loaded=is_loaded,
            can_run=can_run,
            free_in=free_in,
            seconds=seconds,
            load_seconds=lambda checkpoint: self._costs.load(alias, checkpoint),
            may_fetch=lambda candidate: self._may_fetch(alias, candidate),
        )


class _Others(Collection[Prospect]):
    """The other servers of the fleet, described once somebody looks at them.

    Mostly nobody does: a hundred idle lanes would describe each other for an empty line.
    """

    def __init__(
        self, standings: Sequence[Standing], describe: Callable[[Standing], Prospect]
    ) -> None:
        self._standings = standings
        self._describe = describe

    @cached_property
    def _described(self) -> Sequence[Prospect]:
        return [self._describe(standing) for standing in self._standings]

    def __len__(self) -> int:
        return len(self._standings)

    def __iter__(self) -> Iterator[Prospect]:
        return iter(self._described)

    def __contains__(self, prospect: object) -> bool:
        return prospect in self._described


def _can_run_there(standing: Standing, requirements: Requirements) -> bool:
    """Whether a server can run something that this process never sends a job to."""
    link = standing.link
    if link is None or link.want():
        standing.bell.ring()
    return link is not None and link.can_run(requirements)


def _is_any(checkpoint: str | None) -> bool:
    return checkpoint is None


def _knows_nothing(requirements: Requirements) -> bool:
    return False
