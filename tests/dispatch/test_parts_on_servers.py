"""A big batch made by several servers is the batch that one server makes, to the byte."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.worlds import PONY, World, with_settings

from stablequeue_core import Event, EventKind, Job, JobStatus
from stablequeue_core.images.metadata import infotext_in
from stablequeue_core.testing.forge_simulator import Fault, SimulatedForge

SERVERS = ("Laptop", "Tower", "Attic", "Cellar")


@contextmanager
def fleet(folder: Path, count: int, **changes: Any) -> Iterator[World]:
    """So many servers, and batches cut among them."""
    forges = {alias: SimulatedForge.with_sample_models() for alias in SERVERS[:count]}
    settings = with_settings(**{"split_batches": True, "split_smallest": 2, **changes})
    world = World(folder, forges, settings=settings)
    try:
        yield world
    finally:
        world.close(grace=0)


def batch(world: World, images: int, **params: Any) -> Job:
    return world.submit(
        "auto", checkpoint_name=PONY, num_images=images, **{"seed": 41, "subseed": 7, **params}
    )


@contextmanager
def all_held(world: World) -> Iterator[None]:
    """No server gets beyond its first step, so that none is ready before the others begin."""
    with ExitStack() as held:
        for forge in world.forges.values():
            held.enter_context(forge.held(step=1))
        yield


def until_all_are_at_it(world: World) -> None:
    world.until(lambda: all(forge.active_task for forge in world.forges.values()))


def told(job: Job) -> dict[str, Any]:
    """What the server answered, but for the second in which it did."""
    assert job.result is not None, job.failure
    return {k: v for k, v in job.result.generation_info.items() if k != "job_timestamp"}


@pytest.mark.parametrize(("servers", "images"), [(2, 4), (3, 8), (4, 9), (2, 16)])
@pytest.mark.parametrize("params", [{}, {"enable_hires_fix": True, "hr_scale": 2}])
def test_several_servers_make_the_pictures_that_one_makes(
    tmp_path: Path, servers: int, images: int, params: dict[str, Any]
) -> None:
    with fleet(tmp_path / "one", 1) as alone:
        one = alone.finish(batch(alone, images, **params))
        assert one.parts == ()
        expected = [path.read_bytes() for path in one.images]
    with fleet(tmp_path / "many", servers) as world:
        many = world.finish(batch(world, images, **params))

        assert len(many.parts) == min(servers, images // 2)
        assert [path.read_bytes() for path in many.images] == expected
        assert told(many) == told(one)
        assert [infotext_in(path) for path in many.images] == told(one)["infotexts"]


def test_each_server_makes_its_share(tmp_path: Path) -> None:
    with fleet(tmp_path, 3) as world:
        with all_held(world):
            job = batch(world, 7)
            until_all_are_at_it(world)
        world.finish(job)

        shares = sorted(len(forge.rendered) for forge in world.forges.values())
        assert shares == [2, 2, 3]


def test_the_pictures_are_named_after_the_whole_and_counted_through(tmp_path: Path) -> None:
    with fleet(tmp_path, 3) as world:
        done = world.finish(batch(world, 7))

        names = [path.name for path in done.images]
        assert {name[:8] for name in names} == {done.id[:8]}
        assert [name.split("_")[2] for name in names] == [
            f"{index:05d}-{41 + index}.png" for index in range(7)
        ]
        assert sorted(path.name for path in world.folder.glob("images/*")) == sorted(names)


def test_progress_is_that_of_all_parts_together(tmp_path: Path) -> None:
    with fleet(tmp_path, 2) as world:
        with all_held(world):
            job = batch(world, 4)
            world.until(lambda: world.queue.progress(job.id) is not None)
            progress = world.queue.progress(job.id)
            assert progress is not None
            assert 0.0 <= progress.fraction < 1.0
        *_, last = world.queue.watch(job.id, timeout=10)

        assert last.fraction == 1.0


def test_the_progress_of_a_part_says_whose_it_is(tmp_path: Path) -> None:
    heard: list[Event] = []
    with fleet(tmp_path, 2) as world, world.queue.subscribe(heard.append):
        with all_held(world):
            whole = batch(world, 4)
            world.until(lambda: any(e.kind is EventKind.JOB_PROGRESS for e in heard))
        world.finish(whole)

    told = [event for event in heard if event.kind is EventKind.JOB_PROGRESS]
    assert {event.data["part_of"] for event in told} == {whole.id}


def test_a_part_whose_server_breaks_goes_to_another(tmp_path: Path) -> None:
    with fleet(tmp_path, 2) as world:
        world.forges["Tower"].faults.next("txt2img", Fault.OUT_OF_MEMORY, times=1)

        done = world.finish(batch(world, 4))

        assert done.status is JobStatus.COMPLETED
        assert len(done.images) == 4


def test_a_part_that_no_server_can_make_fails_the_whole(tmp_path: Path) -> None:
    with fleet(tmp_path, 2, max_attempts=1) as world:
        for forge in world.forges.values():
            forge.faults.next("txt2img", Fault.OUT_OF_MEMORY, times=None)

        failed = world.finish(batch(world, 4))

        assert failed.failure is not None
        assert failed.failure.code == "out_of_memory"
        assert "of 2 has failed" in failed.failure.message


def test_cancelling_stops_every_server_that_is_at_it(tmp_path: Path) -> None:
    with fleet(tmp_path, 2) as world:
        with all_held(world):
            job = batch(world, 4)
            until_all_are_at_it(world)
            cancelled = world.queue.cancel(job.id)

        assert cancelled.status is JobStatus.CANCELLED
        assert list(world.folder.glob("images/*.png")) == []


def test_deleting_a_batch_with_its_pictures_leaves_none(tmp_path: Path) -> None:
    with fleet(tmp_path, 2) as world:
        done = world.finish(batch(world, 4))

        world.queue.delete(done.id, delete_images=True)

        assert list(world.folder.glob("images/*.png")) == []


def test_a_batch_whose_process_closed_in_the_midst_is_finished_by_the_next(tmp_path: Path) -> None:
    with fleet(tmp_path / "one", 1) as alone:
        expected = [path.read_bytes() for path in alone.finish(batch(alone, 6)).images]
    with fleet(tmp_path / "many", 3) as world:
        with all_held(world):
            job = batch(world, 6)
            until_all_are_at_it(world)
            world.close(grace=0)

        done = world.finish(job)

        assert [path.read_bytes() for path in done.images] == expected
        assert len(list(world.folder.glob("images/*"))) == 6


def test_a_batch_whose_process_died_before_the_join_is_joined_by_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "queue"
    victim = subprocess.run(
        [sys.executable, "-m", "tests.dispatch.joining_victim", str(folder)],
        cwd=Path(__file__).parents[2],
        check=False,
        timeout=60,
    )
    assert victim.returncode == 9

    with fleet(folder, 2) as world:
        (whole,) = world.queue.list().jobs
        done = world.finish(whole)

        assert done.status is JobStatus.COMPLETED
        assert len(done.images) == 4
        assert sorted(path.name for path in world.folder.glob("images/*")) == sorted(
            path.name for path in done.images
        )
        assert all(not forge.rendered for forge in world.forges.values())
