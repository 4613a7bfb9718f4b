"""What is told of a job whose server does not answer, or takes longer than was thought."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.dispatch.explain_worlds import ExplainWorld, having
from tests.worlds import SDXL

from stablequeue_core import Job, Progress, ServerStatus
from stablequeue_core.generation import Phase
from stablequeue_core.servers import NOBODY


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[ExplainWorld]:
    """``Laptop`` and ``Tower`` have the same model; another process looks after both."""
    made = ExplainWorld(tmp_path, {"Laptop": having(SDXL), "Tower": having(SDXL)})
    assert made.queue.servers.list()
    yield made
    made.close()


def hang(fleet: ExplainWorld, *, seconds: float = 60.0, lease: float = 600.0) -> Job:
    """``Laptop`` has a second to go by its own words, and then says nothing for so long."""
    job = fleet.begin(fleet.submit("Laptop"), "Laptop", lease=lease)
    since = fleet.clock.now()
    fleet.clock.advance(seconds)
    fleet.tell(
        "Laptop",
        ServerStatus.UNKNOWN,
        job=job,
        progress=Progress(fraction=0.9, phase=Phase.SAMPLING, eta_seconds=1.0),
        unanswered_since=since,
    )
    fleet.tell("Tower")
    return job


def test_a_job_whose_server_does_not_answer_is_told_so_and_when_it_is_given_up(
    fleet: ExplainWorld,
) -> None:
    explanation = fleet.explain(hang(fleet))
    assert explanation.why == (
        "It runs on server 'Laptop', 90% done when that was told last, but the server has not "
        "answered for 60 s: the job is given up there in about 2 min."
    )
    assert explanation.eta_seconds is None


def test_a_job_behind_it_is_promised_nothing(fleet: ExplainWorld) -> None:
    hang(fleet)
    behind = fleet.submit("Laptop")
    explanation = fleet.explain(behind)
    assert explanation.why == (
        "Server 'Laptop' has not answered for 60 s; the job that it runs is given up there in "
        "about 2 min."
    )
    assert explanation.eta_seconds is None
    assert fleet.queue.status().eta_seconds is None
    assert fleet.queue.waiting_reason(behind) == (
        "Server 'Laptop' has not answered for 60 s; if that goes on, the job that it runs is "
        "given up there."
    )
    assert "more" not in (fleet.outlook(behind, "Laptop").note or "")


def test_a_job_for_any_server_is_promised_the_one_that_answers(fleet: ExplainWorld) -> None:
    hang(fleet)
    job = fleet.submit("auto", checkpoint_name=SDXL)
    assert fleet.why(job) == "It is next, and starts at once on server 'Tower'."


def test_a_paused_server_that_does_not_answer_is_both(fleet: ExplainWorld) -> None:
    hang(fleet)
    fleet.queue.servers.pause("Laptop")
    assert fleet.why(fleet.submit("Laptop")).startswith(
        "Server 'Laptop' is paused, and has not answered for 60 s; the job"
    )


def test_a_job_past_its_limit_is_given_up_in_a_moment(fleet: ExplainWorld) -> None:
    assert "is given up there in a moment." in fleet.why(hang(fleet, seconds=200))


def test_whoever_waits_for_an_answer_is_not_said_to_have_lost_the_job(fleet: ExplainWorld) -> None:
    """It renews its lease late while it waits."""
    job = hang(fleet, lease=30.0)
    assert "has not answered for 60 s" in fleet.why(job)
    assert "run out" not in fleet.why(fleet.submit("Laptop"))


def test_a_job_that_is_to_be_cancelled_says_what_that_waits_for(fleet: ExplainWorld) -> None:
    job = hang(fleet)
    fleet.change(job, lambda job: job.request_cancel(now=fleet.clock.now()))
    assert fleet.why(job).endswith("It is cancelled once the server answers.")


def test_what_a_process_told_that_has_let_go_of_the_server_counts_no_more(
    fleet: ExplainWorld,
) -> None:
    job = hang(fleet)
    fleet.tell("Laptop", worker=NOBODY, job=job, unanswered_since=fleet.clock.now())
    fleet.until(lambda: not fleet.queue.servers.health("Laptop").unanswered_since)


def test_a_job_that_is_long_overdue_is_not_said_to_be_done_in_a_moment(
    fleet: ExplainWorld,
) -> None:
    fleet.learn("Laptop", pace=0.001)
    job = fleet.begin(fleet.submit("Laptop"), "Laptop", lease=9999.0)
    fleet.clock.advance(timedelta(minutes=10).total_seconds())
    fleet.tell("Laptop", job=job, progress=Progress(fraction=0.01, phase=Phase.LOADING))
    assert "about 30 s to go" in fleet.why(job)
