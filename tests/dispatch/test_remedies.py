"""What is tried after a failure, rung by rung, as functions of values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core import Job, Settings
from stablequeue_core.dispatch.running.failures import judge
from stablequeue_core.dispatch.running.remedies import (
    LADDERS,
    Possible,
    Rung,
    Treatment,
    ladder_of,
    treatment_of,
    with_remedy,
)
from stablequeue_core.dispatch.running.story import MOST_TOLD, poisoned, whole_story
from stablequeue_core.errors import (
    AnswerLost,
    BackendError,
    CheckpointUnreadable,
    ForeignInterrupt,
    GarbledAnswer,
    NotOnServer,
    OutOfMemory,
    ServerFault,
    ServerPoisoned,
    Stalled,
    WrongResult,
)
from stablequeue_core.generation import GenerationRequest
from stablequeue_core.jobs import AttemptOutcome, JobFailure, Lease

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = Lease(worker="w", until=NOW)
SETTINGS = Settings(max_attempts=9, backoff_base=1)
NOTHING_ELSE = Possible()
EVERYTHING = Possible(smaller_batch=True, elsewhere=True)
FULL = OutOfMemory("full")

FAULTS: Sequence[BackendError] = (
    FULL,
    ServerFault("broke"),
    ServerPoisoned("no model"),
    GarbledAnswer("no answer"),
    Stalled("slow"),
    AnswerLost("gone"),
    ForeignInterrupt("stopped"),
    WrongResult("wrong_model", "another", "a", "b"),
    WrongResult("missing_images", "too few", 2, 1),
    CheckpointUnreadable("damaged"),
)


def begun(job: Job, server: str = "Laptop") -> Job:
    return job.begin(server=server, lease=LEASE, task_id="t", seed=1, subseed=2, now=NOW)


def running(target: str = "auto") -> Job:
    return begun(Job(id="0", target=target, params={}, created_at=NOW, updated_at=NOW))


def failed_with(
    error: BackendError, job: Job, possible: Possible = NOTHING_ELSE, then_on: str = "Laptop"
) -> Job:
    """The job as it runs again, after it has failed."""
    verdict = judge(error, job, possible, SETTINGS, lambda: 1.0)
    assert verdict.retry_after is not None, "it is not run again"
    given_back = job.give_back(
        outcome=verdict.outcome,
        failure=JobFailure(code=error.code, message=error.message),
        counted=verdict.counted,
        not_before=None,
        avoid=verdict.avoid,
        now=NOW,
    )
    return begun(given_back, then_on)


def asks(**fields: object) -> GenerationRequest:
    return GenerationRequest(positive_prompt="x", **fields)  # type: ignore[arg-type]


BATCH = asks(batch_size=8, allow_smaller_batch=True)


def test_a_job_that_never_failed_runs_as_it_is() -> None:
    assert treatment_of(running(), BATCH) == Treatment()


def test_out_of_memory_is_answered_by_unloading_then_a_smaller_batch_then_another_server() -> None:
    first = failed_with(FULL, running(), EVERYTHING)
    second = failed_with(FULL, first, EVERYTHING)
    third = failed_with(FULL, second, EVERYTHING, then_on="Tower")

    assert treatment_of(first, BATCH) == Treatment(unload=True)
    assert treatment_of(second, BATCH) == Treatment(unload=True, halvings=1)
    assert second.avoids == ()
    assert third.avoids == ("Laptop",)
    assert treatment_of(third, BATCH) == Treatment(elsewhere=True)


def test_a_job_that_allows_no_smaller_batch_keeps_its_batch() -> None:
    """Its user may want just these pictures: some samplers paint others in another batch."""
    job = running("Laptop")
    for _ in range(3):
        job = failed_with(FULL, job)
        assert treatment_of(job, asks(batch_size=8)) == Treatment(unload=True)


def test_the_last_rung_is_repeated_so_the_batch_becomes_smaller_each_time() -> None:
    job = running("Laptop")
    batches = []
    for _ in range(5):
        job = failed_with(FULL, job, Possible(smaller_batch=True))
        batches.append(BATCH.in_smaller_batches(treatment_of(job, BATCH).halvings).batch_size)

    assert batches == [8, 4, 2, 1, 1]


def test_each_server_begins_at_the_foot_of_the_ladder() -> None:
    job = failed_with(FULL, running(), EVERYTHING, then_on="Tower")
    assert treatment_of(job, BATCH) == Treatment()

    job = failed_with(FULL, job, EVERYTHING, then_on="Laptop")
    assert treatment_of(job, BATCH) == Treatment(unload=True)


def test_a_failure_of_another_kind_has_a_ladder_of_its_own() -> None:
    job = failed_with(ServerFault("broke"), running("Laptop"))
    assert treatment_of(job, BATCH) == Treatment()
    assert treatment_of(failed_with(FULL, job), BATCH) == Treatment(unload=True)


def test_a_retry_by_the_user_begins_anew() -> None:
    job = failed_with(FULL, running("Laptop"))
    failed = job.fail(JobFailure(code="out_of_memory", message="full"), now=NOW)

    again = begun(failed.retry(now=NOW))

    assert treatment_of(again, BATCH) == Treatment()


@pytest.mark.parametrize(
    ("error", "rungs"),
    [
        (Stalled("slow"), [True, False]),
        (ServerPoisoned("no model"), [True, False]),
        (WrongResult("wrong_model", "another", "a", "b"), [True, False]),
        (WrongResult("wrong_lora", "none", "a", "b"), [True, False]),
        (AnswerLost("gone"), [False, True]),
        (GarbledAnswer("no answer"), [False, True]),
        (ForeignInterrupt("stopped"), [False, True]),
        (ServerFault("broke"), [False, True]),
        (WrongResult("missing_images", "too few", 2, 1), [False, True]),
        (BackendError("of a backend that we do not know"), [False, True]),
    ],
)
def test_which_failures_send_a_job_to_another_server_at_once(
    error: BackendError, rungs: list[bool]
) -> None:
    first = running()
    second = failed_with(error, first, EVERYTHING)
    verdicts = [judge(error, job, EVERYTHING, SETTINGS, lambda: 1.0) for job in (first, second)]
    assert [verdict.avoid for verdict in verdicts] == rungs


def test_a_file_that_one_server_cannot_read_is_tried_on_another_and_then_given_up() -> None:
    error = CheckpointUnreadable("damaged")

    there = judge(error, running(), EVERYTHING, SETTINGS, lambda: 1.0)
    nowhere = judge(error, running(), Possible(), SETTINGS, lambda: 1.0)

    assert (there.avoid, there.retry_after) == (True, 1.0)
    assert nowhere.retry_after is None


def test_what_a_server_does_not_have_after_all_fails_only_a_job_that_named_it() -> None:
    error = NotOnServer("checkpoint", "x", [], "Laptop")

    free = judge(error, running("auto:studio"), Possible(), SETTINGS, lambda: 1.0)
    bound = judge(error, running("Laptop"), Possible(), SETTINGS, lambda: 1.0)

    assert free.retry_after is not None
    assert bound.retry_after is None


@given(st.lists(st.sampled_from(FAULTS), max_size=20), st.booleans(), st.booleans())
def test_however_a_job_fails_it_ends_after_its_attempts(
    errors: list[BackendError], smaller: bool, elsewhere: bool
) -> None:
    """And no plan ever depends on anything but the job: it survives a restart."""
    possible = Possible(smaller_batch=smaller, elsewhere=elsewhere)
    job, runs = running(), 1
    for error in errors:
        verdict = judge(error, job, possible, SETTINGS, lambda: 1.0)
        if verdict.retry_after is None:
            break
        job, runs = failed_with(error, job, possible), runs + 1
        assert treatment_of(job, BATCH).halvings <= runs

    assert runs <= SETTINGS.max_attempts


@pytest.mark.parametrize("error", FAULTS)
def test_every_kind_of_failure_has_a_ladder_of_different_rungs(error: BackendError) -> None:
    ladder = ladder_of(error, is_free=True)
    assert ladder
    assert len(set(ladder)) == len(ladder)


def test_unloading_and_smaller_batches_are_for_want_of_memory_only() -> None:
    for code, ladder in LADDERS.items():
        is_about_memory = code == "out_of_memory"
        assert (Rung.UNLOAD in ladder) is is_about_memory
        assert (Rung.SMALLER_BATCH in ladder) is is_about_memory


@given(st.integers(1, 16), st.integers(1, 16), st.integers(0, 6))
def test_smaller_batches_make_as_many_pictures(images: int, batch_size: int, times: int) -> None:
    request = asks(images=images, batch_size=batch_size)

    smaller = request.in_smaller_batches(times)

    assert smaller.picture_count == request.picture_count
    assert smaller.pixel_steps == request.pixel_steps
    assert smaller.batch_size <= max(1, request.batch_size >> times)


def test_a_failed_job_tells_the_whole_story() -> None:
    job = failed_with(FULL, running(), EVERYTHING)
    job = with_remedy(job, "after unloading")
    job = with_remedy(failed_with(FULL, job, EVERYTHING, then_on="Tower"), "elsewhere")

    told = whole_story(job, JobFailure(code="out_of_memory", message="Full."))

    assert told.message.startswith(
        "Full. It was tried 3 times: 'Laptop': out_of_memory; "
        "'Laptop' (after unloading): out_of_memory; 'Tower' (elsewhere): out_of_memory. "
    )
    assert "allow_smaller_batch" in told.message
    assert [(a["server"], a["remedy"], a["error"]) for a in told.details["attempts"]] == [
        ("Laptop", None, "out_of_memory"),
        ("Laptop", "after unloading", "out_of_memory"),
        ("Tower", "elsewhere", "out_of_memory"),
    ]


def test_a_long_story_is_cut_short_but_the_details_have_it_all() -> None:
    job = running("Laptop")
    for _ in range(7):
        job = failed_with(FULL, job)

    told = whole_story(job, JobFailure(code="out_of_memory", message="Full."))

    assert "It was tried 8 times: …; 'Laptop': out_of_memory; " in told.message
    assert told.message.count("'Laptop'") == MOST_TOLD
    assert len(told.details["attempts"]) == 8


def test_what_fails_at_once_has_no_other_story() -> None:
    failure = JobFailure(code="request_refused", message="No.", details={"status": 422})
    assert whole_story(running(), failure) is failure


def test_a_poisoned_jobs_story_names_the_servers_and_says_what_to_do() -> None:
    gone = JobFailure(code="worker_gone", message="gone")
    job = running()
    for _ in range(2):
        job = begun(
            job.give_back(
                outcome=AttemptOutcome.LOST,
                failure=gone,
                counted=False,
                not_before=None,
                lost=True,
                now=NOW,
            ),
            "Tower",
        )

    told = poisoned(job)

    assert told.code == "poisoned_job"
    assert "'Laptop', 'Tower'" in told.message
    assert "retry the job" in told.message
    assert told.details["losses"] == 3
    assert len(told.details["attempts"]) == 3
