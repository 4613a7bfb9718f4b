"""Measuring two things in turns, and what to make of many measurements."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from attrs import frozen

Measure = Callable[[], float]
"""Does something, and says how fast it was (or how long it took)."""


@frozen
class Pair:
    """Ours and the floor: the median of each, and the median of their ratios, pair by pair."""

    ours: float
    floor: float
    ratio: float


def paired(ours: Measure, floor: Measure, rounds: int) -> Pair:
    """Measure both in turns: A B, B A, A B, …, after one pair that does not count."""
    ours()
    floor()
    pairs = []
    for number in range(rounds):
        if number % 2:
            below = floor()
            pairs.append((ours(), below))
        else:
            pairs.append((ours(), floor()))
    return pair_of(pairs)


def pair_of(pairs: Sequence[tuple[float, float]]) -> Pair:
    """What to make of measurements of ours and the floor that were made in turns."""
    return Pair(
        ours=statistics.median(ours for ours, _ in pairs),
        floor=statistics.median(floor for _, floor in pairs),
        ratio=statistics.median(ours / floor for ours, floor in pairs),
    )


def seconds(work: Callable[[], object]) -> float:
    """How long ``work`` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def per_second(count: int, work: Callable[[], object]) -> float:
    """How many a second, if ``work`` does ``count`` of them."""
    return count / seconds(work)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that ``percent`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
