"""Jobs as they come in real life, in bursts, some checkpoints far more often than others."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from attrs import frozen

EFFORT = 20.0
"""Megapixel-steps of each job: one megapixel, twenty steps."""


@frozen(kw_only=True)
class Arrival:
    """A job that will be submitted.

    Attributes:
        at: when, in seconds from the start.
        checkpoint: which it needs.
        priority, client_id: as it is submitted.
    """

    at: float
    checkpoint: str
    priority: int = 0
    client_id: str | None = None


@frozen(kw_only=True)
class Machine:
    """A server of the simulation.

    Attributes:
        alias: its name.
        work: seconds for a job.
        load: seconds to load a checkpoint.
        dies_at: when it is gone for good; None: never.
    """

    alias: str
    work: float = 10.0
    load: float = 15.0
    dies_at: float | None = None


def bursts(
    seed: int,
    *,
    jobs: int = 300,
    checkpoints: int = 12,
    burst: int = 25,
    gap: float = 30.0,
    priority_of: Callable[[random.Random], int] = lambda _: 0,
    client_of: Callable[[random.Random], str | None] = lambda _: None,
) -> Sequence[Arrival]:
    """Jobs that come in bursts, their checkpoints by Zipf: the second half as often as the first.

    Args:
        seed: of the dice.
        jobs: how many.
        checkpoints: how many.
        burst: jobs that come at once, more or less.
        gap: seconds between two bursts, more or less.
        priority_of: throws a job's priority.
        client_of: throws whose it is.
    """
    dice = random.Random(seed)
    names = [f"checkpoint-{number:02}" for number in range(1, checkpoints + 1)]
    weights = [1 / number for number in range(1, checkpoints + 1)]
    at, arrivals = 0.0, list[Arrival]()
    while len(arrivals) < jobs:
        size = min(jobs - len(arrivals), dice.randint(burst // 2, burst * 3 // 2))
        arrivals += [
            Arrival(
                at=at,
                checkpoint=name,
                priority=priority_of(dice),
                client_id=client_of(dice),
            )
            for name in dice.choices(names, weights, k=size)
        ]
        at = round(at + dice.expovariate(1 / gap), 3)
    return arrivals


def least_seconds(arrivals: Sequence[Arrival], machines: Sequence[Machine]) -> float:
    """The offline bound: no plan, though it knew everything beforehand, is done earlier.

    From any moment on, all that comes then has to be done, and every checkpoint that comes for the
    first time to be loaded once. At best that is spread evenly, at each machine's own speed.
    """
    seen_before = set[str]()
    is_new = []
    for arrival in arrivals:
        is_new.append(arrival.checkpoint not in seen_before)
        seen_before.add(arrival.checkpoint)
    quickest_load = min(machine.load for machine in machines)
    least, loads = 0.0, 0.0
    both = zip(reversed(arrivals), reversed(is_new), strict=True)
    for jobs, (arrival, new) in enumerate(both, 1):
        loads += quickest_load if new else 0.0
        least = max(least, _spread(arrival.at, jobs, loads, machines))
    return least


def _spread(start: float, jobs: int, loads: float, machines: Sequence[Machine]) -> float:
    """When so much is done that is begun at ``start``, with machines that may die meanwhile."""
    work = jobs + loads / min(machine.work for machine in machines)
    now = start
    for death in sorted(m.dies_at for m in machines if m.dies_at is not None):
        rate = _rate(machines, now)
        if death > now and now + work / rate > death:
            work -= (death - now) * rate
            now = death
    return now + work / _rate(machines, now)


def _rate(machines: Sequence[Machine], now: float) -> float:
    """Jobs a second."""
    return sum(1 / m.work for m in machines if m.dies_at is None or m.dies_at > now)
