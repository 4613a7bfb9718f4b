"""What happens to a job when its server, the network or the disk fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.dispatch.supply_worlds import INK, SupplyWorld
from tests.worlds import PONY, SDXL, World, with_settings

from stablequeue_core import Job, JobStatus, ServerStatus
from stablequeue_core.errors import StorageUnreachable
from stablequeue_core.images.folder import FolderImageStore
from stablequeue_core.jobs import AttemptOutcome
from stablequeue_core.testing.forge_simulator import (
    CheckpointFile,
    Fault,
    Phase,
    SimulatedForge,
)
from stablequeue_core.testing.full_disk import FullDiskImageStore


def outcomes(job: Job) -> list[tuple[AttemptOutcome | None, str | None]]:
    return [(attempt.outcome, attempt.error) for attempt in job.attempts]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.OUT_OF_MEMORY, "out_of_memory"),
        (Fault.INTERNAL_ERROR, "server_fault"),
        (Fault.GARBAGE, "garbled_answer"),
        (Fault.TRUNCATED_JSON, "garbled_answer"),
        (Fault.FOREIGN_INTERRUPT, "foreign_interrupt"),
    ],
)
def test_a_server_that_breaks_once_is_tried_again_with_the_same_seed(
    world: World, fault: Fault, error: str
) -> None:
    world.forge.faults.next("txt2img", fault)

    done = world.run()

    assert done.status is JobStatus.COMPLETED
    assert outcomes(done) == [
        (AttemptOutcome.FAILED, error),
        (AttemptOutcome.COMPLETED, None),
    ]
    assert {picture.seed for picture in world.forge.rendered} == {done.seed}


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.RESET, Fault.BAD_GATEWAY])
def test_a_lost_answer_is_asked_about_and_made_again_with_the_same_seed(
    world: World, fault: Fault
) -> None:
    world.forge.faults.next("txt2img", fault)

    done = world.run()

    assert done.status is JobStatus.COMPLETED
    assert outcomes(done) == [
        (AttemptOutcome.LOST, "answer_lost"),
        (AttemptOutcome.COMPLETED, None),
    ]
    assert {picture.seed for picture in world.forge.rendered} == {done.seed}
    assert len(list(world.folder.glob("images/*.png"))) == 1


def test_a_server_that_breaks_every_time_fails_the_job_with_the_whole_story(world: World) -> None:
    world.forge.faults.next("txt2img", Fault.OUT_OF_MEMORY, times=None)

    failed = world.run()

    assert failed.status is JobStatus.FAILED
    assert failed.failure is not None
    assert failed.failure.code == "out_of_memory"
    assert len(failed.attempts) == world.settings.max_attempts
    assert f"It was tried {world.settings.max_attempts} times: 'Laptop': out_of_memory; " in (
        failed.failure.message
    )
    assert len(failed.failure.details["attempts"]) == world.settings.max_attempts


def test_an_unreachable_server_uses_up_no_attempt_and_the_job_runs_when_it_is_back(
    world: World,
) -> None:
    world.run()
    with world.forge.unplugged():
        job = world.submit()
        world.until(lambda: len(world.queue.get(job.id).attempts) == 1)
        world.until(lambda: world.queue.servers.health("Laptop").status is ServerStatus.OFFLINE)

    done = world.finish(job)
    assert done.status is JobStatus.COMPLETED
    assert done.failures == 0
    assert outcomes(done)[0] == (AttemptOutcome.UNREACHABLE, "server_unreachable")


def test_jobs_wait_as_pending_while_the_server_was_never_there(world: World) -> None:
    world.forge.phase = Phase.DOWN
    job = world.submit()
    world.until(lambda: world.queue.servers.health("Laptop").status is ServerStatus.OFFLINE)

    assert world.queue.get(job.id).status is JobStatus.PENDING
    assert world.queue.get(job.id).attempts == ()

    world.forge.phase = Phase.READY
    assert world.finish(job).status is JobStatus.COMPLETED


def test_a_server_without_its_api_says_so_and_keeps_its_jobs(tmp_path: Path) -> None:
    world = World(tmp_path, {"Laptop": SimulatedForge.with_sample_models(api=False)})
    job = world.submit()
    world.until(lambda: world.queue.servers.health("Laptop").status is ServerStatus.NO_API)

    assert "--api" in (world.queue.servers.health("Laptop").last_error or "")
    assert world.queue.get(job.id).status is JobStatus.PENDING
    world.close()


def test_a_server_that_wants_a_password_gets_jobs_once_it_is_right(tmp_path: Path) -> None:
    world = World(
        tmp_path, {"Laptop": SimulatedForge.with_sample_models(api_auth=("ann", "s3cret"))}
    )
    job = world.submit()
    world.until(lambda: world.queue.servers.health("Laptop").status is ServerStatus.UNAUTHORIZED)

    world.queue.servers.update("Laptop", {"username": "ann", "password": "s3cret"})

    done = world.finish(job)
    assert done.status is JobStatus.COMPLETED
    assert "s3cret" not in repr(world.queue.servers.get("Laptop"))
    world.close()


def test_a_poisoned_server_is_cured_by_a_run_with_another_checkpoint(world: World) -> None:
    world.run(checkpoint_name=PONY)
    world.forge.disk.add(CheckpointFile(path="broken.safetensors", broken=True))
    broken = world.run(checkpoint_name="broken.safetensors")

    done = world.run(checkpoint_name=PONY)

    assert broken.failure is not None
    assert broken.failure.code == "checkpoint_unreadable"
    assert done.status is JobStatus.COMPLETED
    assert done.failures == 0


def test_a_job_without_any_progress_is_given_up_and_tried_again(tmp_path: Path) -> None:
    settings = with_settings(stall_base=0.1, stall_per_megapixel_step=0.001)
    world = World(tmp_path, settings=settings)
    world.forge.faults.next("txt2img", Fault.HANG)

    done = world.run()

    assert done.status is JobStatus.COMPLETED
    assert outcomes(done)[0] == (AttemptOutcome.LOST, "stalled")
    world.forge.faults.release()
    world.close()


def test_a_job_that_stalls_on_the_server_is_interrupted_there_before_it_runs_again(
    tmp_path: Path,
) -> None:
    settings = with_settings(stall_base=0.1, stall_per_megapixel_step=0.001)
    world = World(tmp_path, settings=settings)
    with world.forge.held(step=1):
        job = world.submit()
        world.until(lambda: world.forge.counts["POST /sdapi/v1/interrupt"] >= 1)

    done = world.finish(job)
    assert done.status is JobStatus.COMPLETED
    assert [p.finished for p in world.forge.rendered] == [False, True]
    world.close()


def test_a_full_disk_fails_the_job_with_that_reason_and_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    disk = FullDiskImageStore(FolderImageStore(tmp_path / "images"))
    world = World(tmp_path, images=disk)

    failed = world.run()

    assert failed.failure is not None
    assert failed.failure.code == "disk_full"
    assert len(failed.attempts) == 1
    world.close()


def test_a_job_whose_models_cannot_be_looked_up_now_waits_until_they_can(tmp_path: Path) -> None:
    """Nothing was sent, so nothing was tried."""
    world = SupplyWorld(tmp_path)
    world.orders.refusals[INK] = StorageUnreachable("Nobody answers.")
    job = world.wanting()
    reason = "What the job lacks could not be looked up. Nobody answers."
    world.until(lambda: world.queue.get(job.id).waiting_reason == reason)
    world.orders.refusals.clear()

    waiting = world.until_waiting(job)

    assert waiting.attempts == ()
    assert waiting.losses == 0
    world.close(grace=0)


def test_a_checkpoint_that_vanished_since_the_list_was_read_is_caught_by_the_proof(
    world: World,
) -> None:
    world.run(checkpoint_name=SDXL)
    world.forge.disk.remove(PONY)
    world.forge.restart()

    failed = world.run(checkpoint_name=PONY)

    assert failed.status is JobStatus.FAILED
    assert failed.images == ()
    assert failed.failure is not None
    assert failed.failure.code in ("wrong_model", "unknown_checkpoint")


def test_a_picture_is_not_trusted_while_it_cannot_be_asked_whether_it_was_interrupted(
    world: World,
) -> None:
    world.run()
    world.forge.faults.next("txt2img", Fault.FOREIGN_INTERRUPT, at_step=1)
    world.forge.faults.next("/sdapi/v1/progress", Fault.UNAVAILABLE, times=6)

    done = world.run()

    assert done.status is JobStatus.COMPLETED
    assert done.attempts[0].error in ("answer_lost", "foreign_interrupt")
    assert world.forge.rendered[-1].finished
    assert len(done.images) == 1
