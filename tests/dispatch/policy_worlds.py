"""Lines and servers as values, for the choice of the next job."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from attrs import define, field, frozen

from stablequeue_core.dispatch.choosing.policy import Policy
from stablequeue_core.dispatch.choosing.prospects import Prospect
from stablequeue_core.generation import Requirements
from stablequeue_core.jobs import AUTO, MOST_COUNTED, Backlog, Candidate, Line
from stablequeue_core.settings import Settings

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BOUND = Settings().affinity_bound
WORK, LOAD = 10.0, 15.0
AWAY = math.inf


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def candidate(
    number: int,
    checkpoint: str | None = None,
    *,
    target: str = AUTO,
    priority: int = 0,
    place: int | None = None,
    came: float = 0,
    avoids: tuple[str, ...] = (),
    loras: tuple[str, ...] = (),
    may_fetch: bool = False,
) -> Candidate:
    """A job; its number is its id."""
    needs = Requirements(
        checkpoints=() if checkpoint is None else (checkpoint,), loras=loras, may_fetch=may_fetch
    )
    return Candidate(
        id=str(number),
        target=target,
        priority=priority,
        number=number,
        created_at=at(came),
        checkpoint=checkpoint,
        place=number if place is None else place,
        effort=20.0,
        requirements=needs if target == AUTO else None,
        avoids=avoids,
    )


class ListedLine(Line):
    """A line that is a list; it counts what is read of it."""

    def __init__(self, candidates: Collection[Candidate]) -> None:
        self._waiting = sorted(candidates, key=lambda c: (-c.priority, c.place, c.number))
        self.read = 0

    def in_order(self) -> Iterator[Candidate]:
        return self._counted(self._waiting)

    def backlogs(self, priority: int) -> Sequence[Backlog]:
        groups: dict[str | None, list[Candidate]] = defaultdict(list)
        for each in self._waiting:
            if each.priority == priority:
                groups[each.checkpoint].append(each)
        return [
            Backlog(checkpoint=name, count=min(len(group), MOST_COUNTED), first=group[0].place)
            for name, group in groups.items()
        ]

    def of_checkpoint(self, checkpoint: str | None, priority: int) -> Iterator[Candidate]:
        wanted = priority, checkpoint
        return self._counted([c for c in self._waiting if (c.priority, c.checkpoint) == wanted])

    def _counted(self, candidates: Sequence[Candidate]) -> Iterator[Candidate]:
        for each in candidates:
            self.read += 1
            yield each


def server(
    alias: str = "Laptop",
    loaded: str | None = None,
    *,
    free_in: float = 0.0,
    work: float = WORK,
    load: float = LOAD,
    lacks: Collection[str] = (),
    fetches: bool = False,
) -> Prospect:
    """A server that has everything but what it ``lacks``."""
    return Prospect(
        alias=alias,
        targets=(alias, AUTO),
        is_loaded=lambda name: name is None or name == loaded,
        can_run=lambda needs: not set(lacks) & {*needs.checkpoints, *needs.loras},
        free_in=free_in,
        seconds=lambda _: work,
        load_seconds=lambda _: load,
        may_fetch=lambda _: fetches,
    )


def chosen(
    candidates: Collection[Candidate],
    here: Prospect,
    *others: Prospect,
    policy: Policy | None = None,
    now: float = 0,
) -> str | None:
    """The id of the job that is chosen."""
    policy = policy or Policy(Settings())
    choice = policy.choose(ListedLine(candidates), here, others, now=at(now))
    return choice.id if choice else None


@frozen
class Started:
    """That a job was started."""

    job: Candidate
    at: float
    server: str


Rule = Callable[[Line, Prospect, Sequence[Prospect], datetime], Candidate | None]


@define
class World:
    """Servers that are alike and take jobs by a rule, until none waits."""

    jobs: Sequence[Candidate]
    servers: int
    rule: Rule
    started: list[Started] = field(factory=list)

    def run(self) -> list[Started]:
        free_at = {f"Server-{number}": 0.0 for number in range(self.servers)}
        loaded: dict[str, str | None] = dict.fromkeys(free_at)
        coming = sorted(self.jobs, key=lambda job: job.created_at, reverse=True)
        waiting: list[Candidate] = []
        moments = sorted({(job.created_at - NOON).total_seconds() for job in self.jobs})
        while moments:
            now = heapq.heappop(moments)
            while moments and moments[0] == now:
                heapq.heappop(moments)
            while coming and coming[-1].created_at <= at(now):
                waiting.append(coming.pop())
            for alias in free_at:
                if free_at[alias] > now or not waiting:
                    continue
                prospects = {
                    name: server(name, loaded[name], free_in=max(0.0, until - now))
                    for name, until in free_at.items()
                }
                here = prospects.pop(alias)
                job = self.rule(ListedLine(waiting), here, list(prospects.values()), at(now))
                if job is None:
                    heapq.heappush(moments, now + 1.0)
                    continue
                waiting.remove(job)
                load = 0.0 if job.checkpoint in (None, loaded[alias]) else LOAD
                loaded[alias] = job.checkpoint or loaded[alias]
                free_at[alias] = now + load + WORK
                heapq.heappush(moments, free_at[alias])
                self.started.append(Started(job, now, alias))
        return self.started


def by_policy(policy: Policy) -> Rule:
    return lambda line, here, others, now: policy.choose(line, here, others, now=now)


def first_come(
    line: Line, here: Prospect, others: Sequence[Prospect], now: datetime
) -> Candidate | None:
    return next(line.in_order())
