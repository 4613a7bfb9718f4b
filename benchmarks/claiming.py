"""How fast jobs are handed out and taken back, in the store."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.children import Child
from benchmarks.effort import Effort
from benchmarks.floors import BareQueue
from benchmarks.report import Figure
from benchmarks.specimens import ALIAS, as_json, begun, params, pending, result, sent
from benchmarks.timing import paired, per_second
from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import AUTO, Candidate, Claim, Job, JobStore, Line, event_of
from stablequeue_core.serialization import converter
from stablequeue_core.storage.sqlite import SqliteStorage

RATIO = 0.6
NO_LOSS = 1.0


def claim_and_complete(effort: Effort) -> Sequence[Figure]:
    """A job is claimed, then completed with a result; two transactions on either side."""
    count, rounds = effort.pick(200, 10), effort.pick(20, 2)
    given = params()
    answer = as_json(converter().unstructure(result("00000000")))

    def bare_work() -> None:
        for _ in range(count):
            claimed = bare.claim()
            assert claimed is not None
            bare.complete(claimed[0], answer)

    with (
        effort.workplace() as folder,
        SqliteStorage(folder / "ours.sqlite3") as storage,
        BareQueue(folder / "bare.sqlite3") as bare,
    ):
        jobs = pending(count * (rounds + 1), given)
        storage.jobs.add(jobs)
        bare.add_many(as_json(given) for _ in jobs)
        pair = paired(
            lambda: per_second(count, lambda: work(storage.jobs, count)),
            lambda: per_second(count, bare_work),
            rounds=rounds,
        )
    return [
        Figure(
            name="claim + complete",
            unit="jobs/s",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≥ {RATIO} of the bare loop",
            met=pair.ratio >= RATIO,
        )
    ]


def two_processes(effort: Effort) -> Sequence[Figure]:
    """Two processes share the work of one, on one file; the floor is one of them alone."""
    count, rounds = effort.pick(400, 20), effort.pick(10, 2)
    with effort.workplace() as folder:
        path = folder / "ours.sqlite3"
        with SqliteStorage(path) as storage:
            storage.jobs.add(pending(2 * count * (rounds + 1), params()))
        with _worker(path) as one, _worker(path) as other, ThreadPoolExecutor(2) as pool:

            def together() -> None:
                list(pool.map(lambda child: child.ask(count // 2), (one, other)))

            pair = paired(
                lambda: per_second(count, together),
                lambda: per_second(count, lambda: one.ask(count)),
                rounds=rounds,
            )
    return [
        Figure(
            name="claim + complete, 2 processes",
            unit="jobs/s",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach="no loss against 1 process",
            met=pair.ratio >= NO_LOSS,
        )
    ]


def work(store: JobStore, count: int) -> None:
    """Claim and complete so many jobs, one after the other, as a lane does."""
    job: Job | None = None
    for left in reversed(range(count)):
        # Another process may have been faster than a follower.
        job = job or store.claim(_wanted())
        assert job is not None
        done = job.complete(result(job.id), sent=sent(), now=datetime.now(UTC))
        told = event_of(EventKind.JOB_COMPLETED, done)
        if left:
            _, job = store.finish_and_claim(done, told, _wanted())
        else:
            store.replace(done, told)


def _worker(path: Path) -> Child:
    return Child("claiming_process", str(path))


def _wanted() -> Claim:
    return Claim(targets=(ALIAS, AUTO), now=datetime.now(UTC), choose=_first, begin=_begin)


def _first(line: Line) -> Candidate | None:
    return next(line.in_order(), None)


def _begin(job: Job) -> tuple[Job, Event]:
    started = begun(job, datetime.now(UTC))
    return started, event_of(EventKind.JOB_STARTED, started)
