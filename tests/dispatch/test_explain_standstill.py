"""What is told of a server, and of its jobs, whose process is stopped and keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve
from tests.dispatch.explain_worlds import ANOTHER, WORKER, ExplainWorld, having
from tests.worlds import PONY, SDXL, with_settings

from stablequeue_core import Job, JobStatus, Progress, ServerStatus
from stablequeue_core.generation import Phase

STOPPED = (
    "Process 42 on 'studio' has told nothing for 90 s: it seems to be stopped, or its computer "
    "asleep. Continue it (`fg`, or `kill -CONT 42`), or end it (`kill -9 42`): then another "
    "process takes its servers over within seconds."
)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[ExplainWorld]:
    """``Laptop`` has only SDXL, ``Tower`` has only Pony; another process looks after both."""
    made = ExplainWorld(tmp_path)
    assert made.queue.servers.list()
    yield made
    made.close()


def stop(fleet: ExplainWorld, *, seconds: float = 90.0) -> Job:
    """The process is stopped while it runs a job on ``Laptop``; another one lives on."""
    job = fleet.begin(fleet.submit("Laptop"), "Laptop")
    half = Progress(fraction=0.5, phase=Phase.SAMPLING)
    fleet.tell("Laptop", job=job, progress=half)
    fleet.clock.advance(seconds)
    fleet.live(ANOTHER)
    return job


def test_a_job_whose_process_is_stopped_names_it_and_says_what_to_do(fleet: ExplainWorld) -> None:
    explanation = fleet.explain(stop(fleet))
    assert explanation.why == (
        "It was begun on server 'Laptop', and 50% done when that was told last; nobody sees to it "
        f"now. {STOPPED}"
    )
    assert explanation.eta_seconds is None


def test_a_job_behind_it_does_not_take_the_server_for_busy(fleet: ExplainWorld) -> None:
    stop(fleet)
    behind = fleet.submit("Laptop")
    explanation = fleet.explain(behind)
    assert explanation.why == f"Server 'Laptop' gets no jobs. {STOPPED}"
    assert fleet.queue.waiting_reason(behind) == explanation.why
    assert explanation.eta_seconds is None
    assert "more" not in (fleet.outlook(behind, "Laptop").note or "")


def test_a_server_whose_process_is_stopped_is_unknown_and_says_why(fleet: ExplainWorld) -> None:
    stop(fleet)
    health = fleet.queue.servers.health("Laptop")
    assert (health.status, health.last_error) == (ServerStatus.UNKNOWN, STOPPED)
    assert (health.silent_worker, health.in_words) == (WORKER, "silent (process 42)")
    assert fleet.queue.reports() == {}


def test_a_job_for_any_server_goes_where_a_living_process_is(tmp_path: Path) -> None:
    fleet = ExplainWorld(tmp_path, {"Laptop": having(SDXL), "Tower": having(SDXL)})
    stop(fleet)
    fleet.tell("Tower", worker=ANOTHER)
    job = fleet.submit("auto", checkpoint_name=SDXL)
    assert fleet.why(job) == "It is next, and starts at once on server 'Tower'."
    fleet.close()


def test_a_process_that_keeps_several_servers_is_told_of_once(tmp_path: Path) -> None:
    fleet = ExplainWorld(tmp_path, {"Laptop": having(SDXL), "Tower": having(SDXL)})
    stop(fleet)
    why = fleet.why(fleet.submit("auto", checkpoint_name=SDXL))
    assert why.count(STOPPED) == 1
    assert "within seconds. The same process keeps server '" in why
    fleet.close()


def test_what_stands_still_is_not_counted_into_the_time_of_all_others(fleet: ExplainWorld) -> None:
    fleet.learn("Laptop", pace=1000.0)
    stop(fleet)
    fleet.tell("Tower", worker=ANOTHER)
    fleet.submit("Tower", checkpoint_name=PONY)
    seconds = fleet.queue.status().eta_seconds
    assert seconds is not None
    assert seconds < 100


def test_a_server_is_never_busy_with_a_job_whose_lease_is_over(fleet: ExplainWorld) -> None:
    """Also before its process has been silent for so long that nothing it told counts."""
    running = fleet.begin(fleet.submit("Laptop"), "Laptop", lease=1.0)
    fleet.tell("Laptop", job=running)
    behind = fleet.submit("Laptop")
    fleet.clock.advance(4)
    assert "busy" not in fleet.why(behind)
    assert "has run out: in a moment that is renewed" in fleet.why(behind)
    assert "the claim of process 42 on 'studio' to it has run out" in fleet.why(running)

    fleet.clock.advance(8)
    fleet.live(ANOTHER)
    fleet.until(lambda: "kill -CONT 42" in fleet.why(running), timeout=5)
    assert "has told nothing for 12 s" in fleet.why(behind)


def test_a_process_that_lives_is_not_called_stopped_though_its_lease_is_over(
    fleet: ExplainWorld,
) -> None:
    """Its server lets it wait for an answer."""
    job = fleet.begin(fleet.submit("Laptop"), "Laptop", lease=1.0)
    fleet.clock.advance(60)
    fleet.tell("Laptop", job=job)
    assert "stopped" not in fleet.why(job)
    assert "in a moment that is renewed, or another process takes the job over." in fleet.why(job)


def test_a_cancel_that_waits_for_a_server_that_is_switched_off_says_so(fleet: ExplainWorld) -> None:
    """A process sees to it, but only the server knows whether it still works on it."""
    job = fleet.begin(fleet.submit("Laptop"), "Laptop", lease=1.0)
    behind = fleet.submit("Laptop")
    fleet.queue.cancel(job.id, timeout=0.01)
    fleet.clock.advance(5)
    fleet.tell("Laptop", ServerStatus.OFFLINE, last_error="Server 'Laptop' cannot be reached.")
    assert fleet.why(job) == (
        "It was begun on server 'Laptop'. It is cancelled once the server tells that it has "
        "stopped. Server 'Laptop' cannot be reached."
    )
    assert fleet.why(behind) == (
        "Server 'Laptop' gets no jobs. It has to tell first whether it still works on a job that "
        "was cancelled. Server 'Laptop' cannot be reached."
    )


def test_when_nobody_else_runs_jobs_the_process_may_as_well_have_ended(
    fleet: ExplainWorld,
) -> None:
    job = fleet.begin(fleet.submit("Laptop"), "Laptop")
    fleet.tell("Laptop", job=job)
    fleet.clock.advance(90)
    told = (
        "Process 42 on 'studio' has told nothing for 90 s: it has ended, or is stopped. If it is "
        "stopped, continue it (`fg`, or `kill -CONT 42`); else start one with `stablequeue work`."
    )
    assert fleet.why(job).endswith(told)
    assert fleet.why(fleet.submit("Laptop")) == f"No process runs jobs now. {told}"


def test_a_job_that_a_process_left_behind_in_good_order_waits_for_the_next_one(
    fleet: ExplainWorld,
) -> None:
    job = fleet.begin(fleet.submit("Laptop"), "Laptop", lease=1.0)
    for alias in fleet.forges:
        fleet.tell(alias, worker="")
    fleet.clock.advance(5)
    assert "but no process runs jobs now: start one with `stablequeue work`" in fleet.why(job)


def test_a_process_that_goes_on_is_not_called_stopped_any_more(fleet: ExplainWorld) -> None:
    job = stop(fleet)
    assert "stopped" in fleet.why(job)
    present = fleet.storage.jobs.get(job.id)
    assert present.lease is not None
    later = fleet.clock.now() + timedelta(minutes=1)
    fleet.storage.jobs.renew(job.id, evolve(present.lease, until=later))
    fleet.tell("Laptop", job=job)
    fleet.until(lambda: fleet.why(job).startswith("It runs on server 'Laptop'"), timeout=5)


def test_a_cancel_that_waits_for_a_stopped_process_is_told(fleet: ExplainWorld) -> None:
    job = stop(fleet)
    asked = fleet.queue.cancel(job.id, timeout=0.01)
    assert asked.status is JobStatus.PROCESSING
    assert fleet.why(job).endswith("within seconds. Then it is cancelled, as was asked.")


def test_a_paused_server_does_not_finish_a_job_whose_process_is_stopped(
    fleet: ExplainWorld,
) -> None:
    stop(fleet)
    fleet.queue.servers.pause("Laptop")
    why = fleet.why(fleet.submit("Laptop"))
    assert why == f"Server 'Laptop' is paused. {STOPPED}"


def test_a_job_in_parts_says_which_of_them_stand_still(tmp_path: Path) -> None:
    fleet = ExplainWorld(
        tmp_path,
        {"Laptop": having(SDXL), "Tower": having(SDXL)},
        settings=with_settings(split_batches=True, split_smallest=1),
    )
    whole = fleet.submit("auto", checkpoint_name=SDXL, num_images=2)
    parts = fleet.queue.parts(whole.id)
    part = fleet.begin(parts[0], "Laptop")
    fleet.tell("Laptop", job=part)
    fleet.clock.advance(90)
    fleet.tell("Tower", worker=ANOTHER)
    explanation = fleet.explain(whole)
    assert "1 on 'Laptop'" in explanation.why
    assert explanation.why.endswith(f"Server 'Laptop' gets no jobs. {STOPPED}")
    assert explanation.eta_seconds is None
    fleet.close()
