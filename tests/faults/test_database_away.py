"""The PostgreSQL that remembers the queue is stopped while jobs run, and comes back."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from attrs import evolve
from tests.faults.accounts import check_accounts
from tests.storage.cut_line import CutLine
from tests.storage.real_postgres import RealPostgres, real_postgres
from tests.worlds import QUICK, World

from stablequeue_core import JobStatus, StableQueue
from stablequeue_core.dispatch.lanes.tenure import TAKEOVER
from stablequeue_core.errors import StorageUnreachable
from stablequeue_core.testing.forge_simulator import SimulatedForge

SECRET = "geheim"


@pytest.fixture(scope="module")
def server() -> Iterator[RealPostgres]:
    """A server of our own: other tests want theirs to stay."""
    with real_postgres() as server:
        yield server


@pytest.fixture
def database_url(server: RealPostgres, request: pytest.FixtureRequest) -> str:
    """The address of an empty database."""
    name = request.node.originalname[:50] + str(time.monotonic_ns())[-9:]
    server.make_database(name)
    return server.url_of(name, password=SECRET)


@pytest.fixture
def world(server: RealPostgres, database_url: str, tmp_path: Path) -> Iterator[World]:
    """A queue in that PostgreSQL, with two servers that take half a second for a picture."""
    forges = {
        alias: SimulatedForge.with_sample_models(seconds_per_step=0.1)
        for alias in ("Laptop", "Desktop")
    }
    made = World(
        tmp_path / "queue",
        forges,
        settings=evolve(QUICK, lease=2.0),
        database_url=database_url,
    )
    yield made
    server.start()
    made.close(grace=0)


@pytest.mark.parametrize("alone", [True, False])
def test_pictures_that_are_finished_while_it_is_away_are_the_ones_that_are_kept(
    world: World, server: RealPostgres, database_url: str, alone: bool
) -> None:
    """Also where another process waits to take the servers over: what runs is no orphan."""
    with ExitStack() as processes:
        with ExitStack() as held:
            for forge in world.forges.values():
                held.enter_context(forge.held(step=1))
            accepted = [world.submit(alias) for alias in world.forges]
            if not alone:
                processes.enter_context(another_process(world, database_url))
            world.until(lambda: all(forge.active_task for forge in world.forges.values()))
            server.stop()
        world.until(lambda: len(pictures(world)) == len(accepted), timeout=30)
        first = pictures(world)
        server.start()
        ended = check_accounts(world.queue, accepted)
    assert [(job.status, len(job.attempts)) for job in ended] == [(JobStatus.COMPLETED, 1)] * 2
    assert pictures(world) == first
    assert [len(forge.rendered) for forge in world.forges.values()] == [1, 1]


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
    waiting = {
        "announcer",
        "downloads.workers",
        "dispatch.lanes.calls",
        "dispatch.links.monitor",
        "dispatch.running.patience",
    }
    with world.queue.subscribe(lambda event: None):
        with world.forge.held(step=1):
            accepted = [world.submit() for _ in range(3)]
            world.until_running(accepted[0])
            caplog.clear()
            server.stop()
        world.until(lambda: waiting <= _names_in(caplog), timeout=30)
        server.start()
        check_accounts(world.queue, accepted)
    ours = [record for record in caplog.records if record.name.startswith("stablequeue_core")]
    assert [record.getMessage() for record in ours if record.exc_info] == []
    assert SECRET not in caplog.text


def test_a_job_that_ends_meanwhile_is_told_of_once_and_the_end_is_a_sentence_of_its_own(
    world: World, server: RealPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    """It is looked after while it runs, and again while its pictures wait to be kept."""
    caplog.set_level("INFO", logger="stablequeue_core")
    with world.forge.held(step=1):
        job = world.until_running(world.submit())
        caplog.clear()
        server.stop()
        world.until(lambda: f"Looking after job {job.id}" in caplog.text, timeout=30)
    world.until(lambda: "stays idle" in caplog.text)
    threading.Event().wait(50 * QUICK.poll)
    server.start()
    check_accounts(world.queue, [job])
    kept = f"What came of job {job.id} is kept now; server {job.server!r} goes on."
    world.until(lambda: kept in caplog.text)
    told = [record.getMessage() for record in caplog.records]
    assert len([text for text in told if text.startswith(f"Looking after job {job.id}")]) == 1
    assert not [text for text in told if "no longer" in text]


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


def test_a_job_that_runs_on_while_it_is_away_is_no_orphan_to_another_process(
    world: World, server: RealPostgres, database_url: str
) -> None:
    """Everybody has lost every lock, and whoever had one has it again."""
    with world.forge.held(step=1):
        job = world.until_running(world.submit())
        with another_process(world, database_url) as other:
            server.stop()
            server.start()
            # Longer than anybody waits to try for what another process holds.
            threading.Event().wait(1.5 * TAKEOVER)
            assert other.get(job.id).attempts == job.attempts
    (done,) = check_accounts(world.queue, [job])
    assert (done.status, len(done.attempts)) == (JobStatus.COMPLETED, 1)


@pytest.mark.soak
def test_a_process_that_is_closed_while_it_is_away_leaves_its_job_to_the_next(
    world: World, server: RealPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    with world.forge.held(step=1):
        job = world.until_running(world.submit())
        server.stop()
    world.until(lambda: "stays idle" in caplog.text)
    world.close(grace=0)
    said = [record.getMessage() for record in caplog.records if record.exc_info]
    server.start()
    (done,) = check_accounts(world.queue, [job])
    assert said == []
    assert [attempt.error for attempt in done.attempts] == ["worker_gone", None]
    assert {picture.seed for picture in world.forge.rendered} == {done.seed}


@pytest.mark.soak
def test_a_process_with_many_servers_is_closed_soon_while_its_database_is_out_of_reach(
    server: RealPostgres, database_url: str, tmp_path: Path
) -> None:
    """As many seconds as with one: each attempt to reach it takes some, and all need one."""
    from psycopg.conninfo import conninfo_to_dict

    forges = {f"Laptop-{n}": SimulatedForge.with_sample_models() for n in range(12)}
    with CutLine(server.url) as line, ExitStack() as held:
        url = line.url_of(str(conninfo_to_dict(database_url)["dbname"]))
        world = World(tmp_path / "queue", forges, settings=QUICK, database_url=url)
        for forge in forges.values():
            held.enter_context(forge.held(step=1))
        accepted = [world.submit(alias) for alias in forges]
        world.until(lambda: all(forge.active_task for forge in forges.values()))
        line.fall_silent()
        began = time.monotonic()
        world.close(grace=0)
        assert time.monotonic() - began < 20
    with StableQueue.open(world.folder, database_url=database_url, dispatch=False) as web:
        assert {web.get(job.id).status for job in accepted} == {JobStatus.PROCESSING}


@pytest.mark.soak
@pytest.mark.skipif(sys.platform == "win32", reason="no signal stops a process there")
def test_a_process_is_closed_although_its_database_hangs_and_leaves_its_servers_to_others(
    world: World, server: RealPostgres, database_url: str
) -> None:
    """Its computer answers, and nothing behind it does."""
    with world.forge.held(step=1):
        job = world.until_running(world.submit())
        with server.hanging():
            began = time.monotonic()
            world.close(grace=0)
            assert time.monotonic() - began < 30
    (done,) = check_accounts(world.queue, [job])
    assert done.status is JobStatus.COMPLETED


def another_process(world: World, database_url: str) -> StableQueue:
    """One that has tried to have what the first one holds, and tries again and again."""
    import psycopg

    other = world.open(database_url=f"{database_url}?application_name=other")
    tried = (
        "SELECT FROM pg_stat_activity WHERE application_name = 'other' "
        "AND query LIKE '%pg_try_advisory_lock%'"
    )
    with psycopg.connect(database_url, autocommit=True) as connection:
        world.until(lambda: connection.execute(tried).fetchall())
    return other


def pictures(world: World) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (world.folder / "images").glob("*.png")}


def _names_in(caplog: pytest.LogCaptureFixture) -> set[str]:
    return {record.name.removeprefix("stablequeue_core.") for record in caplog.records}
