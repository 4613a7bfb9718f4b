"""How well jobs are shared out, in virtual time: against an offline bound, and against FIFO."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from itertools import chain

from attrs import evolve, frozen

from benchmarks.effort import Effort
from benchmarks.report import Figure
from benchmarks.simulation_fleet import (
    FleetInVirtualTime,
    Outcome,
    by_policy,
    first_come,
    in_turns,
)
from benchmarks.simulation_workload import Arrival, Machine, bursts, least_seconds
from stablequeue_core.settings import Settings

MOST_OF_BOUND = 1.15
MOST_OF_FIFO = 0.6

FOUR = tuple(Machine(alias=f"Forge-{number}") for number in range(1, 5))
ONE_DIES = (*FOUR[:3], evolve(FOUR[3], dies_at=300.0))
LAPTOP_AND_DESKTOP = (Machine(alias="Laptop", work=40.0, load=30.0), Machine(alias="Desktop"))

SMALL_CLIENT = "small"
BIG_CLIENT = "big"


@frozen
class _Run:
    """One day of a fleet, by the policy and by FIFO."""

    arrivals: Sequence[Arrival]
    ours: Outcome
    fifo: Outcome
    least: float

    @property
    def of_bound(self) -> float:
        return self.ours.total / self.least

    @property
    def of_fifo(self) -> float:
        return self.ours.total / self.fifo.total

    def longest_beyond_fifo(self, of: Callable[[Arrival], bool] = lambda _: True) -> float:
        """Seconds that a job was started later than by FIFO, at most; those that died aside."""
        lost = self.ours.lost | self.fifo.lost
        starts = zip(self.arrivals, self.ours.starts, self.fifo.starts, strict=True)
        return max(
            ours - fifo
            for number, (arrival, ours, fifo) in enumerate(starts)
            if number not in lost and of(arrival)
        )

    def mean_waits(self, of: Callable[[Arrival], bool]) -> tuple[float, float]:
        """Seconds from a job's coming to its start: by the policy, and by FIFO."""
        ours, fifo = (
            statistics.mean(
                start - arrival.at
                for arrival, start in zip(self.arrivals, outcome.starts, strict=True)
                if of(arrival)
            )
            for outcome in (self.ours, self.fifo)
        )
        return ours, fifo


def fleet(effort: Effort) -> Sequence[Figure]:
    """300 jobs for 12 checkpoints in bursts, on several fleets; the worst of several seeds each."""
    seeds = range(effort.pick(20, 2))
    settings = Settings()
    usual = [_run(bursts(seed), FOUR, settings) for seed in seeds]
    dying = [_run(bursts(seed), ONE_DIES, settings) for seed in seeds]
    unequal = [_run(bursts(seed, jobs=120), LAPTOP_AND_DESKTOP, settings) for seed in seeds]
    return list(
        chain(
            _promised("4 servers", usual, settings),
            _promised("one of 4 dies", dying, settings),
            _seen("laptop + desktop", unequal),
            _with_priorities(seeds, settings),
            _with_clients(seeds),
        )
    )


def _run(arrivals: Sequence[Arrival], machines: Sequence[Machine], settings: Settings) -> _Run:
    ours = FleetInVirtualTime(arrivals, machines, by_policy(settings), settings).run()
    rule = in_turns(ours.places) if settings.fairness else first_come
    fifo = FleetInVirtualTime(arrivals, machines, rule, settings).run()
    return _Run(arrivals, ours, fifo, least_seconds(arrivals, machines))


def _promised(name: str, runs: Sequence[_Run], settings: Settings) -> Sequence[Figure]:
    longest = max(run.longest_beyond_fifo() for run in runs)
    return [
        _against_bound(name, runs, f"≤ {MOST_OF_BOUND} of the offline bound", MOST_OF_BOUND),
        _against_fifo(name, runs, f"≤ {MOST_OF_FIFO} of FIFO", MOST_OF_FIFO),
        Figure(
            name=f"{name}: longest wait beyond FIFO's",
            unit="s",
            ours=longest,
            reach=f"≤ {settings.affinity_bound:.0f} s",
            met=longest <= settings.affinity_bound,
        ),
    ]


def _seen(name: str, runs: Sequence[_Run]) -> Sequence[Figure]:
    """Figures that nothing was promised of but that FIFO is worse."""
    return [
        _against_bound(name, runs, "for information", None),
        _against_fifo(name, runs, "< FIFO", 1.0),
    ]


def _with_priorities(seeds: Sequence[int], settings: Settings) -> Sequence[Figure]:
    """One job in four is urgent."""

    def priority_of(dice: random.Random) -> int:
        return int(dice.random() < 0.25)

    runs = [_run(bursts(seed, priority_of=priority_of), FOUR, settings) for seed in seeds]

    def is_urgent(arrival: Arrival) -> bool:
        return arrival.priority == 1

    longest = max(run.longest_beyond_fifo(is_urgent) for run in runs)
    return [
        *_seen("with priorities", runs),
        _waits("with priorities: mean wait of the urgent", runs, is_urgent),
        Figure(
            name="with priorities: longest wait of the urgent beyond FIFO's",
            unit="s",
            ours=longest,
            reach=f"≤ {settings.affinity_bound:.0f} s",
            met=longest <= settings.affinity_bound,
        ),
    ]


def _with_clients(seeds: Sequence[int]) -> Sequence[Figure]:
    """Of two clients that take turns, one has nine jobs for each of the other's."""
    settings = Settings(fairness=True)

    def client_of(dice: random.Random) -> str:
        return SMALL_CLIENT if dice.random() < 0.1 else BIG_CLIENT

    runs = [_run(bursts(seed, client_of=client_of), FOUR, settings) for seed in seeds]

    def is_small(arrival: Arrival) -> bool:
        return arrival.client_id == SMALL_CLIENT

    longest = max(run.longest_beyond_fifo() for run in runs)
    return [
        _waits("in turns: mean wait of the small client", runs, is_small),
        _waits("in turns: mean wait of the big client", runs, lambda each: not is_small(each)),
        Figure(
            name="in turns: longest wait beyond FIFO's, same turns",
            unit="s",
            ours=longest,
            reach=f"≤ {settings.affinity_bound:.0f} s",
            met=longest <= settings.affinity_bound,
        ),
    ]


def _against_bound(name: str, runs: Sequence[_Run], reach: str, most: float | None) -> Figure:
    worst = max(runs, key=lambda run: run.of_bound)
    return Figure(
        name=f"{name}: total, offline bound",
        unit="s",
        ours=worst.ours.total,
        floor=worst.least,
        ratio=worst.of_bound,
        reach=reach,
        met=most is None or worst.of_bound <= most,
    )


def _against_fifo(name: str, runs: Sequence[_Run], reach: str, most: float) -> Figure:
    worst = max(runs, key=lambda run: run.of_fifo)
    return Figure(
        name=f"{name}: total, FIFO",
        unit="s",
        ours=worst.ours.total,
        floor=worst.fifo.total,
        ratio=worst.of_fifo,
        reach=reach,
        met=worst.of_fifo <= most,
    )


def _waits(name: str, runs: Sequence[_Run], of: Callable[[Arrival], bool]) -> Figure:
    waits = [run.mean_waits(of) for run in runs]
    ours, fifo = (statistics.mean(each) for each in zip(*waits, strict=True))
    return Figure(
        name=name,
        unit="s",
        ours=ours,
        floor=fifo,
        ratio=ours / fifo,
        reach="≤ FIFO",
        met=ours <= fifo,
    )
