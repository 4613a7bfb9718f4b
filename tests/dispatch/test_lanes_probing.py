"""A lane asks its server as little as it can, and follows it through its troubles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.testing.forge_client import Client
from tests.worlds import PONY, SDXL, World, with_settings

from stablequeue_core import JobStatus, ServerStatus
from stablequeue_core.testing.forge_simulator import (
    CheckpointFile,
    ForgeDisk,
    Phase,
    SimulatedForge,
)

LISTS = "GET /sdapi/v1/sd-models"
PROGRESS = "GET /sdapi/v1/progress"
OPTIONS = "GET /sdapi/v1/options"
REFRESH = "POST /sdapi/v1/refresh-checkpoints"


def opened(world: World) -> World:
    """The world, once its first server was found well."""
    alias = next(iter(world.forges))
    world.until(lambda: world.queue.servers.health(alias).status is ServerStatus.ONLINE)
    return world


@pytest.fixture
def watchful(tmp_path: Path) -> Iterator[World]:
    """A queue that asks an idle server every few hundredths of a second how it feels."""
    made = World(tmp_path / "queue", settings=with_settings(probe_age=0.03, inventory_age=0.01))
    yield opened(made)
    made.close(grace=0)


def test_an_idle_server_is_asked_for_a_sign_and_not_for_its_lists(watchful: World) -> None:
    watchful.forge.wait_until(lambda forge: forge.counts[PROGRESS] >= 12)

    assert watchful.forge.counts[LISTS] == 1, "old as they are, nobody needs them"
    assert watchful.forge.counts[OPTIONS] <= watchful.forge.counts[PROGRESS] / 2


def test_an_idle_server_that_goes_away_is_noticed_and_so_is_its_return(watchful: World) -> None:
    health = watchful.queue.servers.health
    watchful.forge.phase = Phase.DOWN
    watchful.until(lambda: health("Laptop").status is ServerStatus.OFFLINE)

    watchful.forge.phase = Phase.READY
    watchful.until(lambda: health("Laptop").status is ServerStatus.ONLINE)


def test_a_checkpoint_that_a_human_has_loaded_is_noticed(watchful: World) -> None:
    def loaded() -> str:
        return watchful.queue.servers.health("Laptop").loaded_checkpoint or ""

    watchful.run(checkpoint_name=SDXL)
    assert loaded().startswith(SDXL)

    Client(watchful.forge).post("options", {"sd_model_checkpoint": PONY})
    watchful.until(lambda: loaded().startswith(PONY))


def test_a_starting_server_is_asked_soon_again_however_long_it_was_away(tmp_path: Path) -> None:
    """Backoff is for the absent: by then the circuit would wait for a minute."""
    settings = with_settings(circuit_base=0.01, circuit_cap=0.2, start_up_grace=60.0)
    world = World(tmp_path / "queue", settings=settings)
    world.forge.phase = Phase.DOWN
    job = world.submit()
    health = world.queue.servers.health
    world.until(lambda: health("Laptop").status is ServerStatus.OFFLINE)
    world.forge.phase = Phase.OPENING
    world.until(lambda: health("Laptop").status is ServerStatus.STARTING)
    asked = world.forge.counts[PROGRESS]
    world.forge.wait_until(lambda forge: forge.counts[PROGRESS] >= asked + 10)

    world.forge.phase = Phase.READY
    assert world.finish(job).status is JobStatus.COMPLETED
    world.close()


def test_a_server_that_comes_back_takes_its_waiting_jobs_at_once(world: World) -> None:
    world.forge.phase = Phase.DOWN
    jobs = [world.submit() for _ in range(3)]
    world.until(lambda: world.queue.servers.health("Laptop").status is ServerStatus.OFFLINE)

    world.forge.phase = Phase.READY
    assert {world.finish(job).status for job in jobs} == {JobStatus.COMPLETED}


def test_a_file_that_appears_is_found_for_a_job_that_any_server_may_run(tmp_path: Path) -> None:
    """Nobody has to press a button: the server is made to look, as long as a job needs it."""
    disk = ForgeDisk([CheckpointFile(path=SDXL)])
    forge = SimulatedForge(disk)
    settings = with_settings(inventory_age=0.05)
    world = opened(World(tmp_path / "queue", {"Laptop": forge}, settings=settings))
    job = world.submit("auto", checkpoint_name=PONY)
    forge.wait_until(lambda forge: forge.counts[REFRESH] >= 1)
    assert world.queue.get(job.id).status is JobStatus.PENDING

    disk.add(CheckpointFile(path=PONY))
    assert world.finish(job).status is JobStatus.COMPLETED
    world.close()


def test_jobs_that_no_server_can_run_do_not_have_it_asked_again_and_again(tmp_path: Path) -> None:
    forge = SimulatedForge(ForgeDisk([CheckpointFile(path=SDXL)]))
    world = opened(World(tmp_path / "queue", {"Laptop": forge}))
    for number in range(20):
        world.submit("auto", checkpoint_name=f"nobody/has_{number}.safetensors")

    assert world.run("auto", checkpoint_name=SDXL).status is JobStatus.COMPLETED
    assert forge.counts[LISTS] <= 2
    assert forge.counts[REFRESH] <= 1
    world.close()


def test_a_server_that_is_drained_runs_nothing_of_ours_any_more(world: World) -> None:
    with world.forge.held(step=1):
        running = world.until_running(world.submit())
        waiting = world.submit()
        assert not world.queue.servers.drain("Laptop", timeout=0.05)
        assert world.queue.get(running.id).status is JobStatus.PROCESSING

    assert world.queue.servers.drain("Laptop", timeout=10)
    assert world.queue.get(running.id).status is JobStatus.COMPLETED
    assert world.queue.get(waiting.id).status is JobStatus.PENDING
    assert world.queue.servers.get("Laptop").paused

    world.queue.servers.resume("Laptop")
    assert world.finish(waiting).status is JobStatus.COMPLETED


def test_a_server_that_runs_a_job_for_any_server_is_drained_of_that_too(world: World) -> None:
    with world.forge.held(step=1):
        world.until_running(world.submit("auto"))
        assert not world.queue.servers.drain("Laptop", timeout=0.05)

    assert world.queue.servers.drain("Laptop", timeout=10)


def test_a_server_renamed_while_its_job_runs_makes_it_once(world: World) -> None:
    with world.forge.held(step=1):
        job = world.until_running(world.submit())
        world.queue.servers.update("Laptop", {"alias": "Notebook"})
        waiting = world.queue.submit("Notebook", positive_prompt="x", width=64, height=64, steps=1)

    assert world.finish(waiting).status is JobStatus.COMPLETED
    assert world.finish(job).retry_count == 0
    assert [picture.finished for picture in world.forge.rendered] == [True, True]


def test_a_job_for_a_group_goes_to_a_server_with_its_tag(tmp_path: Path) -> None:
    forges = {alias: SimulatedForge.with_sample_models() for alias in ("Laptop", "Tower")}
    world = World(tmp_path / "queue", forges)
    world.queue.servers.update("Tower", {"tags": ["studio"]})
    jobs = [world.submit("auto:studio") for _ in range(3)]
    assert {world.finish(job).server for job in jobs} == {"Tower"}

    world.queue.servers.update("Tower", {"tags": []})
    world.queue.servers.update("Laptop", {"tags": ["studio"]})
    assert world.run("auto:studio").server == "Laptop"
    world.close()
