"""A job outlives the process that runs it: recovery asks the server, then runs it again, once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.worlds import World, with_settings

from stablequeue_core import Job, JobStatus, ServerStatus
from stablequeue_core.jobs import AttemptOutcome
from stablequeue_core.testing.forge_simulator import Phase


def abandoned(world: World) -> Job:
    """A job that its process left behind while the server worked on it."""
    job = world.submit()
    running = world.until_running(job)
    world.close(grace=0)
    return running


def until_asked_again(world: World) -> None:
    """Wait until the server was asked how it feels."""
    health = world.queue.servers.health
    asked_at = health("Laptop").checked_at
    world.until(lambda: health("Laptop").checked_at not in (None, asked_at))


def test_closing_waits_for_a_running_job(world: World) -> None:
    job = world.submit()
    world.until(lambda: world.queue.get(job.id).status is not JobStatus.PENDING)
    world.close(grace=5)

    assert world.queue.get(job.id).status is JobStatus.COMPLETED


def test_a_job_that_outlasts_the_grace_runs_again_with_its_seed_when_the_queue_is_opened(
    world: World,
) -> None:
    with world.forge.held(step=1):
        left = abandoned(world)
        assert world.open(dispatch=False).get(left.id).status is JobStatus.PROCESSING
        assert world.queue.get(left.id).id == left.id
        world.until(lambda: world.forge.counts["POST /sdapi/v1/interrupt"] >= 1)

    done = world.finish(left)
    assert done.status is JobStatus.COMPLETED
    assert done.seed == left.seed
    assert [attempt.outcome for attempt in done.attempts] == [
        AttemptOutcome.LOST,
        AttemptOutcome.COMPLETED,
    ]
    assert done.failures == 0


def test_an_orphan_on_the_server_is_interrupted_before_the_job_runs_again(world: World) -> None:
    with world.forge.held(step=1):
        left = abandoned(world)
        world.queue.resume()
        world.until(lambda: world.forge.counts["POST /sdapi/v1/interrupt"] >= 1)

    world.finish(left)
    assert [picture.finished for picture in world.forge.rendered] == [False, True]


def test_an_orphan_that_waits_in_the_servers_own_queue_is_waited_for(world: World) -> None:
    world.run()
    with world.forge.held(step=0):
        human = world.forge.human_job(steps=2)
        world.forge.wait_until(lambda forge: forge.active_task == human.task_id)
        job = world.submit()
        world.until(lambda: world.queue.get(job.id).task_id in world.forge.waiting_tasks)
        world.close(grace=0)
        world.queue.resume()
        world.until(lambda: len(world.queue.get(job.id).attempts) == 2)
        assert world.forge.counts["POST /sdapi/v1/interrupt"] == 0

    assert world.finish(job).status is JobStatus.COMPLETED


def test_a_server_that_was_restarted_meanwhile_simply_runs_the_job_again(world: World) -> None:
    with world.forge.held(step=1):
        left = abandoned(world)
        world.forge.restart()

    assert world.finish(left).status is JobStatus.COMPLETED
    assert len(list(world.folder.glob("images/*.png"))) == 1


def test_a_job_whose_server_is_gone_does_not_stay_processing(world: World) -> None:
    with world.forge.held(step=1):
        left = abandoned(world)
        world.forge.phase = Phase.DOWN
        world.until_status(left, JobStatus.PENDING)

    world.forge.phase = Phase.READY
    assert world.finish(left).status is JobStatus.COMPLETED


def test_a_wish_to_cancel_survives_the_process(world: World) -> None:
    with world.forge.held(step=1):
        left = abandoned(world)
        with world.open(dispatch=False) as web:
            web.cancel(left.id, timeout=0)

        assert world.finish(left).status is JobStatus.CANCELLED
        assert world.forge.counts["POST /sdapi/v1/interrupt"] >= 1


def test_a_wish_to_cancel_waits_for_a_server_that_is_switched_off_and_blinds_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the server knows whether it still works on it; it is told to be offline meanwhile."""
    caplog.set_level("INFO", logger="stablequeue_core")
    world = World(tmp_path, settings=with_settings(circuit_base=0.2, circuit_cap=0.2))
    with world.forge.held(step=1):
        left = abandoned(world)
        world.forge.phase = Phase.DOWN
        with world.open(dispatch=False) as web:
            web.cancel(left.id, timeout=0)
        assert world.queue.status().dispatching
        until_asked_again(world)
        assert world.queue.servers.health("Laptop").status is ServerStatus.OFFLINE
        caplog.clear()
        for _ in range(3):
            until_asked_again(world)
        assert [record.getMessage() for record in caplog.records] == []
        assert world.queue.get(left.id).status is JobStatus.PROCESSING

        world.forge.phase = Phase.READY
        assert world.finish(left).status is JobStatus.CANCELLED
    world.close()


def test_pictures_that_were_saved_but_never_registered_are_removed(world: World) -> None:
    with world.forge.held(step=1):
        left = abandoned(world)
        started = int(left.attempts[0].started_at.timestamp() * 1000 + 0.5)
        stray = world.folder / "images" / f"{left.id[:8]}_{started}_00000-{left.seed}.png"
        stray.write_bytes(b"saved just before the power cut")

    world.finish(left)

    assert not stray.exists()
    assert len(list(world.folder.glob("images/*.png"))) == 1


def test_a_second_dispatching_process_leaves_running_jobs_alone(world: World) -> None:
    with world.forge.held(step=1):
        job = world.submit()
        world.until_running(job)
        with world.open() as other:
            world.until(lambda: other.status().dispatching)
            waiting = world.submit()
            assert other.get(job.id).status is JobStatus.PROCESSING
            assert other.get(waiting.id).status is JobStatus.PENDING

    assert world.finish(job).retry_count == 0


def test_the_lane_of_a_closed_process_is_taken_over_by_another(world: World) -> None:
    with world.open() as other:
        world.run()
        world.close()

        job = other.submit("Laptop", positive_prompt="x", width=64, height=64, steps=1)
        assert other.wait(job.id, timeout=10).status is JobStatus.COMPLETED
