"""The life of a job: the table is the only way, and an illegal step changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from stablequeue_core.errors import IllegalTransition, JobNotCancellable, JobNotRetryable
from stablequeue_core.jobs import (
    ENDED,
    OPEN,
    TRANSITIONS,
    AttemptOutcome,
    Job,
    JobFailure,
    JobResult,
    JobStatus,
    Lease,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
FAILURE = JobFailure(code="server_fault", message="It broke.")
RESULT = JobResult(images=("a.png",), info="done", generation_info={})


def new_job() -> Job:
    return Job(id="1", target="Laptop", params={}, created_at=START, updated_at=START)


def begun(job: Job, now: datetime = START, seed: int = 5) -> Job:
    lease = Lease(worker="w", until=now + timedelta(seconds=30))
    return job.begin(server="Laptop", lease=lease, task_id="t", seed=seed, subseed=6, now=now)


def test_every_status_has_its_row_and_ended_means_that_only_a_user_goes_on() -> None:
    assert set(TRANSITIONS) == set(JobStatus)
    assert set(JobStatus) == ENDED | OPEN
    for status in ENDED:
        assert set(TRANSITIONS[status]) <= {JobStatus.PENDING}
        assert status.ended


def test_the_statuses_are_those_of_the_api_document() -> None:
    assert [str(status) for status in JobStatus] == [
        "pending", "processing", "completed", "failed", "cancelled",
    ]  # fmt: skip


@pytest.mark.parametrize("status", sorted(ENDED))
def test_a_job_that_has_ended_can_be_neither_begun_nor_cancelled(status: JobStatus) -> None:
    running = begun(new_job())
    ended = {
        JobStatus.COMPLETED: running.complete(RESULT, sent=None, now=START),
        JobStatus.FAILED: running.fail(FAILURE, now=START),
        JobStatus.CANCELLED: running.cancel(now=START),
    }[status]

    with pytest.raises(IllegalTransition):
        begun(ended)
    with pytest.raises(JobNotCancellable):
        ended.cancel(now=START)


def test_a_completed_job_cannot_be_retried() -> None:
    with pytest.raises(JobNotRetryable):
        begun(new_job()).complete(RESULT, sent=None, now=START).retry(now=START)


def test_a_second_run_keeps_the_seed_that_was_drawn_for_the_first() -> None:
    first = begun(new_job(), seed=5)
    back = first.give_back(
        outcome=AttemptOutcome.LOST, failure=FAILURE, counted=False, not_before=None, now=START
    )

    assert begun(back, seed=99).seed == 5


def test_a_server_that_stays_out_of_reach_does_not_fill_the_ledger() -> None:
    job = new_job()
    for second in range(5):
        now = START + timedelta(seconds=second)
        job = begun(job, now).give_back(
            outcome=AttemptOutcome.UNREACHABLE,
            failure=FAILURE,
            counted=False,
            not_before=None,
            now=now,
        )

    (attempt,) = job.attempts
    assert (attempt.number, attempt.started_at) == (1, START)
    assert attempt.ended_at == START + timedelta(seconds=4)
    assert begun(job).attempts[-1].number == 2


def test_a_job_that_has_to_wait_for_a_model_goes_back_as_if_it_had_never_been_claimed() -> None:
    tried = begun(new_job()).give_back(
        outcome=AttemptOutcome.FAILED, failure=FAILURE, counted=True, not_before=None, now=START
    )
    waiting = begun(tried).wait_for(("d1", "d2"), "Waits for d1 and d2.", now=START)

    assert (waiting.attempts, waiting.failures) == (tried.attempts, tried.failures)
    assert (waiting.task_id, waiting.retry_count) == (tried.task_id, tried.retry_count)
    assert waiting.waiting_reason == "Waits for d1 and d2."


def test_a_job_that_was_supplied_remembers_by_what_until_its_user_tries_again() -> None:
    waiting = begun(new_job()).wait_for(("d1", "d2"), "Waits.", now=START)
    half = waiting.supplied("d2", now=START)
    assert (half.waits_for, half.waiting_reason) == (("d1",), "Waits.")

    there = half.supplied("d1", now=START)
    assert (there.waits_for, there.waiting_reason) == ((), None)
    assert there.supplied_by == ("d2", "d1")

    failed = begun(there).fail(FAILURE, now=START)
    assert failed.supplied_by == there.supplied_by
    assert failed.retry(now=START).supplied_by == ()


def test_a_job_that_waits_for_a_model_can_fail_or_be_cancelled_without_having_run() -> None:
    waiting = begun(new_job()).wait_for(("d1",), "Waits.", now=START)

    failed = waiting.fail(FAILURE, now=START)
    assert (failed.status, failed.attempts, failed.waits_for) == (JobStatus.FAILED, (), ())
    assert waiting.cancel(now=START).waits_for == ()


class Life(RuleBasedStateMachine):
    """Anything that may happen to a job, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.job = new_job()
        self.now = START

    def later(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def status_is(self, *statuses: JobStatus) -> bool:
        return self.job.status in statuses

    @precondition(lambda self: self.status_is(JobStatus.PENDING) and not self.job.waits_for)
    @rule(seed=st.integers(0, 9))
    def begin(self, seed: int) -> None:
        self.job = begun(self.job, self.later(), seed)

    @precondition(lambda self: self.status_is(JobStatus.PROCESSING))
    @rule()
    def complete(self) -> None:
        self.job = self.job.complete(RESULT, sent={}, now=self.later())

    @precondition(lambda self: self.status_is(JobStatus.PROCESSING))
    @rule()
    def fail(self) -> None:
        self.job = self.job.fail(FAILURE, now=self.later())

    @precondition(lambda self: self.status_is(JobStatus.PROCESSING))
    @rule(counted=st.booleans())
    def give_back(self, counted: bool) -> None:
        self.job = self.job.give_back(
            outcome=AttemptOutcome.FAILED,
            failure=FAILURE,
            counted=counted,
            not_before=None,
            now=self.later(),
        )

    @precondition(lambda self: self.status_is(JobStatus.PROCESSING))
    @rule(downloads=st.lists(st.sampled_from(["d1", "d2", "d3"]), unique=True))
    def wait_for(self, downloads: list[str]) -> None:
        self.job = self.job.wait_for(tuple(downloads), "Waits.", now=self.later())

    @precondition(lambda self: self.job.waits_for)
    @rule()
    def supply_one(self) -> None:
        self.job = self.job.supplied(self.job.waits_for[0], now=self.later())

    @precondition(lambda self: self.job.waits_for)
    @rule()
    def lose_a_download(self) -> None:
        self.job = self.job.fail(FAILURE, now=self.later())

    @precondition(lambda self: self.status_is(JobStatus.PROCESSING))
    @rule()
    def ask_to_cancel(self) -> None:
        self.job = self.job.request_cancel(now=self.later())

    @precondition(lambda self: self.status_is(*OPEN))
    @rule()
    def cancel(self) -> None:
        self.job = self.job.cancel(now=self.later())

    @precondition(lambda self: self.status_is(JobStatus.FAILED, JobStatus.CANCELLED))
    @rule()
    def retry(self) -> None:
        self.job = self.job.retry(now=self.later())

    @rule()
    def an_illegal_step_raises_and_changes_nothing(self) -> None:
        before = self.job
        if not self.status_is(JobStatus.PENDING):
            with pytest.raises(IllegalTransition):
                begun(self.job)
        if not self.status_is(JobStatus.PROCESSING):
            with pytest.raises(IllegalTransition):
                self.job.complete(RESULT, sent=None, now=self.now)
        assert self.job == before

    @invariant()
    def a_lease_is_held_just_while_processing(self) -> None:
        assert (self.job.lease is not None) == (self.job.status is JobStatus.PROCESSING)

    @invariant()
    def the_ledger_has_one_open_attempt_just_while_processing(self) -> None:
        still_open = [a for a in self.job.attempts if a.ended_at is None]
        assert len(still_open) == (self.job.status is JobStatus.PROCESSING)
        assert still_open == list(self.job.attempts[-1:])[: len(still_open)]
        assert [a.number for a in self.job.attempts] == list(range(1, len(self.job.attempts) + 1))

    @invariant()
    def only_a_pending_job_waits_for_downloads(self) -> None:
        assert not self.job.waits_for or self.status_is(JobStatus.PENDING)

    @invariant()
    def an_end_has_its_time_and_its_reason(self) -> None:
        assert (self.job.ended_at is not None) == self.job.status.ended
        assert (self.job.result is not None) == (self.job.status is JobStatus.COMPLETED)
        assert (self.job.failure is not None) == (self.job.status is JobStatus.FAILED)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
