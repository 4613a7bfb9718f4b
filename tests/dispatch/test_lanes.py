"""One lane for each enabled server: it comes and goes with it, and pauses with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.worlds import PONY, SDXL, World

from stablequeue_core import JobStatus
from stablequeue_core.errors import ServerInUse
from stablequeue_core.testing.forge_simulator import CheckpointFile, ForgeDisk, SimulatedForge


@pytest.fixture
def fleet(tmp_path: Path) -> World:
    """Two servers: ``Laptop`` has only SDXL, ``Desktop`` has only Pony."""
    return World(
        tmp_path,
        {
            "Laptop": SimulatedForge(ForgeDisk([CheckpointFile(path=SDXL)])),
            "Desktop": SimulatedForge(ForgeDisk([CheckpointFile(path=PONY)])),
        },
    )


def test_each_server_makes_its_own_jobs(fleet: World) -> None:
    jobs = [fleet.submit("Laptop", seed=1), fleet.submit("Desktop", seed=2)]

    assert [fleet.finish(job).server for job in jobs] == ["Laptop", "Desktop"]
    fleet.close()


def test_two_servers_work_at_the_same_time(fleet: World) -> None:
    with fleet.forges["Laptop"].held(step=1):
        slow = fleet.submit("Laptop")
        fleet.until_running(slow)
        assert fleet.run("Desktop").status is JobStatus.COMPLETED

    assert fleet.finish(slow).status is JobStatus.COMPLETED
    fleet.close()


def test_a_job_for_any_server_goes_to_one_that_has_its_checkpoint(fleet: World) -> None:
    jobs = [fleet.submit("auto", checkpoint_name=name) for name in (PONY, SDXL, PONY)]

    assert [fleet.finish(job).server for job in jobs] == ["Desktop", "Laptop", "Desktop"]
    fleet.close()


def test_a_job_for_any_server_waits_while_none_can_run_it(fleet: World) -> None:
    impossible = fleet.submit("auto", checkpoint_name="nobody/has_this.safetensors")

    assert fleet.run("auto", checkpoint_name=PONY).status is JobStatus.COMPLETED
    assert fleet.queue.get(impossible.id).status is JobStatus.PENDING
    fleet.close()


def test_a_server_that_is_added_later_gets_its_lane_at_once(world: World) -> None:
    world.run()
    world.forges["Desktop"] = SimulatedForge.with_sample_models()
    world.close()
    world.queue.servers.update("Desktop", {"alias": "Tower"})

    job = world.queue.submit("Tower", positive_prompt="x", width=64, height=64, steps=1)
    assert world.finish(job).server == "Tower"


def test_a_paused_server_finishes_its_job_and_takes_no_other(world: World) -> None:
    with world.forge.held(step=1):
        running = world.submit()
        world.until_running(running)
        waiting = world.submit()
        world.queue.servers.pause("Laptop")

    assert world.finish(running).status is JobStatus.COMPLETED
    assert world.queue.get(waiting.id).status is JobStatus.PENDING

    world.queue.servers.resume("Laptop")
    assert world.finish(waiting).status is JobStatus.COMPLETED


def test_a_pause_of_the_queue_survives_a_restart(world: World) -> None:
    world.queue.pause()
    world.close()
    job = world.submit()
    world.forge.wait_until(lambda forge: forge.counts["GET /sdapi/v1/loras"] >= 1)

    assert world.queue.get(job.id).status is JobStatus.PENDING

    world.queue.resume()
    assert world.finish(job).status is JobStatus.COMPLETED


def test_a_disabled_server_runs_nothing_until_it_is_enabled(world: World) -> None:
    world.queue.servers.update("Laptop", {"enabled": False})
    job = world.submit()
    assert world.queue.servers.health("Laptop").status == "disabled"

    world.queue.servers.update("Laptop", {"enabled": True})
    assert world.finish(job).status is JobStatus.COMPLETED


def test_a_renamed_server_takes_its_pending_jobs_along(world: World) -> None:
    world.queue.pause()
    job = world.submit()
    world.queue.servers.update("Laptop", {"alias": "Notebook"})
    world.queue.resume()

    done = world.finish(job)
    assert (done.target, done.server) == ("Notebook", "Notebook")


def test_a_server_with_open_jobs_is_removed_only_by_force(world: World) -> None:
    world.queue.pause()
    job = world.submit()

    with pytest.raises(ServerInUse):
        world.queue.servers.remove("Laptop")
    world.queue.servers.remove("Laptop", force=True)

    assert world.queue.get(job.id).status is JobStatus.CANCELLED
    assert world.queue.servers.list() == []


def test_a_new_address_is_used_for_the_next_job(world: World) -> None:
    world.queue.servers.update("Laptop", {"api_url": "http://nowhere:7860"})
    job = world.submit()
    world.until(lambda: world.queue.servers.health("Laptop").status == "offline")

    world.queue.servers.update("Laptop", {"api_url": world.url("Laptop")})
    assert world.finish(job).status is JobStatus.COMPLETED
