"""What one process knows of the servers, and of the jobs, that another one looks after."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.worlds import PONY, SDXL, World, with_settings

from stablequeue_core import JobStatus, ServerStatus, StableQueue
from stablequeue_core.clock import SystemClock
from stablequeue_core.events import EventKind
from stablequeue_core.servers.report_board import BEAT_EVERY
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.testing.forge_simulator import (
    CheckpointFile,
    ForgeDisk,
    Phase,
    SimulatedForge,
)


@pytest.fixture
def web(world: World) -> Iterator[StableQueue]:
    """A second process on the same folder, which runs no jobs."""
    assert world.queue.status().dispatching
    with world.open(dispatch=False) as opened:
        yield opened


def statuses(queue: StableQueue) -> list[str]:
    """How the servers felt, one after the other, as the log tells."""
    return [e.data["status"] for e in queue.events() if e.kind is EventKind.SERVER_HEALTH]


def test_a_process_without_lanes_knows_how_a_server_feels(world: World, web: StableQueue) -> None:
    world.until(lambda: web.servers.health("Laptop").status is ServerStatus.ONLINE)
    assert web.servers.health("Laptop").checked_at

    world.forge.phase = Phase.DOWN
    job = world.submit()
    world.until(lambda: web.servers.health("Laptop").status is ServerStatus.OFFLINE)
    assert "cannot be reached" in (web.waiting_reason(job) or "")


def test_a_process_without_lanes_knows_how_far_a_job_is(world: World, web: StableQueue) -> None:
    with world.forge.held(step=2):
        job = world.until_running(world.submit())
        world.until(lambda: (told := web.progress(job.id)) and told.fraction > 0)

    world.finish(job)
    world.until(lambda: web.progress(job.id) is None)


def test_progress_can_be_watched_from_a_process_without_lanes(
    world: World, web: StableQueue
) -> None:
    with world.forge.held(step=2):
        job = world.until_running(world.submit())
        watching = web.watch(job.id, timeout=10)
        seen = [next(watching)]
    seen += watching

    assert 0 < seen[0].fraction < 1
    assert seen[-1].fraction == 1


def test_nobody_tells_of_progress_once_the_job_has_ended(world: World, web: StableQueue) -> None:
    with world.forge.held(step=2):
        job = world.until_running(world.submit())
        world.until(lambda: web.progress(job.id))
    world.finish(job)

    assert web.progress(job.id) is None


def test_each_change_of_a_servers_health_is_told_once_by_whoever_holds_its_lane(
    world: World,
) -> None:
    world.forge.phase = Phase.DOWN
    with world.open() as other:
        world.until(lambda: statuses(world.queue) == ["offline"])
        world.forge.phase = Phase.OPENING
        world.until(lambda: statuses(world.queue)[-1] == "starting")
        world.forge.phase = Phase.READY
        world.until(lambda: statuses(world.queue)[-1] == "online")

        assert statuses(world.queue) == ["offline", "starting", "online"]
        assert other.servers.health("Laptop").status is ServerStatus.ONLINE


def test_a_restart_of_ours_is_no_news_of_a_server(world: World) -> None:
    world.run()
    world.close()
    world.run()

    assert statuses(world.queue) == ["online"]


def test_a_server_that_nobody_looks_after_any_more_is_unknown(world: World) -> None:
    world.run()
    world.close()
    later = FakeClock(SystemClock().now() + timedelta(hours=1))
    with world.open(dispatch=False, clock=later) as web:
        health = web.servers.health("Laptop")

    assert health.status is ServerStatus.UNKNOWN
    assert health.checked_at, "when it was seen last is still told"


def test_a_process_that_runs_jobs_says_that_it_lives_until_it_leaves(tmp_path: Path) -> None:
    """However little happens: others believe what it has told of its servers for as long."""
    clock = FakeClock()
    storage = MemoryStorage(clock=clock)
    world = World(tmp_path / "queue", storage=storage, clock=clock)
    reports = storage.reports
    assert world.queue.servers.list()
    for _ in range(3):
        storage.work.ring()
        world.until(lambda: list(reports.heard().values()) == [clock.now()])
        clock.advance(BEAT_EVERY)
    world.close()
    assert not reports.heard()


def test_a_process_that_runs_no_jobs_says_nothing(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with StableQueue.open(tmp_path, storage=storage, dispatch=False) as queue:
        queue.submit("auto", positive_prompt="a lighthouse")
        assert not storage.reports.heard()


def test_a_job_submitted_elsewhere_starts_without_polling(tmp_path: Path) -> None:
    world = World(tmp_path / "queue", settings=with_settings(poll=30.0))
    assert world.queue.servers.list()
    with world.open(dispatch=False) as web:
        world.until(lambda: web.servers.health("Laptop").status is ServerStatus.ONLINE)
        for _ in range(3):
            job = web.submit("auto", positive_prompt="x", width=64, height=64, steps=1)
            assert web.wait(job.id, timeout=10).status is JobStatus.COMPLETED
    world.close()


@pytest.mark.parametrize("hours", [-3, 3])
def test_processes_whose_clocks_differ_leave_each_others_jobs_alone(
    tmp_path: Path, hours: int
) -> None:
    """The storage's clock is what counts: by the computer's, a lease would seem to be over."""
    clock = FakeClock(SystemClock().now() + timedelta(hours=hours))
    forge = SimulatedForge.with_sample_models()
    storage = MemoryStorage(clock=clock)
    world = World(tmp_path, {"Laptop": forge})
    with world.open(storage=storage) as one, world.open(storage=storage) as other:
        one.servers.add("Laptop", world.url("Laptop"))
        with forge.held(step=1):
            job = one.submit("Laptop", positive_prompt="x", width=64, height=64, steps=2)
            world.until(lambda: one.get(job.id).status is JobStatus.PROCESSING)
            lease = one.get(job.id).lease
            assert lease is not None
            assert lease.until > clock.now()
            threading.Event().wait(0.2)
            assert other.get(job.id).status is JobStatus.PROCESSING
        assert one.wait(job.id, timeout=10).retry_count == 0


def test_a_job_that_no_server_can_run_starts_when_a_server_appears_anywhere(
    tmp_path: Path,
) -> None:
    forges = {
        "Laptop": SimulatedForge(ForgeDisk([CheckpointFile(path=SDXL)])),
        "Desktop": SimulatedForge(ForgeDisk([CheckpointFile(path=PONY)])),
    }
    world = World(tmp_path / "queue", forges)
    world.queue.servers.remove("Desktop")
    job = world.submit("auto", checkpoint_name=PONY)
    assert world.run("auto", checkpoint_name=SDXL).server == "Laptop"
    assert world.queue.get(job.id).status is JobStatus.PENDING

    with world.open(dispatch=False) as web:
        web.servers.add("Desktop", world.url("Desktop"))

    assert world.finish(job).server == "Desktop"
    world.close()
