"""The PostgreSQL that remembers the queue is stopped while jobs run, and comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve
from tests.faults.accounts import check_accounts
from tests.storage.real_postgres import RealPostgres, real_postgres
from tests.worlds import QUICK, World

from stablequeue_core import JobStatus
from stablequeue_core.errors import StorageUnreachable
from stablequeue_core.testing.forge_simulator import SimulatedForge

SECRET = "geheim"


@pytest.fixture(scope="module")
def server() -> Iterator[RealPostgres]:
    """A server of our own: other tests want theirs to stay."""
    with real_postgres() as server:
        yield server


@pytest.fixture
def world(server: RealPostgres, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """A queue in that PostgreSQL, with two servers that take half a second for a picture."""
    forges = {
        alias: SimulatedForge.with_sample_models(seconds_per_step=0.1)
        for alias in ("Laptop", "Desktop")
    }
    name = request.node.originalname[:50] + str(time.monotonic_ns())[-9:]
    server.make_database(name)
    made = World(
        tmp_path / "queue",
        forges,
        settings=evolve(QUICK, lease=2.0),
        database_url=server.url_of(name, password=SECRET),
    )
    yield made
    made.close(grace=0)


@pytest.mark.parametrize("seconds", [1.5, pytest.param(12, marks=pytest.mark.soak)])
def test_a_database_that_is_stopped_while_jobs_run_costs_no_job_and_no_picture(
    world: World, server: RealPostgres, seconds: float
) -> None:
    """For longer than a picture takes, and for longer than anybody waits for it."""
    accepted = [world.submit("auto") for _ in range(6)]
    world.until(lambda: world.queue.status().jobs[JobStatus.PROCESSING] == 2)
    server.stop()
    threading.Event().wait(seconds)
    server.start()
    ended = check_accounts(world.queue, accepted)
    assert {job.status for job in ended} == {JobStatus.COMPLETED}
    assert sum(len(job.images) for job in ended) == len(accepted)


def test_a_database_that_restarts_at_once_is_hardly_noticed(
    world: World, server: RealPostgres
) -> None:
    """Again and again, while jobs are accepted and run."""
    accepted = []
    for _ in range(3):
        accepted += [world.submit("auto") for _ in range(2)]
        server.stop()
        server.start()
    ended = check_accounts(world.queue, accepted)
    assert {job.status for job in ended} == {JobStatus.COMPLETED}


def test_all_who_have_to_wait_for_it_say_so_in_a_sentence(
    world: World, server: RealPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage is no defect that a traceback explains, and it may last for hours."""
    waiting = {"announcer", "downloads.workers", "dispatch.lanes.calls", "dispatch.lanes.lane"}
    with world.queue.subscribe(lambda event: None):
        world.run()
        accepted = [world.submit() for _ in range(3)]
        caplog.clear()
        server.stop()
        world.until(lambda: waiting <= _names_in(caplog), timeout=30)
        server.start()
        check_accounts(world.queue, accepted)
    ours = [record for record in caplog.records if record.name.startswith("stablequeue_core")]
    assert [record.getMessage() for record in ours if record.exc_info] == []
    assert SECRET not in caplog.text


def test_who_asks_meanwhile_is_told_soon_and_told_no_secret(
    world: World, server: RealPostgres
) -> None:
    """A sentence, after a few seconds at most; when it is back, everything goes on by itself."""
    job = world.run()
    server.stop()
    asked = time.monotonic()
    with pytest.raises(StorageUnreachable) as caught:
        world.queue.get(job.id)
    with pytest.raises(StorageUnreachable):
        world.submit()
    assert time.monotonic() - asked < 15
    for secret in (SECRET, "postgres:", str(world.folder)):
        assert secret not in str(caught.value)
        assert secret not in repr(world.queue.settings)
    server.start()
    assert world.queue.get(job.id) == job
    assert world.run().status is JobStatus.COMPLETED


def _names_in(caplog: pytest.LogCaptureFixture) -> set[str]:
    return {record.name.removeprefix("stablequeue_core.") for record in caplog.records}
