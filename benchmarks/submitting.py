"""How fast jobs are accepted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks.effort import Effort
from benchmarks.floors import BareQueue
from benchmarks.report import Figure
from benchmarks.specimens import ALIAS, as_json, params
from benchmarks.timing import paired, per_second
from stablequeue_core import StableQueue, Submission

SINGLE_RATIO = 0.8
MANY_PER_SECOND = 15_000


def single(effort: Effort) -> Sequence[Figure]:
    """One durable job after the other, against a bare insert of the same kilobyte."""
    count, given = effort.pick(300, 20), params()
    text = as_json(given)

    def submit() -> None:
        for _ in range(count):
            queue.submit(ALIAS, given)

    def insert() -> None:
        for _ in range(count):
            bare.add(text)

    with _both(effort) as (queue, bare):
        pair = paired(
            lambda: per_second(count, submit),
            lambda: per_second(count, insert),
            rounds=effort.pick(20, 2),
        )
    return [
        Figure(
            name="single durable submit",
            unit="jobs/s",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≥ {SINGLE_RATIO} of a bare insert",
            met=pair.ratio >= SINGLE_RATIO,
        )
    ]


def many(effort: Effort) -> Sequence[Figure]:
    """A thousand jobs in one call, against the same inserts in one transaction."""
    count, given = effort.pick(1000, 100), params()
    text = as_json(given)

    with _both(effort) as (queue, bare):
        pair = paired(
            lambda: per_second(
                count, lambda: queue.submit_many(Submission(ALIAS, given) for _ in range(count))
            ),
            lambda: per_second(count, lambda: bare.add_many(text for _ in range(count))),
            rounds=effort.pick(20, 2),
        )
    return [
        Figure(
            name=f"submit {count:,} in one call",
            unit="jobs/s",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≥ {MANY_PER_SECOND:,} jobs/s",
            met=pair.ours >= MANY_PER_SECOND,
        )
    ]


@contextmanager
def _both(effort: Effort) -> Iterator[tuple[StableQueue, BareQueue]]:
    with (
        effort.workplace() as folder,
        StableQueue.open(folder / "ours", dispatch=False) as queue,
        BareQueue(folder / "bare.sqlite3") as bare,
    ):
        queue.servers.add(ALIAS, "http://127.0.0.1:9")
        yield queue, bare
