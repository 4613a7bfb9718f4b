"""How fast jobs come and go when PostgreSQL remembers them."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.children import Child
from benchmarks.claiming import NO_LOSS, work
from benchmarks.effort import Effort
from benchmarks.report import Figure
from benchmarks.specimens import ALIAS, as_json, params, pending, result, small_params
from benchmarks.timing import paired, per_second, percentile
from stablequeue_core import JobStatus, StableQueue
from stablequeue_core.serialization import converter

SUBMIT_RATIO = 0.7
CLAIM_RATIO = 0.5
TIMES_THE_RIVAL = 2.0
START_MS = 15.0

_PATIENCE = 60.0


def submit(effort: Effort) -> Sequence[Figure]:
    """One durable job after the other, against a bare insert of the same kilobyte."""
    from benchmarks.postgres_server import BareSkipLocked, postgres

    count, given = effort.pick(300, 20), params()
    text = as_json(given)
    with (
        effort.workplace() as folder,
        postgres(folder) as url,
        StableQueue.open(folder / "ours", database_url=url, dispatch=False) as queue,
        BareSkipLocked(url) as bare,
    ):
        queue.servers.add(ALIAS, "http://127.0.0.1:9")

        def ours() -> None:
            for _ in range(count):
                queue.submit(ALIAS, given)

        def floor() -> None:
            for _ in range(count):
                bare.add(text)

        pair = paired(
            lambda: per_second(count, ours),
            lambda: per_second(count, floor),
            rounds=effort.pick(20, 2),
        )
    return [
        Figure(
            name="PostgreSQL: single durable submit",
            unit="jobs/s",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≥ {SUBMIT_RATIO} of a bare insert",
            met=pair.ratio >= SUBMIT_RATIO,
        )
    ]


def claim_and_complete(effort: Effort) -> Sequence[Figure]:
    """A job is claimed, then completed with a result: against the bare loop, and a rival."""
    from benchmarks.postgres_rival import Rival
    from benchmarks.postgres_server import BareSkipLocked, postgres
    from stablequeue_core.storage.postgres import PostgresStorage

    count, rounds = effort.pick(200, 10), effort.pick(20, 2)
    given = params()
    answer = as_json(converter().unstructure(result("00000000")))
    with (
        effort.workplace() as folder,
        postgres(folder) as url,
        PostgresStorage(url) as storage,
        BareSkipLocked(url) as bare,
        Rival(url) as rival,
    ):
        # Once against each, and a round of each that does not count.
        needed = count * (rounds + 1)
        storage.jobs.add(pending(2 * needed, given))
        bare.add_many(as_json(given), needed)
        rival.add_many(given, needed)

        def ours() -> float:
            return per_second(count, lambda: work(storage.jobs, count))

        pair = paired(
            ours, lambda: per_second(count, lambda: bare.work(answer, count)), rounds=rounds
        )
        other = paired(ours, lambda: per_second(count, lambda: rival.work(count)), rounds=rounds)
    return [
        Figure(
            name="PostgreSQL: claim + complete",
            unit="jobs/s",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≥ {CLAIM_RATIO} of the bare loop",
            met=pair.ratio >= CLAIM_RATIO,
        ),
        Figure(
            name="the same, beside procrastinate",
            unit="jobs/s",
            ours=other.ours,
            floor=other.floor,
            ratio=other.ratio,
            reach=f"≥ {TIMES_THE_RIVAL:g} times as many",
            met=other.ratio >= TIMES_THE_RIVAL,
        ),
    ]


def two_processes(effort: Effort) -> Sequence[Figure]:
    """Two processes share the work of one, on one database; the floor is one of them alone."""
    from benchmarks.postgres_server import postgres
    from stablequeue_core.storage.postgres import PostgresStorage

    count, rounds = effort.pick(400, 20), effort.pick(10, 2)
    with effort.workplace() as folder, postgres(folder) as url:
        with PostgresStorage(url) as storage:
            storage.jobs.add(pending(2 * count * (rounds + 1), params()))
        with (
            Child("postgres_claiming_process", url) as one,
            Child("postgres_claiming_process", url) as other,
            ThreadPoolExecutor(2) as pool,
        ):

            def together() -> None:
                list(pool.map(lambda child: child.ask(count // 2), (one, other)))

            pair = paired(
                lambda: per_second(count, together),
                lambda: per_second(count, lambda: one.ask(count)),
                rounds=rounds,
            )
    return [
        Figure(
            name="PostgreSQL: claim + complete, 2 processes",
            unit="jobs/s",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach="no loss against 1 process",
            met=pair.ratio >= NO_LOSS,
        )
    ]


def start_across(effort: Effort) -> Sequence[Figure]:
    """From ``submit`` in one process on an idle queue until the other one has asked Forge."""
    from benchmarks.postgres_server import postgres

    given = small_params()
    late: list[float] = []
    with (
        effort.workplace() as folder,
        postgres(folder) as url,
        Child("forge_process", "0") as forge,
        Child("postgres_work_process", str(folder / "work"), url, forge.greeting),
        StableQueue.open(folder / "ours", database_url=url, dispatch=False) as queue,
    ):
        forge.ask("arrivals")
        for _ in range(effort.pick(150, 5) + 1):
            # In step with nothing that looks now and then.
            time.sleep(random.uniform(0.05, 0.15))
            called = time.monotonic_ns()
            job = queue.submit(ALIAS, given)
            assert queue.wait(job.id, _PATIENCE).status is JobStatus.COMPLETED
            (arrived,) = forge.ask("arrivals")
            late.append((arrived - called) / 1e6)
    middle, latest = percentile(late[1:], 50), percentile(late[1:], 95)
    return [
        Figure(
            name=f"idle submit → txt2img across processes, PostgreSQL, {which}",
            unit="ms",
            ours=measured,
            reach=f"≤ {START_MS:g} ms",
            met=measured <= START_MS,
        )
        for which, measured in (("median", middle), ("95 %", latest))
    ]
