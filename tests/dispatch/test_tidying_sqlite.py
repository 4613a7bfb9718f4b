"""Old jobs are forgotten from a database file, which shrinks, also when the process is killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.dispatch import tidying_victim
from tests.dispatch.tidying_world import TidyingWorld
from tests.worlds import World, with_settings

from stablequeue_core.dispatch.upkeep.tidying import JOBS_A_STEP
from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import JobQuery
from stablequeue_core.storage.sqlite import SqliteStorage

Made = tuple[TidyingWorld, SqliteStorage]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def world_in(folder: Path, **settings: Any) -> Made:
    storage = SqliteStorage(folder / "queue.sqlite3")
    return TidyingWorld(folder / "images", storage=storage, **settings), storage


@pytest.fixture
def made(folder: Path) -> Iterator[Made]:
    world, storage = world_in(folder, keep_days=1, keep_images=False)
    with storage:
        yield world, storage


def test_old_jobs_and_their_pictures_go_and_the_file_shrinks(made: Made, folder: Path) -> None:
    world, storage = made
    for _ in range(10):
        at = world.clock.now()
        prompt = {"positive_prompt": "x" * 2000}
        jobs = [world.made(at, pictures=0, params=prompt) for _ in range(JOBS_A_STEP)]
        storage.jobs.add(jobs)
    world.clock.advance(2 * 86400)
    staying = world.ended(hours_ago=3)
    done = world.tidying().tidy()
    assert done.jobs == 10 * JOBS_A_STEP
    assert done.bytes_freed > 500_000
    assert [job.id for job in world.known()] == [staying.id]


def test_a_step_of_shrinking_gives_many_pages_back(made: Made) -> None:
    """SQLite gives back one page for each step of its statement, not for each statement."""
    world, storage = made
    long_ago = world.clock.now() - timedelta(days=3)
    prompt = {"positive_prompt": "x" * 2000}
    storage.jobs.add([world.made(long_ago, pictures=0, params=prompt) for _ in range(500)])
    for jobs in iter(lambda: world.storage.jobs.list(JobQuery(limit=500)).jobs, ()):
        storage.jobs.forget(jobs, Event(kind=EventKind.QUEUE_TIDIED, at=world.clock.now()))
    assert storage.shrink() > 500_000


def test_nothing_to_do_is_done_quickly_and_changes_nothing(made: Made) -> None:
    world, storage = made
    job = world.ended(hours_ago=3)
    world.tidying().tidy()
    assert [each.id for each in world.known()] == [job.id]
    assert storage.events.last() == 0


def test_a_process_that_is_killed_between_two_steps_has_lost_nothing_else(folder: Path) -> None:
    world, storage = world_in(folder, keep_days=1, keep_images=False)
    with storage:
        long_ago = world.clock.now() - timedelta(days=3)
        old = [world.made(long_ago, pictures=1) for _ in range(6 * JOBS_A_STEP)]
        storage.jobs.add(old)
        staying = {world.pending(hours_ago=9999).id, world.ended(hours_ago=3, pictures=0).id}
    for _ in range(3):
        killed_after_a_step(folder)
        with SqliteStorage(folder / "queue.sqlite3") as storage:
            world.storage = storage
            assert staying <= {job.id for job in world.known()}
    world, storage = world_in(folder, keep_days=1, keep_images=False)
    with storage:
        world.sweep()
        assert {job.id for job in world.known()} == staying
        assert not world.pictures()


def killed_after_a_step(folder: Path) -> None:
    """Let a process of its own begin to tidy up, and kill it at whatever it is at then."""
    command = [sys.executable, tidying_victim.__file__, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline()
        victim.kill()


def test_a_process_that_runs_jobs_tidies_up_by_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stablequeue_core.dispatch.upkeep.tidying.REST", 0.01)
    past, storage = world_in(folder)
    with storage:
        old = past.ended(hours_ago=0)  # In the year at which a FakeClock begins.
    world = World(folder, settings=with_settings(keep_days=30, keep_images=False))
    try:
        young = world.run()
        world.until(lambda: not past.pictures() & set(old.result.images if old.result else ()))
        world.until(lambda: old.id not in {job.id for job in world.queue.list().jobs})
        assert world.queue.get(young.id).images[0].exists()
    finally:
        world.close(grace=0)
