"""Two processes whose computers' clocks are two hours apart run the jobs of one queue."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from tests.faults.accounts import check_accounts
from tests.storage.real_postgres import real_postgres
from tests.waiting import until

from stablequeue_core import Job, JobStatus, StableQueue
from stablequeue_core.jobs import AttemptOutcome
from stablequeue_core.storage.postgres import PostgresStorage
from stablequeue_core.testing.forge_simulator import ForgeServer, SimulatedForge

SERVERS = ("Laptop", "Desktop")
HOURS_AHEAD = ("-1", "1")
CLOSE = timedelta(seconds=2)
"""More than anybody needs to ask the database for its time, far less than the clocks are apart."""


@pytest.fixture
def database_url() -> Iterator[str]:
    """A server of our own, for processes of our own."""
    with real_postgres() as server:
        server.make_database("clocks")
        yield server.url_of("clocks")


def holders(queue: StableQueue) -> dict[str, int]:
    """The process that looks after each server."""
    return {alias: int(told.worker.split(":")[-2]) for alias, told in queue.reports().items()}


def test_the_database_tells_the_time_and_no_process_takes_anothers_job_for_an_orphan(
    tmp_path: Path, database_url: str
) -> None:
    """Nor does a job start before its time, though it has come by one of the clocks."""
    with ExitStack() as stack:
        queue = stack.enter_context(
            StableQueue.open(tmp_path, dispatch=False, database_url=database_url)
        )
        clock = stack.enter_context(PostgresStorage(database_url)).clock
        for alias in SERVERS:
            forge = SimulatedForge.with_sample_models(seconds_per_step=0.1)
            queue.servers.add(alias, stack.enter_context(ForgeServer(forge)).url)
        processes: dict[int, subprocess.Popen[bytes]] = {}
        for hours in HOURS_AHEAD:
            arguments = ("-m", "tests.faults.clock_victim", hours, str(tmp_path), database_url)
            process = subprocess.Popen([sys.executable, *arguments])
            stack.callback(process.wait)
            stack.callback(process.kill)
            processes[process.pid] = process

        def submit(target: str, steps: int, **wishes: object) -> Job:
            params = {"positive_prompt": "a lighthouse", "width": 64, "height": 64, "steps": steps}
            return queue.submit(target, params, **wishes)  # type: ignore[arg-type]

        began = clock.now()
        soon = began + timedelta(seconds=3)
        at_once = [submit(target, steps=4) for target in (*SERVERS, "auto", "auto")]
        later = submit("auto", steps=1, not_before=soon)
        for job in (*at_once, later):
            queue.wait(job.id, timeout=30)
        long = submit("Laptop", steps=20)
        until(lambda: queue.get(long.id).status is JobStatus.PROCESSING)
        processes[holders(queue)["Laptop"]].kill()
        jobs = check_accounts(queue, [*at_once, later, long])
        ended = clock.now()

    assert {job.status for job in jobs} == {JobStatus.COMPLETED}
    *others, put_off, orphan = jobs
    assert [len(job.attempts) for job in (*others, put_off)] == [1] * 5
    assert [attempt.outcome for attempt in orphan.attempts] == [
        AttemptOutcome.LOST,
        AttemptOutcome.COMPLETED,
    ]
    assert put_off.attempts[0].started_at >= soon
    for job in jobs:
        for attempt in job.attempts:
            assert attempt.ended_at is not None
            assert began - CLOSE <= attempt.started_at <= attempt.ended_at <= ended + CLOSE
