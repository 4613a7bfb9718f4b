"""How long a server takes to choose among ten thousand jobs."""

from __future__ import annotations

import random
import statistics
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from attrs import define

from benchmarks.effort import Effort
from benchmarks.report import Figure
from benchmarks.specimens import params
from stablequeue_core.dispatch.choosing.policy import Policy
from stablequeue_core.dispatch.choosing.prospects import Prospect
from stablequeue_core.events import Event, EventKind
from stablequeue_core.generation import Requirements
from stablequeue_core.jobs import AUTO, Candidate, Claim, Job, JobStore, Lease, Line, event_of
from stablequeue_core.settings import Settings
from stablequeue_core.storage.sqlite import SqliteStorage

REACH = 0.002
PENDING = 10_000
SERVERS = 50
CHECKPOINTS = 100
START = datetime(2026, 1, 1, tzinfo=UTC)
WORK, LOAD = 10.0, 15.0

NOWHERE = "nowhere-"
"""How the checkpoints are called that no server has."""


def claims(effort: Effort) -> Sequence[Figure]:
    """The choice within a claim on SQLite; then the same behind jobs that no server can run."""
    pending, rounds = effort.pick(PENDING, 500), effort.pick(500, 60)
    usual = _median(effort, pending, 0, rounds)
    blocked = _median(effort, pending, pending // 2, rounds)
    return [
        Figure(
            name=f"choose among {pending:,} for {SERVERS} servers",
            unit="ms",
            ours=usual * 1e3,
            reach=f"≤ {REACH * 1e3:.0f} ms",
            met=usual <= REACH,
        ),
        Figure(
            name="the same, the first half for no server",
            unit="ms",
            ours=blocked * 1e3,
            reach="for information",
            met=True,
        ),
    ]


@define
class _Server:
    alias: str
    loaded: str | None = None
    free_at: float = 0.0

    def prospect(self, now: float) -> Prospect:
        return Prospect(
            alias=self.alias,
            targets=(self.alias, AUTO),
            is_loaded=lambda checkpoint: checkpoint in (None, self.loaded),
            can_run=lambda needs: not needs.checkpoints[0].startswith(NOWHERE),
            free_in=max(0.0, self.free_at - now),
            seconds=lambda _: WORK,
            load_seconds=lambda _: LOAD,
            may_fetch=lambda _: False,
        )


def _median(effort: Effort, pending: int, blocked: int, rounds: int) -> float:
    """Seconds that a choice takes while the fleet works, the first jobs being for no server."""
    servers = [_Server(f"Forge-{number:02}") for number in range(1, SERVERS + 1)]
    policy, taken = Policy(Settings()), list[float]()
    with effort.workplace() as folder, SqliteStorage(folder / "queue.sqlite3") as storage:
        storage.jobs.add(_jobs(pending, blocked))
        for _ in range(rounds):
            server = min(servers, key=lambda each: each.free_at)
            _claim(storage.jobs, policy, server, servers, taken)
    return statistics.median(taken)


def _jobs(count: int, for_no_server: int) -> Sequence[Job]:
    dice = random.Random(0)
    names = [f"checkpoint-{number:03}" for number in range(1, CHECKPOINTS + 1)]
    drawn = dice.choices(names, [1 / number for number in range(1, CHECKPOINTS + 1)], k=count)
    drawn[:for_no_server] = [f"{NOWHERE}{number % 5}" for number in range(for_no_server)]
    given = params()
    return [
        Job(
            id=str(uuid.UUID(int=number)),
            target=AUTO,
            params=given,
            created_at=START,
            updated_at=START,
            checkpoint=name,
            requirements=Requirements(checkpoints=(name,), samplers=("Euler a",)),
            effort=20.0,
        )
        for number, name in enumerate(drawn)
    ]


def _claim(
    store: JobStore,
    policy: Policy,
    server: _Server,
    servers: Sequence[_Server],
    taken: list[float],
) -> None:
    moment = server.free_at
    now = START + timedelta(seconds=moment)
    here = server.prospect(moment)
    others = [other.prospect(moment) for other in servers if other is not server]

    def choose(line: Line) -> Candidate | None:
        start = time.perf_counter()
        chosen = policy.choose(line, here, others, now=now)
        taken.append(time.perf_counter() - start)
        return chosen

    def begin(job: Job) -> tuple[Job, Event]:
        lease = Lease(worker="bench:1:00000000", until=now + timedelta(hours=1))
        begun = job.begin(
            server=server.alias, lease=lease, task_id=job.id, seed=0, subseed=0, now=now
        )
        return begun, event_of(EventKind.JOB_STARTED, begun)

    job = store.claim(Claim(targets=here.targets, now=now, choose=choose, begin=begin))
    assert job is not None
    server.free_at = moment + WORK + LOAD * (job.checkpoint != server.loaded)
    server.loaded = job.checkpoint
