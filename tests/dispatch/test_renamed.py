"""A server that is renamed while a job of ours runs there."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.worlds import World

from stablequeue_core import JobStatus, ServerStatus
from stablequeue_core.errors import ServerInUse
from stablequeue_core.jobs import AttemptOutcome
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


@pytest.mark.parametrize("target", ["Laptop", "auto"])
def test_what_runs_there_is_known_by_the_new_name(world: World, target: str) -> None:
    with world.forge.held(step=2):
        job = world.until_running(world.submit(target))
        world.queue.servers.update("Laptop", {"alias": "Notebook"})

        assert world.queue.get(job.id).server == "Notebook"
        world.until(lambda: world.queue.progress(job.id))
        assert "'Notebook'" in world.queue.explain(job.id).why
        assert not world.queue.servers.drain("Notebook", timeout=0)
        with pytest.raises(ServerInUse):
            world.queue.servers.remove("Notebook")

    assert world.finish(job).status is JobStatus.COMPLETED
    assert world.queue.servers.health("Notebook").status is ServerStatus.ONLINE


@pytest.mark.parametrize("target", ["Laptop", "auto"])
def test_an_orphan_is_stopped_before_its_job_runs_again_under_the_new_name(
    world: World, target: str
) -> None:
    with world.forge.held(step=1):
        job = world.until_running(world.submit(target))
        world.queue.servers.update("Laptop", {"alias": "Notebook"})
        world.close(grace=0)
        again = world.open()
        world.until(lambda: world.forge.counts["POST /sdapi/v1/interrupt"] >= 1)

    with again:
        done = again.wait(job.id, timeout=10)
    assert done.status is JobStatus.COMPLETED
    assert [attempt.outcome for attempt in done.attempts] == [
        AttemptOutcome.LOST,
        AttemptOutcome.COMPLETED,
    ]
    assert {attempt.server for attempt in done.attempts} == {"Notebook"}
    assert [picture.finished for picture in world.forge.rendered] == [False, True]


@pytest.mark.parametrize("target", ["Laptop", "auto"])
def test_a_cancel_stops_the_job_where_it_runs(world: World, target: str) -> None:
    with world.forge.held(step=1):
        job = world.until_running(world.submit(target))
        world.queue.servers.update("Laptop", {"alias": "Notebook"})

        assert world.queue.cancel(job.id).status is JobStatus.CANCELLED
        assert world.forge.active_task is None


def test_no_other_process_takes_the_job_over_or_sends_the_server_a_second_one(
    world: World,
) -> None:
    with world.forge.held(step=2):
        running = world.until_running(world.submit())
        with world.open() as other:
            other.servers.update("Laptop", {"alias": "Notebook"})
            waiting = other.submit("Notebook", running.params)

            world.until(lambda: "busy" in other.explain(waiting.id).why)
            assert other.get(waiting.id).status is JobStatus.PENDING
            assert len(other.get(running.id).attempts) == 1
    for job in (running, waiting):
        assert world.finish(job).status is JobStatus.COMPLETED
    assert world.forge.counts["POST /sdapi/v1/interrupt"] == 0
