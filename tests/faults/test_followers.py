"""What came of a job is kept with the claim of the next one; neither is lost over the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.faults.accounts import check_accounts
from tests.faults.flaky import leave_unconfirmed, let_fail, replace_method
from tests.worlds import World

from stablequeue_core import Job, JobStatus
from stablequeue_core.errors import StaleJob, StorageCorrupt, StorageUnreachable, WaitTimedOut
from stablequeue_core.events import Event
from stablequeue_core.jobs import AttemptOutcome
from stablequeue_core.storage import Storage
from stablequeue_core.testing.forge_simulator import SimulatedForge

AWAY = StorageUnreachable("Nobody answers.")
UNCERTAIN = StorageUnreachable("It is not known whether it was kept.")
DAMAGED = StorageCorrupt("A row of the line cannot be read.")


@pytest.fixture
def world(tmp_path: Path, storage: Storage) -> Iterator[World]:
    """A queue in that storage, with one server."""
    made = World(tmp_path / "queue", storage=storage)
    yield made
    made.close(grace=0)


@contextmanager
def two_jobs(world: World) -> Iterator[tuple[Job, Job]]:
    """Two jobs, of which the first runs, and the second waits, to the end of the block."""
    with world.forge.held(step=1):
        first = world.until_running(world.submit())
        yield first, world.submit()


def test_a_job_that_waits_is_begun_with_the_end_of_the_one_before(
    world: World, storage: Storage
) -> None:
    """So the lane never has to ask for it."""
    with two_jobs(world) as jobs:
        let_fail(storage, "claim", AWAY)

    check_accounts(world.queue, jobs)

    assert len(world.forge.rendered) == 2


@pytest.mark.parametrize(
    "error", [UNCERTAIN, StaleJob("the first"), RuntimeError("The answer is broken.")], ids=repr
)
def test_a_result_whose_keeping_nobody_could_confirm_is_kept_and_its_follower_runs(
    world: World, storage: Storage, error: Exception
) -> None:
    """The follower was begun, too, but nothing was sent: its ledger says so."""
    with two_jobs(world) as jobs:
        leave_unconfirmed(storage, "finish_and_claim", error)

    first, second = check_accounts(world.queue, jobs)

    assert [first.status, second.status] == [JobStatus.COMPLETED] * 2
    assert [attempt.error for attempt in first.attempts] == [None]
    assert [attempt.error for attempt in second.attempts] == ["not_kept", None]
    assert second.losses == 0
    assert len(world.forge.rendered) == 2


@pytest.mark.parametrize("error", [DAMAGED, RuntimeError("The choice is broken.")], ids=str)
def test_a_result_is_kept_though_the_choice_of_the_next_job_fails(
    world: World, storage: Storage, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """The next one is found by the lane's own round."""
    caplog.set_level("INFO")
    with two_jobs(world) as jobs:
        tries = let_fail(storage, "finish_and_claim", error)

    first, second = check_accounts(world.queue, jobs)

    assert tries()
    assert f"Job {first.id} is to be kept alone" in caplog.text
    for job in (first, second):
        assert [attempt.outcome for attempt in job.attempts] == [AttemptOutcome.COMPLETED]
    assert len(world.forge.rendered) == 2


def test_a_job_that_its_user_cancels_at_the_last_moment_takes_no_other_with_it(
    world: World, storage: Storage
) -> None:
    real = storage.jobs
    with two_jobs(world) as jobs:

        def finish_too_late(done: Job, *args: Any, **given: Any) -> Any:
            storage.jobs = real
            with suppress(WaitTimedOut):
                world.queue.cancel(jobs[0].id, timeout=0)
            return real.finish_and_claim(done, *args, **given)

        replace_method(storage, "finish_and_claim", finish_too_late)

    ended, other = check_accounts(world.queue, jobs)

    assert (ended.status, other.status) == (JobStatus.CANCELLED, JobStatus.COMPLETED)
    assert len(other.attempts) == 1


def test_no_job_follows_in_a_queue_that_was_paused_meanwhile(world: World) -> None:
    with two_jobs(world) as (first, second):
        world.queue.pause()
    world.finish(first)
    assert world.queue.get(second.id).status is JobStatus.PENDING
    world.queue.resume()
    check_accounts(world.queue, [first, second])


def test_no_job_follows_on_a_server_that_was_paused_meanwhile(world: World) -> None:
    with two_jobs(world) as (first, second):
        world.queue.servers.update("Laptop", {"paused": True})
    world.finish(first)
    assert world.queue.get(second.id).status is JobStatus.PENDING
    world.queue.servers.update("Laptop", {"paused": False})
    check_accounts(world.queue, [first, second])


def test_a_server_whose_job_takes_long_to_be_kept_keeps_no_other_waiting(
    storage: Storage, tmp_path: Path
) -> None:
    """Where nothing may follow, its lane does not stand in the way of those that choose."""
    aliases = ("Laptop", "Desktop")
    world = World(
        tmp_path / "queue",
        {alias: SimulatedForge.with_sample_models() for alias in aliases},
        storage=storage,
    )
    for alias in aliases:
        world.run(alias)
    real, arrived, may_go_on = storage.jobs, threading.Event(), threading.Event()
    with world.forges["Laptop"].held(step=1):
        slow = world.until_running(world.submit("Laptop"))
        world.queue.servers.update("Laptop", {"paused": True})

        def keep_slowly(job: Job, event: Event) -> Job:
            if job.id == slow.id and job.status.ended:
                arrived.set()
                assert may_go_on.wait(30)
            return real.replace(job, event)

        replace_method(storage, "replace", keep_slowly)
    assert arrived.wait(30)

    assert world.run("Desktop").status is JobStatus.COMPLETED

    may_go_on.set()
    assert world.finish(slow).status is JobStatus.COMPLETED
    world.close()
