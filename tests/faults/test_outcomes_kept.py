"""What came of a job is kept in hand while the storage is away, and kept there when it is back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.accounts import check_accounts
from tests.faults.flaky import Away, leave_unconfirmed
from tests.worlds import World

from stablequeue_core import Job, JobStatus
from stablequeue_core.dispatch.running.patience import PASSING
from stablequeue_core.dispatch.running.recovery import recover
from stablequeue_core.errors import QueueClosed, StorageCorrupt, StorageError, StorageUnreachable
from stablequeue_core.jobs import AttemptOutcome
from stablequeue_core.storage import Storage
from stablequeue_core.testing.forge_simulator import Fault

AWAY = StorageUnreachable("Nobody answers.")
DAMAGED = StorageCorrupt("The queue database is damaged.")
UNCERTAIN = StorageUnreachable("It is not known whether it was kept.")


@pytest.fixture
def away(storage: Storage) -> Away:
    """Lets the storage be away."""
    return Away(storage)


@pytest.fixture
def world(tmp_path: Path, storage: Storage, away: Away) -> Iterator[World]:
    """A queue in that storage, with one server."""
    made = World(tmp_path / "queue", storage=storage)
    yield made
    away.end()
    made.close(grace=0)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What is said, down to the last word."""
    caplog.set_level("INFO")
    return caplog


def in_hand(
    world: World,
    away: Away,
    log: pytest.LogCaptureFixture,
    error: StorageError = AWAY,
    **params: Any,
) -> Job:
    """A job that its server has ended while the storage was away, as it was then."""
    with world.forge.held(step=1):
        job = world.until_running(world.submit(**params))
        away.begin(error)
    world.until(lambda: f"keeping what came of job {job.id} has to wait: " in log.text)
    return job


def files(world: World) -> list[Path]:
    """What lies in the folder of the pictures."""
    return list((world.folder / "images").glob("*.png"))


def pictures(world: World) -> dict[str, bytes]:
    """The same, with what is in it; nothing may be taken away meanwhile."""
    return {path.name: path.read_bytes() for path in files(world)}


@pytest.mark.parametrize("kind", PASSING)
def test_the_pictures_that_were_made_first_are_kept_when_the_storage_is_back(
    world: World, away: Away, log: pytest.LogCaptureFixture, kind: type[StorageError]
) -> None:
    job = in_hand(world, away, log, kind("It is away."), num_images=2)
    first = pictures(world)
    assert len(first) == 2
    assert world.queue.get(job.id).status is JobStatus.PROCESSING
    away.end()

    (done,) = check_accounts(world.queue, [job])

    assert done.status is JobStatus.COMPLETED
    assert len(done.attempts) == 1
    assert {path.name: path.read_bytes() for path in done.images} == first
    assert len(world.forge.rendered) == 2


def test_meanwhile_its_server_stays_idle_which_is_said_once(
    world: World, away: Away, log: pytest.LogCaptureFixture
) -> None:
    job = in_hand(world, away, log)
    others = [world.submit() for _ in range(2)]
    assert {world.queue.get(other.id).status for other in others} == {JobStatus.PENDING}
    assert len(world.forge.rendered) == 1
    away.end()

    check_accounts(world.queue, [job, *others])

    assert len(world.forge.rendered) == 3
    of_the_job = [r.getMessage() for r in log.records if f"came of job {job.id}" in r.getMessage()]
    waits = f"Server 'Laptop' stays idle: keeping what came of job {job.id} has to wait"
    assert of_the_job == [
        f"{waits}: Nobody answers.",
        f"What came of job {job.id} is kept now; server 'Laptop' goes on.",
    ]


def test_a_failure_is_kept_as_it_was_and_the_job_tried_again(
    world: World, away: Away, log: pytest.LogCaptureFixture
) -> None:
    world.run()
    world.forge.faults.next("txt2img", Fault.FOREIGN_INTERRUPT, at_step=2)
    job = in_hand(world, away, log)
    away.end()

    done = world.finish(job)

    assert [(attempt.outcome, attempt.error) for attempt in done.attempts] == [
        (AttemptOutcome.FAILED, "foreign_interrupt"),
        (AttemptOutcome.COMPLETED, None),
    ]
    assert done.failures == 1


def test_who_cancels_the_job_meanwhile_gets_no_picture(
    world: World, away: Away, log: pytest.LogCaptureFixture
) -> None:
    """Somebody can write while we cannot: the database is only busy, or away for us."""
    job = in_hand(world, away, log)
    world.queue.cancel(job.id, timeout=0)
    away.end()

    assert world.finish(job).status is JobStatus.CANCELLED
    world.until(lambda: not files(world))


def test_who_cancels_a_job_meanwhile_whose_answer_was_lost_has_it_stopped(
    world: World, away: Away, log: pytest.LogCaptureFixture
) -> None:
    world.forge.faults.next("txt2img", Fault.LOSE_ANSWER)
    job = in_hand(world, away, log)
    world.queue.cancel(job.id, timeout=0)
    away.end()

    ended, other = check_accounts(world.queue, [job, world.submit()])

    assert (ended.status, other.status) == (JobStatus.CANCELLED, JobStatus.COMPLETED)


def test_a_job_that_another_process_has_given_back_meanwhile_ends_with_one_result(
    world: World, storage: Storage, away: Away, log: pytest.LogCaptureFixture
) -> None:
    """Whoever comes too late keeps nothing."""
    job = in_hand(world, away, log)
    first = pictures(world)
    now, most = storage.clock.now(), world.settings.max_losses
    assert recover(
        storage.jobs, world.queue.images, storage.jobs.get(job.id), None, now=now, max_losses=most
    )
    away.end()

    (done,) = check_accounts(world.queue, [job])

    assert done.status is JobStatus.COMPLETED
    assert [attempt.error for attempt in done.attempts] == ["worker_gone", None]
    assert "or lost touch with the database" in (done.attempts[0].message or "")
    assert pictures(world).keys().isdisjoint(first)


@pytest.mark.parametrize("storage", ["memory"], indirect=True)
def test_a_close_meanwhile_waits_for_the_storage_as_long_as_it_waits_for_jobs(
    world: World, storage: Storage, away: Away, log: pytest.LogCaptureFixture
) -> None:
    job = in_hand(world, away, log)
    closing = threading.Thread(target=world.queue.close, kwargs={"grace": 30})
    closing.start()
    world.until(lambda: is_closed(world))
    away.end()
    closing.join()

    done = storage.jobs.get(job.id)
    assert done.status is JobStatus.COMPLETED
    assert len(done.attempts) == 1


@pytest.mark.parametrize("storage", ["memory"], indirect=True)
def test_a_close_without_grace_tries_a_last_time(
    world: World, storage: Storage, away: Away, log: pytest.LogCaptureFixture
) -> None:
    job = in_hand(world, away, log)
    away.end()
    world.close(grace=0)

    assert storage.jobs.get(job.id).status is JobStatus.COMPLETED


@pytest.mark.parametrize("storage", ["memory"], indirect=True)
def test_what_could_not_be_kept_before_a_close_is_left_to_recovery(
    world: World, storage: Storage, away: Away, log: pytest.LogCaptureFixture
) -> None:
    job = in_hand(world, away, log)
    world.close(grace=0)
    assert storage.jobs.get(job.id).status is JobStatus.PROCESSING
    assert [record.getMessage() for record in log.records if record.exc_info] == []
    away.end()

    (done,) = check_accounts(world.queue, [job])

    assert done.status is JobStatus.COMPLETED
    assert [attempt.error for attempt in done.attempts] == ["worker_gone", None]
    assert {picture.seed for picture in world.forge.rendered} == {done.seed}


def test_a_result_that_was_kept_although_nobody_could_say_so_keeps_its_pictures(
    world: World, storage: Storage
) -> None:
    leave_unconfirmed(storage, "replace", UNCERTAIN)

    (done,) = check_accounts(world.queue, [world.submit()])

    assert done.status is JobStatus.COMPLETED
    assert len(done.attempts) == 1
    assert len(world.forge.rendered) == 1


def test_a_job_that_was_begun_although_nobody_could_say_so_says_that_nothing_was_sent(
    world: World, storage: Storage
) -> None:
    leave_unconfirmed(storage, "claim", UNCERTAIN)

    (done,) = check_accounts(world.queue, [world.submit()])

    assert done.status is JobStatus.COMPLETED
    assert [attempt.error for attempt in done.attempts] == ["not_kept", None]
    assert "so nothing was sent to the server" in (done.attempts[0].message or "")
    assert done.losses == 0
    assert len(world.forge.rendered) == 1


def test_what_the_storage_refuses_is_made_again_and_the_ledger_says_why(
    world: World, away: Away, log: pytest.LogCaptureFixture
) -> None:
    """Damage does not pass by itself."""
    with world.forge.held(step=1):
        job = world.until_running(world.submit())
        away.begin(DAMAGED)
    world.until(lambda: "The lane of server 'Laptop' has to wait: " in log.text)
    away.end()

    (done,) = check_accounts(world.queue, [job])

    assert done.status is JobStatus.COMPLETED
    assert [(attempt.outcome, attempt.error) for attempt in done.attempts] == [
        (AttemptOutcome.LOST, "not_kept"),
        (AttemptOutcome.COMPLETED, None),
    ]
    assert done.attempts[0].message == (
        "What it made could not be kept: The queue database is damaged. It runs again."
    )
    assert (done.failures, done.losses) == (0, 0)


def is_closed(world: World) -> bool:
    """Whether the queue takes no more jobs."""
    try:
        world.queue.status()
    except QueueClosed:
        return True
    return False
