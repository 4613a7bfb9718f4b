"""The queue as its user sees it, from Python alone."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from tests.worlds import World

from stablequeue_core import JobStatus, StableQueue, Submission
from stablequeue_core.errors import (
    IdempotencyKeyReused,
    InvalidParams,
    JobNotFound,
    JobNotRetryable,
    QueueClosed,
    ServerExists,
    ServerNotFound,
    WaitTimedOut,
)
from stablequeue_core.storage.memory import MemoryStorage

CAT = {"positive_prompt": "a cat", "width": 64, "height": 64, "steps": 1}


def test_a_job_takes_a_dictionary_or_keywords_or_both(world: World) -> None:
    world.queue.pause()
    job = world.queue.submit("Laptop", CAT, steps=3)

    assert job.params == {**CAT, "steps": 3}
    assert job.status is JobStatus.PENDING


def test_many_jobs_are_accepted_in_one_call_or_none_is(world: World) -> None:
    world.queue.pause()
    jobs = world.queue.submit_many(Submission("Laptop", {**CAT, "seed": n}) for n in range(5))
    with pytest.raises(InvalidParams):
        world.queue.submit_many([Submission("Laptop", CAT), Submission("Laptop", {"steps": 0})])

    assert len(jobs) == world.queue.list().total == 5


def test_an_unknown_server_is_refused_with_the_names_of_those_there_are(world: World) -> None:
    with pytest.raises(ServerNotFound, match="Laptop"):
        world.queue.submit("Desktop", CAT)


def test_the_same_key_gives_the_same_job_and_another_body_is_refused(world: World) -> None:
    first = world.queue.submit("Laptop", CAT, idempotency_key="k")

    assert world.queue.submit("Laptop", CAT, idempotency_key="k").id == first.id
    with pytest.raises(IdempotencyKeyReused):
        world.queue.submit("Laptop", {**CAT, "steps": 2}, idempotency_key="k")


@pytest.mark.parametrize("key", ["", "k" * 256, "half \ud800", "a\0b", 5])
def test_a_key_that_no_database_keeps_is_refused_by_all(world: World, key: Any) -> None:
    with pytest.raises(InvalidParams, match="idempotency_key"):
        world.queue.submit("Laptop", CAT, idempotency_key=key)
    assert world.queue.list().total == 0


@pytest.mark.parametrize("number", [-5, -(10**30), 10**30])
def test_numbers_beyond_all_lists_are_taken_for_the_nearest(world: World, number: int) -> None:
    world.queue.pause()
    for _ in range(2):
        world.submit()
    is_huge = number > 0
    assert len(world.queue.list(limit=number).jobs) == (2 if is_huge else 0)
    assert len(world.queue.list(offset=number).jobs) == (0 if is_huge else 2)
    assert bool(world.queue.events(limit=number)) is is_huge
    assert bool(world.queue.events(after=number)) is not is_huge
    assert not world.queue.models.find(limit=abs(number)).models
    assert not world.queue.downloads.list(limit=number).downloads


def test_a_moment_is_given_back_as_it_is_kept(world: World) -> None:
    moment = datetime(2031, 5, 1, 8, 0, 0, 123456, timezone(timedelta(hours=2)))
    job = world.queue.submit("Laptop", CAT, not_before=moment)
    assert job.not_before == world.queue.get(job.id).not_before
    assert job.not_before == datetime(2031, 5, 1, 6, 0, 0, 123000, UTC)


def test_jobs_are_listed_by_status_and_page(world: World) -> None:
    world.queue.pause()
    jobs = [world.submit() for _ in range(3)]
    world.queue.cancel(jobs[1].id)

    assert world.queue.list(status=JobStatus.CANCELLED).total == 1
    page = world.queue.list(limit=1, offset=1, newest_first=False)
    assert (page.total, len(page.jobs)) == (3, 1)
    assert world.queue.status().jobs[JobStatus.PENDING] == 2


def test_waiting_gives_up_when_told_and_the_job_goes_on(world: World) -> None:
    with world.forge.held(step=1):
        job = world.submit()
        with pytest.raises(WaitTimedOut, match="goes on"):
            world.queue.wait(job.id, timeout=0.05)

    assert world.finish(job).status is JobStatus.COMPLETED


def test_progress_can_be_watched_to_the_end(world: World) -> None:
    with world.forge.held(step=2):
        job = world.submit(steps=4)
        watching = world.queue.watch(job.id, timeout=10)
        first = next(watching)
    rest = list(watching)

    assert 0 <= first.fraction < 1
    fractions = [first.fraction, *(progress.fraction for progress in rest)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert world.queue.get(job.id).status is JobStatus.COMPLETED


def test_a_queue_that_does_not_dispatch_runs_nothing(world: World) -> None:
    world.close()
    with world.open(dispatch=False) as web:
        web.servers.add("Laptop", world.url("Laptop"))
        job = web.submit("Laptop", CAT)
        with pytest.raises(WaitTimedOut):
            web.wait(job.id, timeout=0.1)
        assert not web.status().dispatching

    assert world.finish(job).status is JobStatus.COMPLETED


def test_a_failed_job_can_be_retried_after_the_cause_is_mended(world: World) -> None:
    failed = world.run(checkpoint_name="missing.safetensors")
    assert failed.status is JobStatus.FAILED

    world.queue.retry(failed.id)
    again = world.finish(failed)

    assert again.status is JobStatus.FAILED
    assert again.retry_count == 1
    with pytest.raises(JobNotRetryable):
        world.queue.retry(world.run().id)


def test_deleting_keeps_the_pictures_unless_told_otherwise(world: World) -> None:
    kept, gone = world.run(), world.run()

    world.queue.delete(kept.id)
    world.queue.delete(gone.id, delete_images=True)

    assert [path.exists() for path in (*kept.images, *gone.images)] == [True, False]
    with pytest.raises(JobNotFound):
        world.queue.get(kept.id)


def test_the_place_in_the_queue_counts_those_that_run_before(world: World) -> None:
    world.queue.pause()
    jobs = [world.submit() for _ in range(3)]
    first = world.queue.submit("Laptop", CAT, priority=1)

    assert [world.queue.position(job) for job in (*jobs, first)] == [1, 2, 3, 0]


def test_a_closed_queue_says_so(world: World) -> None:
    queue = world.queue
    world.close()

    with pytest.raises(QueueClosed):
        queue.submit("Laptop", CAT)
    queue.close()


def test_everything_may_be_called_from_many_threads_at_once(world: World) -> None:
    ids: list[str] = []

    def submit_some() -> None:
        ids.extend(world.submit().id for _ in range(5))

    world.queue.pause()
    threads = [threading.Thread(target=submit_some) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.queue.resume()

    assert len(set(ids)) == 40
    assert {world.queue.wait(i, timeout=20).status for i in ids} == {JobStatus.COMPLETED}


def test_the_queue_is_still_there_after_it_was_closed_and_opened(world: World) -> None:
    done = world.run()
    world.close()

    again = world.queue.get(done.id)
    assert again == done
    assert again.images == done.images


def test_the_queue_works_with_a_storage_that_only_remembers_while_it_lives(
    tmp_path: Path,
) -> None:
    world = World(tmp_path, storage=MemoryStorage())

    assert world.run().status is JobStatus.COMPLETED
    world.close()


def test_a_server_alias_is_taken_once(world: World) -> None:
    with pytest.raises(ServerExists):
        world.queue.servers.add("Laptop", "http://127.0.0.1:1")


def test_opening_twice_in_one_process_shares_the_queue(tmp_path: Path) -> None:
    with StableQueue.open(tmp_path, dispatch=False) as one:
        one.servers.add("Laptop", "http://127.0.0.1:1")
        with StableQueue.open(tmp_path, dispatch=False) as two:
            job = two.submit("Laptop", CAT)
            assert one.get(job.id) == job


def test_a_removed_server_is_no_target_any_more(world: World) -> None:
    world.finish(world.submit())

    world.queue.servers.remove("Laptop")

    with pytest.raises(ServerNotFound):
        world.queue.submit("Laptop", CAT)


def test_a_renamed_server_is_a_target_by_its_new_name_only(world: World) -> None:
    world.finish(world.submit())

    world.queue.servers.update("Laptop", {"alias": "Notebook"})

    with pytest.raises(ServerNotFound):
        world.queue.submit("Laptop", CAT)
    assert world.queue.submit("Notebook", CAT).target == "Notebook"


@pytest.mark.parametrize("priority", [10**7, -(2**63) - 1])
def test_a_priority_that_no_database_could_hold_is_refused(world: World, priority: int) -> None:
    with pytest.raises(InvalidParams, match="priority"):
        world.queue.submit("Laptop", CAT, priority=priority)


def test_a_pending_job_says_why_it_waits(world: World) -> None:
    world.run()
    world.queue.pause()
    job = world.submit()
    assert world.queue.waiting_reason(job) == "The queue is paused."

    world.queue.servers.pause("Laptop")
    world.queue.resume()
    assert world.queue.waiting_reason(job) == "Server 'Laptop' is paused."

    world.queue.servers.update("Laptop", {"paused": False, "api_url": "http://nowhere:7860"})
    world.until(lambda: "cannot be reached" in str(world.queue.waiting_reason(job)))


def test_a_job_that_no_server_can_run_says_what_is_missing(world: World) -> None:
    world.run()
    job = world.submit("auto", checkpoint_name="Pony/cyberrealisticPonny_v8.safetensors")

    assert "Nearest: Pony/cyberrealisticPony_v8" in str(world.queue.waiting_reason(job))
    assert world.queue.waiting_reason(world.run()) is None


def test_the_same_server_may_be_added_again_by_a_script_that_runs_twice(world: World) -> None:
    world.queue.servers.pause("Laptop")

    again = world.queue.servers.add("Laptop", world.url("Laptop"))

    assert again == world.queue.servers.get("Laptop")
    assert again.paused


def test_one_bad_submission_of_many_is_named(world: World) -> None:
    with pytest.raises(InvalidParams, match=r"submissions\[1\].steps"):
        world.queue.submit_many(
            [Submission("Laptop", CAT), Submission("Laptop", {**CAT, "steps": 0})]
        )


def test_a_status_may_be_given_as_text(world: World) -> None:
    world.run()

    assert world.queue.list(status="completed").total == 1


@pytest.mark.parametrize("priority", ["high", 1.5, True, None])
def test_a_priority_is_a_whole_number(world: World, priority: Any) -> None:
    with pytest.raises(InvalidParams, match="whole number"):
        world.queue.submit("Laptop", CAT, priority=priority)
