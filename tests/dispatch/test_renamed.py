"""A server that is renamed while a job of ours runs there."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.worlds import World

from stablequeue_core import JobStatus
from stablequeue_core.errors import ServerInUse
from stablequeue_core.testing.forge_simulator import SimulatedForge


def test_the_next_job_is_not_told_to_start_at_once(world: World) -> None:
    with world.forge.held(step=2):
        running = world.submit()
        world.until_running(running)
        world.queue.servers.update("Laptop", {"alias": "Notebook"})
        waiting = world.submit("Notebook")

        world.until(lambda: "busy" in world.queue.explain(waiting.id).why)
        assert not world.queue.servers.drain("Notebook", timeout=0)
        with pytest.raises(ServerInUse):
            world.queue.servers.remove("Notebook")

    assert world.finish(running).status is JobStatus.COMPLETED
    assert world.queue.servers.drain("Notebook", timeout=10)
    world.queue.servers.resume("Notebook")
    assert world.finish(waiting).status is JobStatus.COMPLETED


def test_a_job_for_any_server_is_stopped_where_it_runs_when_that_one_goes_by_force(
    tmp_path: Path,
) -> None:
    forges = {alias: SimulatedForge.with_sample_models() for alias in ("Laptop", "Tower")}
    world = World(tmp_path, forges)
    with forges["Laptop"].held(step=2), forges["Tower"].held(step=2):
        job = world.submit("auto")
        world.until_running(job)
        here = world.queue.get(job.id).server
        assert here is not None

        world.queue.servers.remove(here, force=True)

        assert world.queue.get(job.id).status is JobStatus.CANCELLED
        assert forges[here].active_task is None
        assert len(world.queue.servers.list()) == 1
    world.close()
