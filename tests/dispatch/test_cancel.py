"""Cancel hits that job and nothing else."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tests.worlds import World, with_settings

from stablequeue_core import JobStatus
from stablequeue_core.errors import JobNotCancellable
from stablequeue_core.testing.forge_simulator import LoraFile


def test_a_pending_job_is_cancelled_at_once(world: World) -> None:
    world.queue.pause()
    job = world.submit()

    assert world.queue.cancel(job.id).status is JobStatus.CANCELLED
    world.queue.resume()
    world.run()
    assert len(world.forge.rendered) == 1


def test_a_running_job_is_interrupted_and_cancelled_once_the_server_has_stopped(
    world: World,
) -> None:
    with world.forge.held(step=1):
        job = world.submit()
        world.until_running(job)
        cancelled = world.queue.cancel(job.id)

    assert cancelled.status is JobStatus.CANCELLED
    assert cancelled.images == ()
    assert list(world.folder.glob("images/*.png")) == []
    assert world.forge.counts["POST /sdapi/v1/interrupt"] >= 1


def test_a_human_s_picture_is_not_hit_while_ours_waits_behind_it(world: World) -> None:
    world.run()
    with world.forge.held(step=0):
        human = world.forge.human_job(steps=3)
        world.forge.wait_until(lambda forge: forge.active_task == human.task_id)
        job = world.submit()
        world.until(lambda: world.queue.get(job.id).task_id in world.forge.waiting_tasks)
        asked = world.queue.cancel(job.id, timeout=0.1)

        assert asked.status is JobStatus.PROCESSING
        assert asked.cancel_requested
        assert world.forge.counts["POST /sdapi/v1/interrupt"] == 0

    assert world.finish(job).status is JobStatus.CANCELLED
    human.join(5)
    assert not human.is_alive()


def test_the_neighbour_job_is_made_after_a_cancel(world: World) -> None:
    with world.forge.held(step=1):
        first, second = world.submit(seed=1), world.submit(seed=2)
        world.until_running(first)
        world.queue.cancel(first.id)

    assert world.finish(second).status is JobStatus.COMPLETED
    assert [p.seed for p in world.forge.rendered if p.finished] == [2]


def test_two_cancels_at_once_both_see_the_job_cancelled(world: World) -> None:
    with world.forge.held(step=1):
        job = world.submit()
        world.until_running(job)
        seen: list[JobStatus] = []
        callers = [
            threading.Thread(target=lambda: seen.append(world.queue.cancel(job.id).status))
            for _ in range(2)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()

    assert seen == [JobStatus.CANCELLED, JobStatus.CANCELLED]


def test_a_job_that_has_ended_cannot_be_cancelled(world: World) -> None:
    done = world.run()

    with pytest.raises(JobNotCancellable):
        world.queue.cancel(done.id)


def test_a_cancel_by_a_process_that_does_not_dispatch_reaches_the_one_that_does(
    world: World,
) -> None:
    with world.forge.held(step=1), world.open(dispatch=False) as web:
        job = world.submit()
        world.until_running(job)

        assert web.cancel(job.id).status is JobStatus.CANCELLED


def test_deleting_a_running_job_cancels_it_first(world: World) -> None:
    with world.forge.held(step=1):
        job = world.submit()
        world.until_running(job)
        world.queue.delete(job.id)

    assert world.queue.list().total == 0
    assert world.run().status is JobStatus.COMPLETED


def test_a_cancelled_job_can_be_retried_and_gives_the_same_seed(world: World) -> None:
    with world.forge.held(step=1):
        job = world.submit()
        running = world.until_running(job)
        world.queue.cancel(job.id)

    world.queue.retry(job.id)

    done = world.finish(job)
    assert done.status is JobStatus.COMPLETED
    assert done.seed == running.seed
    assert done.retry_count == 1


def test_an_impatient_cancel_says_that_the_job_still_runs(world: World) -> None:
    world.settings = with_settings(poll=5.0)
    with world.forge.held(step=1):
        job = world.submit()
        world.until_running(job)
        asked = world.queue.cancel(job.id, timeout=0.05)

        assert (asked.status, asked.cancel_requested) == (JobStatus.PROCESSING, True)


def test_a_cancel_reaches_a_server_that_was_out_of_reach(world: World) -> None:
    """Either the job waits for that as cancelling, or it was lost before and waits no more."""
    with world.forge.held(step=2):
        job = world.submit()
        world.until_running(job)
        with world.forge.unplugged():
            asked = world.queue.cancel(job.id, timeout=0.2)
            assert asked.cancel_requested or asked.status is JobStatus.CANCELLED

        assert world.finish(job).status is JobStatus.CANCELLED
        world.until(lambda: world.forge.active_task is None)

    assert world.run().status is JobStatus.COMPLETED
    assert [picture.finished for picture in world.forge.rendered] == [False, True]


def test_a_wish_to_cancel_waits_for_a_server_that_is_out_of_reach_at_the_start(
    world: World,
) -> None:
    with world.forge.held(step=2):
        job = world.submit()
        world.until_running(job)
        world.close(grace=0)
        with world.open(dispatch=False) as web:
            web.cancel(job.id, timeout=0)
        with world.forge.unplugged():
            seen = world.forge.counts["POST /internal/progress"]
            assert world.queue.get(job.id).status is JobStatus.PROCESSING

        assert world.finish(job).status is JobStatus.CANCELLED
        assert world.forge.counts["POST /internal/progress"] > seen

    assert [picture.finished for picture in world.forge.rendered] == [False]


def test_a_server_that_is_out_of_reach_can_be_removed_by_force(tmp_path: Path) -> None:
    world = World(tmp_path, settings=with_settings(cancel_wait=0.2))
    with world.forge.held(step=2):
        job = world.submit()
        world.until_running(job)
        with world.forge.unplugged():
            world.queue.servers.remove("Laptop", force=True)

    assert world.queue.get(job.id).status is JobStatus.CANCELLED
    assert world.queue.servers.list() == []
    world.close()


def test_the_log_does_not_blame_a_stranger_for_our_own_cancel(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with world.forge.held(step=2):
        job = world.submit()
        world.until_running(job)
        world.queue.cancel(job.id)

    assert "is being cancelled" in caplog.text
    assert "Somebody" not in caplog.text


def test_a_job_that_is_cancelled_while_it_is_prepared_is_never_sent(world: World) -> None:
    """The server looks at its folders for it, and a human's picture is before that."""
    world.run()
    world.forge.disk.add(LoraFile(path="styles/brand_new.safetensors"))
    with world.forge.held(step=0):
        human = world.forge.human_job(steps=2)
        world.forge.wait_until(lambda forge: forge.active_task == human.task_id)
        job = world.submit(positive_prompt="<lora:brand_new:1> a lighthouse")
        world.until(lambda: world.forge.counts["POST /sdapi/v1/refresh-checkpoints"])
        sent = world.forge.counts["POST /sdapi/v1/txt2img"]
        world.queue.cancel(job.id, timeout=0)
        # The monitor reads the job before it asks the server.
        looks = world.forge.counts["POST /internal/progress"] + 2
        world.until(lambda: world.forge.counts["POST /internal/progress"] >= looks)

    assert world.finish(job).status is JobStatus.CANCELLED
    assert world.forge.counts["POST /sdapi/v1/txt2img"] == sent


def test_a_cancel_does_not_wait_for_what_an_earlier_attempt_has_left_in_the_servers_queue(
    world: World,
) -> None:
    """It is interrupted when its turn comes, before anything else is sent there."""
    world.run()
    with world.forge.held(step=0):
        human = world.forge.human_job(steps=2)
        world.forge.wait_until(lambda forge: forge.active_task == human.task_id)
        job = world.submit()
        world.until(lambda: world.queue.get(job.id).task_id in world.forge.waiting_tasks)
        world.close(grace=0)
        world.queue.resume()
        world.until(lambda: len(world.queue.get(job.id).attempts) == 2)
        sent = world.forge.counts["POST /sdapi/v1/txt2img"]

        assert world.queue.cancel(job.id).status is JobStatus.CANCELLED
        assert world.forge.active_task == human.task_id
        assert world.forge.counts["POST /sdapi/v1/txt2img"] == sent
        following = world.submit()

    assert world.finish(following).status is JobStatus.COMPLETED
    assert world.queue.get(job.id).status is JobStatus.CANCELLED
