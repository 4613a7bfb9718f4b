"""When pending jobs will run, and how long all of them take. Values decide; nobody is asked.

The work that waits is poured over the servers that may do it, like water: those with the shortest
lines are filled first, up to a common level. Who has the least choice is poured first. This is a
little more even than jobs of one piece can be, but it keeps what an estimate must keep: more work
before a job never makes it earlier, and a faster server never makes anything later.

What may not start yet is poured last, and not before the last of it may start: that is late rather
than early.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from attrs import field, frozen

from stablequeue_core.jobs.store import Work

_SHORTEST = 1e-6
"""Seconds; a job that takes no time at all would fill no line."""


@frozen(kw_only=True)
class Capacity:
    """One server, as an estimate sees it.

    Attributes:
        alias: its name.
        targets: of the jobs that it may run.
        free_in: seconds until it has done what it does now.
        seconds: how long it takes for so many megapixel-steps with a checkpoint that is loaded.
        load_seconds: how long it takes to load a checkpoint; 0 for the one that is loaded.
        takes_jobs: whether it will be given others after that, as things are.
        may_run: whether it runs such jobs of its targets, as far as anybody knows.
    """

    alias: str
    targets: tuple[str, ...]
    free_in: float
    seconds: Callable[[str | None, float], float]
    load_seconds: Callable[[str | None], float]
    takes_jobs: bool = True
    may_run: Callable[[Work], bool] = lambda work: True

    def seconds_for(self, work: Work) -> float:
        """How long it would take for all of this, if it did it alone and loaded once."""
        run = self.seconds(work.checkpoint, work.effort)
        return max(run + self.load_seconds(work.checkpoint), _SHORTEST)

    def seconds_for_one(self, work: Work) -> float:
        """How long it would take for one of these jobs."""
        run = self.seconds(work.checkpoint, work.effort / max(work.count, 1))
        return run + self.load_seconds(work.checkpoint)


@frozen(kw_only=True)
class BacklogEstimate:
    """How much is to be done, and how long that takes.

    Attributes:
        jobs: how many are pending; those that are held or wait for a download are not counted.
        effort: of these, in megapixel-steps.
        seconds: until all of them have run that a server can run now, those that run already and
            those that wait for a time included; None when no server can run any of what is
            pending, or the queue is paused.
        unserved: how many of the pending ones no server can run now.
        later: how many of the pending ones wait for a time.
        by_server: seconds until each server that takes jobs has done its share of what need not
            wait for a time, by alias.
    """

    jobs: int
    effort: float
    seconds: float | None
    unserved: int = 0
    later: int = 0
    by_server: Mapping[str, float] = field(factory=dict)


def lines(work: Sequence[Work], fleet: Sequence[Capacity], *, now: datetime) -> dict[str, float]:
    """Seconds until each server that takes jobs could take one that comes after all of this work.

    Example:
        >>> from datetime import UTC
        >>> def server(alias):
        ...     return Capacity(alias=alias, targets=(alias, "auto"), free_in=0.0,
        ...                     seconds=lambda checkpoint, effort: effort,
        ...                     load_seconds=lambda checkpoint: 0.0)
        >>> ours = Work(target="Laptop", checkpoint=None, count=3, effort=30.0)
        >>> anybodys = Work(target="auto", checkpoint=None, count=1, effort=10.0)
        >>> now = datetime(2025, 5, 14, tzinfo=UTC)
        >>> lines([anybodys, ours], [server("Laptop"), server("Tower")], now=now)
        {'Laptop': 30.0, 'Tower': 10.0}
    """
    levels = {server.alias: server.free_in for server in fleet if server.takes_jobs}
    for each, takers in _in_turn(work, fleet):
        _await(each, takers, levels, now)
        _pour(each, takers, levels)
    return levels


def backlog(work: Sequence[Work], fleet: Sequence[Capacity], *, now: datetime) -> BacklogEstimate:
    """All that is pending, and how long that takes."""
    levels = {server.alias: server.free_in for server in fleet if server.takes_jobs}
    ends = [server.free_in for server in fleet]
    by_server = dict(levels)
    unserved = 0
    for each, takers in _in_turn(work, fleet):
        if not takers:
            unserved += each.count
            continue
        _await(each, takers, levels, now)
        # The last of them is of one piece: four servers do not make it four times as fast.
        ends.append(min(levels[s.alias] + s.seconds_for_one(each) for s in takers))
        _pour(each, takers, levels)
        if each.not_before is None:
            by_server = dict(levels)
    jobs = sum(each.count for each in work)
    return BacklogEstimate(
        jobs=jobs,
        effort=sum(each.effort for each in work),
        seconds=None if jobs and unserved == jobs else max([*ends, *levels.values()], default=0.0),
        unserved=unserved,
        later=sum(each.count for each in work if each.not_before),
        by_server=by_server,
    )


def rivals_in(work: Sequence[Work], target: str, fleet: Sequence[Capacity]) -> int:
    """How many of these jobs want a server that a job of this target may run on."""
    ours = [server.targets for server in fleet if target in server.targets]
    wanted = frozenset().union(*ours)
    return sum(each.count for each in work if each.target in wanted)


def _in_turn(work: Sequence[Work], fleet: Sequence[Capacity]) -> list[tuple[Work, list[Capacity]]]:
    """What may start first, and of that what may go to the fewest servers, with those servers.

    Apart from the time, the order depends on nothing that an estimate is of.

    If it did, a little more work could turn it round, and an estimate jump back.
    """
    serving: defaultdict[str, list[Capacity]] = defaultdict(list)
    for server in fleet:
        if server.takes_jobs:
            for target in server.targets:
                serving[target].append(server)
    found = [(each, [s for s in serving[each.target] if s.may_run(each)]) for each in work]

    def turn(pair: tuple[Work, list[Capacity]]) -> tuple[float, int, str, str]:
        each, takers = pair
        time = each.not_before.timestamp() if each.not_before else -math.inf
        return time, len(takers), each.target, each.checkpoint or ""

    return sorted(found, key=turn)


def _await(work: Work, takers: Sequence[Capacity], levels: dict[str, float], now: datetime) -> None:
    """Raise the lines of those who may do this work to the time when all of it may start."""
    if work.not_before is None:
        return
    wait = (work.not_before - now).total_seconds()
    for server in takers:
        levels[server.alias] = max(levels[server.alias], wait)


def _pour(work: Work, takers: Sequence[Capacity], levels: dict[str, float]) -> None:
    """Raise the lines of those who may do this work, the shortest ones first."""
    if not takers:
        return
    # If n servers take part, server s does (level - line of s) / (its seconds for all) of it;
    # that must add up to 1.
    pace, done_before, level = 0.0, 0.0, math.inf
    filled: list[Capacity] = []
    for server in sorted(takers, key=lambda server: levels[server.alias]):
        line = levels[server.alias]
        if line >= level:
            break
        filled.append(server)
        seconds = server.seconds_for(work)
        pace += 1 / seconds
        done_before += line / seconds
        level = (1 + done_before) / pace
    for server in filled:
        levels[server.alias] = max(levels[server.alias], level)
