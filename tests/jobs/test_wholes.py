"""A job that is made in parts stands, at every moment, as its parts do."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.jobs.hands import SPLIT, Hands, hands

from stablequeue_core import EventKind, Job, JobStatus
from stablequeue_core.dispatch.upkeep.joining import Joining
from stablequeue_core.errors import (
    JobIsPart,
    JobNotCancellable,
    JobNotFound,
    JobNotPending,
    JobNotRetryable,
    JobStillRunning,
    UnreadableJob,
    WaitTimedOut,
)
from stablequeue_core.jobs import JobStore, Submission, event_of
from stablequeue_core.storage.memory.jobs import MemoryJobs


def test_a_big_batch_for_any_server_is_cut_and_only_the_whole_is_seen(split: Hands) -> None:
    whole = split.submit()

    assert [part.params["num_images"] for part in split.queue.parts(whole.id)] == [2, 2, 2]
    assert [job.id for job in split.queue.list().jobs] == [whole.id]
    assert split.queue.status().jobs[JobStatus.PENDING] == 1
    assert split.queue.get(whole.id).parts == whole.parts


def test_a_batch_is_cut_only_if_the_setting_says_so(plain: Hands) -> None:
    assert plain.queue.parts(plain.submit().id) == ()


def test_a_batch_for_a_server_by_name_is_not_cut(split: Hands) -> None:
    assert split.submit("Tower").parts == ()


def test_a_batch_for_a_group_is_cut_among_its_servers(split: Hands) -> None:
    for alias in ("One", "Two"):
        split.queue.servers.add(alias, f"http://{alias}:7860", tags=("studio",))

    assert len(split.submit("auto:studio").parts) == 2


def test_servers_that_are_switched_off_do_not_count(split: Hands) -> None:
    split.queue.servers.update("Attic", {"enabled": False})

    assert len(split.submit().parts) == 2


def test_a_batch_below_twice_the_smallest_part_is_not_cut(tmp_path: Path) -> None:
    with hands(tmp_path, evolve(SPLIT, split_smallest=4)) as split:
        assert split.submit().parts == ()


def test_pictures_are_joined_whatever_a_backend_of_others_calls_a_proof(split: Hands) -> None:
    whole = split.submit()
    for part in [split.start() for _ in whole.parts]:
        split.complete(part, checkpoint="pony")
    split.join()

    assert split.status_of(whole) is JobStatus.COMPLETED


def test_the_whole_is_never_claimed_and_stands_in_nobody_s_way(split: Hands) -> None:
    whole = split.submit()

    claimed = [split.start().id for _ in whole.parts]

    assert claimed == list(whole.parts)
    assert split.claim() is None


def test_the_whole_begins_with_its_first_part_and_ends_with_its_last(split: Hands) -> None:
    whole = split.submit()
    assert split.queue.position(whole) == 0

    first = split.start()
    split.join()
    assert split.status_of(whole) is JobStatus.PROCESSING
    others = [split.start("Laptop"), split.start("Attic")]
    for part in reversed([first, *others]):
        split.complete(part)
        assert split.status_of(whole) is JobStatus.PROCESSING
        split.join()

    assert split.status_of(whole) is JobStatus.COMPLETED


def test_pictures_and_answers_are_joined_in_the_order_of_the_pictures(split: Hands) -> None:
    whole = split.submit(idempotency_key="once")
    parts = [split.start(server) for server in ("Tower", "Laptop", "Attic")]
    for part in reversed(parts):
        split.complete(part)

    split.join()

    result = split.queue.get(whole.id).result
    assert result is not None
    assert whole.seed is not None
    seeds = [whole.seed + index for index in range(6)]
    assert result.images == tuple(f"{index}.png" for index in range(6))
    assert result.generation_info["seed"] == whole.seed
    assert result.generation_info["all_seeds"] == seeds
    assert result.generation_info["infotexts"] == [f"Seed: {seed}" for seed in seeds]
    assert result.generation_info["sd_model_name"] == "pony"
    assert [part["server"] for part in result.proof["parts"]] == ["Tower", "Laptop", "Attic"]
    assert result.proof["checkpoint"]["got"] == "pony [1234567890]"
    assert "3 parts, on 'Attic', 'Laptop', 'Tower'" in result.info
    (again,) = split.queue.submit_many([Submission("auto", whole.params)], idempotency_key="once")
    assert again.id == whole.id


def test_two_files_of_one_name_on_two_servers_are_told_of(split: Hands) -> None:
    whole = split.submit()
    for file in ("pony [1111111111]", "pony [1111111111]", "pony [2222222222]"):
        split.complete(split.start(), checkpoint={"asked": "pony", "got": file})

    split.join()

    result = split.queue.get(whole.id).result
    assert result is not None
    assert "Not all servers have the same checkpoint file" in result.info
    assert result.proof["parts"][2]["checkpoint"]["got"] == "pony [2222222222]"


def test_a_part_that_fails_stops_the_others_and_the_whole_tells_its_story(split: Hands) -> None:
    whole = split.submit()
    done, bad, running = (split.start(server) for server in ("Tower", "Laptop", "Attic"))
    split.complete(done)
    split.fail(bad)

    split.join()
    assert split.status_of(whole) is JobStatus.PROCESSING
    assert split.queue.get(running.id).cancel_requested
    split.stop(running)
    split.join()

    failure = split.queue.get(whole.id).failure
    assert failure is not None
    assert failure.code == "out_of_memory"
    assert failure.message == "Part 2 of 3 has failed: It ran out of memory."
    assert failure.details["said"] == "OOM"
    assert failure.details["part"]["server"] == "Laptop"
    assert failure.details["parts_completed"] == 1


def test_a_part_that_fails_before_it_began_fails_a_whole_of_which_nothing_ran(
    split: Hands,
) -> None:
    """As one does whose model cannot be had."""
    whole = split.submit()
    split.fail(split.queue.parts(whole.id)[0])

    split.join()

    assert split.status_of(whole) is JobStatus.FAILED
    assert split.claim() is None


def test_a_retry_makes_only_what_is_not_there_yet(split: Hands) -> None:
    whole = split.submit()
    done, bad = split.start(), split.start()
    split.complete(done)
    split.fail(bad)
    split.join()
    assert split.status_of(whole) is JobStatus.FAILED

    assert split.queue.retry(whole.id).status is JobStatus.PROCESSING
    again = [split.start(), split.start()]
    assert [job.id for job in again] == list(whole.parts[1:])
    for part in again:
        split.complete(part)
    split.join()

    result = split.queue.get(whole.id).result
    assert result is not None
    assert len(result.images) == 6


def test_a_job_whose_parts_wait_again_waits_itself(split: Hands) -> None:
    whole = split.submit()
    part = split.start()
    split.join()
    split.lose(part)

    split.join()

    assert split.status_of(whole) is JobStatus.PENDING


def test_cancelling_before_anything_runs_needs_no_dispatcher(split: Hands) -> None:
    whole = split.submit()

    assert split.queue.cancel(whole.id).status is JobStatus.CANCELLED
    assert {part.status for part in split.queue.parts(whole.id)} == {JobStatus.CANCELLED}
    with pytest.raises(JobNotCancellable):
        split.queue.cancel(whole.id)


def test_cancelling_asks_the_parts_that_run_and_waits_for_them(split: Hands) -> None:
    whole = split.submit()
    running = split.start()
    split.join()

    asked = split.queue.cancel(whole.id)

    assert (asked.status, asked.cancel_requested) == (JobStatus.PROCESSING, True)
    assert [part.status for part in split.queue.parts(whole.id)] == [
        JobStatus.PROCESSING,
        JobStatus.CANCELLED,
        JobStatus.CANCELLED,
    ]
    split.stop(running)
    split.join()
    assert split.status_of(whole) is JobStatus.CANCELLED


def test_a_wish_to_cancel_outlives_the_process_that_was_told_of_it(split: Hands) -> None:
    whole = split.submit()
    asked = split.queue.get(whole.id).request_cancel(now=split.clock.now())
    split.storage.jobs.replace(asked, event_of(EventKind.JOB_CANCEL_REQUESTED, asked))

    split.join()

    assert split.status_of(whole) is JobStatus.CANCELLED


def test_holding_the_whole_holds_its_parts(split: Hands) -> None:
    whole = split.submit(hold=True)
    assert split.claim() is None

    split.queue.release(whole.id)
    assert split.start().part_of == whole.id


def test_a_whole_of_which_a_part_runs_cannot_be_held_whoever_has_seen_it(split: Hands) -> None:
    whole = split.submit()
    split.start()

    with pytest.raises(JobNotPending):
        split.queue.hold(whole.id)
    assert split.claim() is not None


def test_a_hold_that_comes_too_late_does_not_hold_the_rest_for_ever(split: Hands) -> None:
    whole = split.submit()
    split.start()
    held = split.queue.get(whole.id).hold(now=split.clock.now())
    split.storage.jobs.replace(held, event_of(EventKind.JOB_HELD, held))

    split.join()

    assert not split.queue.get(whole.id).held
    assert split.claim() is not None


def test_moving_the_whole_moves_its_parts_in_their_order(split: Hands) -> None:
    split.submit("Tower")
    whole = split.submit()

    split.queue.move_to_front(whole.id)

    assert [split.start().id for _ in whole.parts] == list(whole.parts)


def test_the_whole_stands_where_the_first_of_its_parts_stands(split: Hands) -> None:
    ahead = [split.queue.submit("auto", positive_prompt="x") for _ in range(2)]
    whole = split.submit()

    assert split.queue.position(whole) == len(ahead)


def test_parts_have_the_priority_and_the_client_of_the_whole(split: Hands) -> None:
    whole = split.submit(priority=3, client_id="studio-7")

    found = {(part.priority, part.client_id) for part in split.queue.parts(whole.id)}
    assert found == {(3, "studio-7")}


def test_deleting_the_whole_leaves_nothing_of_it(split: Hands) -> None:
    whole = split.submit()

    split.queue.delete(whole.id)

    assert split.claim() is None
    for job_id in (whole.id, *whole.parts):
        with pytest.raises(JobNotFound):
            split.queue.get(job_id)


def test_a_whole_of_which_a_part_still_runs_is_not_deleted(split: Hands) -> None:
    whole = split.submit()
    split.start()

    with pytest.raises(JobStillRunning):
        split.queue.delete(whole.id)
    assert split.queue.get(whole.id).cancel_requested


@pytest.mark.parametrize("wish", ["cancel", "retry", "hold", "release", "move_to_front", "delete"])
def test_a_part_does_what_its_whole_does_and_nothing_else(split: Hands, wish: str) -> None:
    """Retried alone it would run for nobody, deleted alone its pictures would be missed."""
    whole = split.submit()

    with pytest.raises(JobIsPart) as caught:
        getattr(split.queue, wish)(whole.parts[1])

    assert caught.value.details["part_of"] == whole.id
    assert split.status_of(whole) is JobStatus.PENDING


def test_a_part_that_is_gone_cancels_the_rest(split: Hands) -> None:
    """An earlier version let users delete it."""
    whole = split.submit()
    part = split.queue.get(whole.parts[1])
    split.storage.jobs.delete(part, event_of(EventKind.JOB_DELETED, part))

    split.join()

    assert split.status_of(whole) is JobStatus.CANCELLED


def test_waiting_for_the_whole_is_waiting_for_its_end(split: Hands) -> None:
    whole = split.submit()
    with pytest.raises(WaitTimedOut):
        split.queue.wait(whole.id, timeout=0.01)
    for _ in whole.parts:
        split.complete(split.start())
    split.join()

    assert split.queue.wait(whole.id, timeout=0).status is JobStatus.COMPLETED


def test_a_completed_whole_cannot_be_tried_again(split: Hands) -> None:
    whole = split.submit()
    for _ in whole.parts:
        split.complete(split.start())
    split.join()

    with pytest.raises(JobNotRetryable):
        split.queue.retry(whole.id)
    assert {part.status for part in split.queue.parts(whole.id)} == {JobStatus.COMPLETED}


def test_the_events_of_parts_say_whose_they_are(split: Hands) -> None:
    whole = split.submit()
    split.complete(split.start())
    split.join()

    told = {
        event.job_id: event.data.get("part_of") for event in split.queue.events() if event.job_id
    }
    assert told == {whole.id: None, **dict.fromkeys(whole.parts, whole.id)}


def test_a_batch_is_joined_once_however_many_processes_look_at_it(split: Hands) -> None:
    whole = split.submit()
    for _ in whole.parts:
        split.complete(split.start())

    together = threading.Barrier(8)

    def look() -> None:
        together.wait(5)
        split.join()

    lookers = [threading.Thread(target=look) for _ in range(8)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join(5)

    told = [event.kind.value for event in split.queue.events() if event.job_id == whole.id]
    assert told == ["job.submitted", "job.started", "job.completed"]


SERVERS_DO = ("start", "complete", "fail", "lose", "join")
USERS_DO = ("hold", "release", "move_to_front", "cancel", "retry")


def act(split: Hands, whole: Job, running: list[str], step: str) -> None:
    """One step of a story; one that makes no sense now is left out."""
    if step in USERS_DO:
        with suppress(JobNotPending, JobNotCancellable, JobNotRetryable):
            wish = partial(split.queue.cancel, timeout=0) if step == "cancel" else None
            (wish or getattr(split.queue, step))(whole.id)
    elif step == "join":
        split.join()
    elif step == "start":
        job = split.claim()
        running += [job.id] if job else []
    elif running:
        job = split.queue.get(running.pop(0))
        (split.stop if job.cancel_requested else getattr(split, step))(job)


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    st.integers(6, 16),
    st.lists(st.sampled_from([*SERVERS_DO, *USERS_DO]), max_size=30),
)
def test_whatever_was_done_to_a_batch_its_pictures_come_in_the_end_each_once_and_in_order(
    pictures: int, story: list[str]
) -> None:
    """Runs, losses, wishes and looks in any order; each look is that of another process."""
    with TemporaryDirectory() as folder, hands(Path(folder)) as split:
        whole, running = split.submit(images=pictures), list[str]()
        for step in story:
            act(split, whole, running, step)

        everything = [*["complete"] * 3, "join", "retry", "release", *["start"] * 3]
        for step in everything * 3 + ["join"]:
            act(split, whole, running, step)

        end = split.queue.get(whole.id)
        assert end.result is not None, (end.status, end.failure)
        assert end.result.images == tuple(f"{index}.png" for index in range(pictures))
        assert {part.status for part in split.queue.parts(whole.id)} == {JobStatus.COMPLETED}


@given(st.lists(st.sampled_from(SERVERS_DO), max_size=30))
@hypothesis_settings(max_examples=40, deadline=None)
def test_a_batch_never_stands_otherwise_than_its_parts(story: list[str]) -> None:
    with TemporaryDirectory() as folder, hands(Path(folder)) as split:
        whole, running = split.submit(), list[str]()
        for step in story:
            act(split, whole, running, step)
            split.join()

            present = split.queue.get(whole.id)
            standing = {part.status for part in split.queue.parts(whole.id)}
            if present.status is JobStatus.COMPLETED:
                assert standing == {JobStatus.COMPLETED}
            elif present.status is JobStatus.FAILED:
                assert JobStatus.FAILED in standing
                assert all(status.ended for status in standing)
            elif present.status is JobStatus.PENDING:
                assert standing == {JobStatus.PENDING}
            else:
                assert standing - {JobStatus.PENDING}
                assert standing != {JobStatus.COMPLETED}


class OneUnreadable(MemoryJobs):
    """The parts of one job cannot be read."""

    def __init__(self, jobs: JobStore, unreadable: str, error: Exception) -> None:
        vars(self).update(vars(jobs))
        self._unreadable = unreadable
        self._error = error

    def parts_of(self, job_id: str) -> Sequence[Job]:
        if job_id == self._unreadable:
            raise self._error
        return super().parts_of(job_id)


@pytest.mark.parametrize(
    "error", [ValueError("Nobody knows what this means."), UnreadableJob("its-part", 7)], ids=type
)
def test_a_batch_that_cannot_be_joined_holds_up_no_other(split: Hands, error: Exception) -> None:
    broken, whole = split.submit(), split.submit()
    for part in [split.start() for _ in (*broken.parts, *whole.parts)]:
        split.complete(part)
    Joining(OneUnreadable(split.storage.jobs, broken.id, error), split.clock).settle()

    assert split.status_of(whole) is JobStatus.COMPLETED
