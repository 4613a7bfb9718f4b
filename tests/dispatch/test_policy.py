"""Which job a server takes next, rule by rule."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dispatch.policy_worlds import (
    AWAY,
    BOUND,
    LOAD,
    WORK,
    ListedLine,
    at,
    candidate,
    chosen,
    server,
)

from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.choosing.policy import Policy, lacks_least
from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import Claim, Job, JobStore, Lease, event_of
from stablequeue_core.settings import Settings
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.clock import FakeClock

PONY = server(loaded="pony")


def test_nothing_is_chosen_from_nothing() -> None:
    assert chosen([], PONY) is None


def test_the_oldest_goes_first_when_no_checkpoint_is_loaded() -> None:
    assert chosen([candidate(1, "a"), candidate(2, "b")], server()) == "1"


def test_the_loaded_checkpoint_goes_before_an_older_job() -> None:
    assert chosen([candidate(1, "sdxl"), candidate(2, "pony")], PONY) == "2"


def test_of_those_for_the_loaded_checkpoint_the_oldest_goes_first() -> None:
    jobs = [candidate(1, "sdxl"), candidate(3, "pony"), candidate(2, "pony")]

    assert chosen(jobs, PONY) == "2"


def test_a_job_that_asks_for_no_checkpoint_needs_no_switch() -> None:
    assert chosen([candidate(1, "sdxl"), candidate(2)], PONY) == "2"


def test_priority_goes_before_the_loaded_checkpoint() -> None:
    assert chosen([candidate(5, "sdxl", priority=1), candidate(1, "pony")], PONY) == "5"


def test_what_was_moved_to_the_front_goes_before_the_loaded_checkpoint() -> None:
    assert chosen([candidate(5, "sdxl", place=0), candidate(1, "pony")], PONY) == "5"


def test_a_job_for_another_named_server_that_is_here_is_not_asked_for_its_requirements() -> None:
    lacking = server(lacks={"flux"})

    assert chosen([candidate(1, "flux", target="Laptop")], lacking) == "1"


def test_a_job_for_any_server_is_left_to_one_that_has_what_it_needs() -> None:
    jobs = [candidate(1, "flux"), candidate(2, "sdxl")]

    assert chosen(jobs, server(lacks={"flux"})) == "2"
    assert chosen(jobs, server()) == "1"


def test_a_job_for_any_server_is_taken_to_have_its_models_fetched_only_if_it_allows_it() -> None:
    wants, refuses = candidate(1, "flux", may_fetch=True), candidate(1, "flux")

    assert chosen([wants], server(lacks={"flux"}, fetches=True)) == "1"
    assert chosen([wants], server(lacks={"flux"})) is None
    assert chosen([refuses], server(lacks={"flux"}, fetches=True)) is None


# The bound.


def test_a_job_is_passed_over_for_the_loaded_checkpoint_for_a_while() -> None:
    policy = Policy(Settings())

    for number in range(2, 5):
        jobs = [candidate(1, "sdxl"), candidate(number, "pony", came=number * WORK)]
        assert chosen(jobs, PONY, policy=policy, now=number * WORK) == str(number)


def test_nobody_waits_longer_than_the_bound_because_of_the_loaded_checkpoint() -> None:
    """It goes before the bound is reached, as a server that is free just then may be late."""
    policy = Policy(Settings())
    choices = [
        chosen(
            [candidate(1, "sdxl"), candidate(number + 2, "pony", came=number * WORK)],
            PONY,
            policy=policy,
            now=number * WORK,
        )
        for number in range(int(BOUND / WORK) + 1)
    ]

    assert "1" in choices


@pytest.mark.parametrize("put_back_at", [10.0, 25.0])
def test_the_bound_holds_when_the_clock_is_put_back(put_back_at: float) -> None:
    """By an hour: whoever is passed over does not wait for that hour once more."""
    policy = Policy(Settings())
    started_at: dict[str | None, float] = {}
    for number in range(int(2 * BOUND / WORK)):
        passed = number * WORK
        told = passed if passed < put_back_at else passed - 3600
        jobs = [candidate(1, "sdxl"), candidate(number + 2, "pony", came=told)]
        job = chosen(jobs, PONY, policy=policy, now=told)
        started_at.setdefault(job, passed)

    assert started_at["1"] <= BOUND


def test_who_is_passed_over_is_told_until_when_by_the_clock_as_it_was_put() -> None:
    policy = Policy(Settings())
    jobs = [candidate(1, "sdxl"), candidate(2, "pony"), candidate(3, "pony")]
    chosen(jobs, PONY, policy=policy)
    chosen(jobs[::2], PONY, policy=policy, now=-3600)

    passed_over = policy.passed_over("1")
    assert passed_over is not None
    assert at(-3600) < passed_over.until <= at(-3600) + timedelta(seconds=BOUND)


def test_a_long_backlog_that_is_older_than_the_bound_is_not_worked_off_in_order() -> None:
    """The trap: a job waits for those before it, too, and that is not because of affinity."""
    policy = Policy(Settings())
    jobs = [candidate(number, "sdxl" if number % 2 else "pony") for number in range(1, 200)]
    chosen(jobs, PONY, policy=policy)

    assert chosen(jobs[2:], PONY, policy=policy, now=WORK) == "4"


def test_whoever_is_passed_over_is_told_since_when_and_until_when() -> None:
    policy = Policy(Settings())
    jobs = [candidate(1, "sdxl"), candidate(2, "pony")]

    chosen(jobs, PONY, policy=policy)

    passed_over = policy.passed_over("1")
    assert passed_over is not None
    assert passed_over.since == at(0)
    assert passed_over.until == at(0) + timedelta(seconds=BOUND)
    assert policy.passed_over("2") is None


def test_after_a_restart_nobody_is_passed_over_for_the_whole_bound_again() -> None:
    started_at = 3600.0
    policy = Policy(Settings())

    chosen([candidate(1, "sdxl"), candidate(2, "pony")], PONY, policy=policy, now=started_at)

    passed_over = policy.passed_over("1")
    assert passed_over is not None
    assert at(started_at) < passed_over.until < at(started_at + BOUND)


def test_jobs_that_take_longer_than_was_thought_do_not_make_others_due() -> None:
    """FIFO would have been held up, too."""
    policy = Policy(Settings())
    jobs = [candidate(number, "sdxl" if number % 2 else "pony") for number in range(1, 200)]
    assert chosen(jobs, PONY, policy=policy) == "2"

    # Ten seconds were expected. Only the first job's turn has come meanwhile, and it goes.
    del jobs[1]
    assert chosen(jobs, PONY, policy=policy, now=600) == "1"
    del jobs[0]
    assert chosen(jobs, server(loaded="sdxl"), policy=policy, now=600 + LOAD + WORK) == "3"
    assert policy.passed_over("199") is None


def test_whoever_lost_a_claim_to_another_process_chooses_as_if_it_had_not_chosen() -> None:
    policy = Policy(Settings())
    jobs = [candidate(1, "sdxl"), candidate(2, "pony"), candidate(3, "pony")]

    assert chosen(jobs, PONY, policy=policy) == "2"
    assert chosen(jobs, PONY, policy=policy) == "2"
    assert chosen([jobs[0], jobs[2]], PONY, policy=policy) == "3"


def test_a_job_that_was_given_back_stands_in_the_line_again() -> None:
    policy = Policy(Settings())
    jobs = [candidate(1, "sdxl"), candidate(2, "pony")]

    assert chosen(jobs, PONY, policy=policy) == "2"
    assert chosen(jobs, PONY, policy=policy, now=3) == "2"


# Others.


def test_a_job_is_left_to_a_server_that_has_its_checkpoint_and_is_free_before_a_switch() -> None:
    soon = server("Desktop", "sdxl", free_in=3)
    late = server("Desktop", "sdxl", free_in=40)

    assert chosen([candidate(1, "sdxl")], PONY, soon) is None
    assert chosen([candidate(1, "sdxl")], PONY, late) == "1"


def test_nothing_is_left_to_others_for_longer_than_it_takes_here() -> None:
    policy = Policy(Settings())
    soon = server("Desktop", "sdxl", free_in=3)

    choices = [
        chosen([candidate(1, "sdxl")], PONY, soon, policy=policy, now=second)
        for second in range(int(LOAD + WORK) + 1)
    ]

    assert choices[0] is None
    assert choices[-1] == "1"


def test_who_must_switch_takes_what_nobody_else_has_loaded() -> None:
    jobs = [candidate(1, "sdxl"), candidate(2, "sdxl"), candidate(3, "flux")]

    assert chosen(jobs, PONY, server("Desktop", "sdxl", free_in=5)) == "3"


def test_who_must_switch_helps_with_a_backlog_if_that_pays() -> None:
    jobs = [candidate(number, "sdxl") for number in range(1, 11)]

    assert chosen(jobs, PONY, server("Desktop", "sdxl", free_in=5)) == "1"
    assert chosen(jobs[:2], PONY, server("Desktop", "sdxl", free_in=5)) is None


def test_two_servers_do_not_load_the_same_checkpoint_while_one_of_them_is_loading_it() -> None:
    policy = Policy(Settings())
    jobs = [candidate(1, "sdxl"), candidate(2, "sdxl"), candidate(3, "flux")]
    laptop, desktop = server("Laptop"), server("Desktop")

    first = chosen(jobs, laptop, desktop, policy=policy)
    second = chosen(jobs[1:], desktop, server("Laptop", free_in=LOAD + WORK), policy=policy)

    assert (first, second) == ("1", "3")


def test_a_server_that_can_look_only_now_and_then_takes_in_the_end_what_nobody_else_takes() -> None:
    """Where a hundred lanes wait for a slow database, each looks every few seconds only."""
    policy, job = Policy(Settings()), [candidate(1, "sdxl")]
    here, other = server(), server("Desktop", loaded="sdxl", work=1.0)

    assert chosen(job, here, other, policy=policy) is None
    looks = [chosen(job, here, other, policy=policy, now=now) for now in range(0, 120, 8)]
    assert "1" in looks


def test_a_clock_that_is_put_back_leaves_no_job_to_others_for_longer() -> None:
    policy, job = Policy(Settings()), [candidate(1, "sdxl")]
    here, other = server(), server("Desktop", loaded="sdxl", work=1.0)

    assert chosen(job, here, other, policy=policy, now=3600) is None
    looks = [chosen(job, here, other, policy=policy, now=now) for now in range(120)]
    assert "1" in looks


def test_a_slow_server_leaves_the_last_job_to_a_fast_one_that_finishes_it_earlier() -> None:
    policy = Policy(Settings())
    slow = server("Laptop", "pony", work=60)
    fast = server("Desktop", "pony", free_in=5)
    chosen([], server("Desktop", "pony"), policy=policy)

    assert chosen([candidate(1, "pony")], slow, fast, policy=policy) is None
    jobs = [candidate(number, "pony") for number in range(1, 20)]
    assert chosen(jobs, slow, fast, policy=policy) == "1"


def test_a_server_that_has_failed_a_job_leaves_it_to_those_that_have_not() -> None:
    job = candidate(1, "pony", avoids=("Laptop",))

    assert chosen([job], PONY, server("Desktop", free_in=500)) is None


def test_a_server_that_has_failed_a_job_takes_it_when_no_other_can() -> None:
    job = candidate(1, "pony", avoids=("Laptop",))

    assert chosen([job], PONY) == "1"
    assert chosen([job], PONY, server("Desktop", free_in=AWAY)) == "1"
    assert chosen([job], PONY, server("Desktop", lacks={"pony"})) == "1"
    both = candidate(1, "pony", avoids=("Laptop", "Desktop"))
    assert chosen([both], PONY, server("Desktop", free_in=500)) == "1"


# Long lines.


def test_thousands_that_no_server_can_run_are_not_read_with_every_claim() -> None:
    policy, here = Policy(Settings()), server(lacks={"nowhere"})
    jobs = [candidate(number, "nowhere") for number in range(1, 5001)]
    jobs += [candidate(number, "pony") for number in range(5001, 5010)]
    line = ListedLine(jobs)

    choice = policy.choose(line, here, (), now=at(0))

    assert choice is not None
    assert choice.id == "5001"
    assert line.read < 200


def test_a_job_behind_thousands_that_differ_from_it_in_a_lora_only_is_found() -> None:
    policy, here = Policy(Settings()), server(lacks={"nowhere"})
    jobs = [candidate(number, "pony", loras=("nowhere",)) for number in range(1, 1001)]

    assert chosen([*jobs, candidate(1001, "pony")], here, policy=policy) == "1001"


def test_a_job_of_low_priority_behind_thousands_that_no_server_can_run_is_found() -> None:
    jobs = [candidate(number, "nowhere", priority=5) for number in range(1, 1001)]

    assert chosen([*jobs, candidate(1001, "pony")], server(lacks={"nowhere"})) == "1001"


def test_the_whole_line_is_not_read_in_vain_again_and_again() -> None:
    policy, here = Policy(Settings()), server(lacks={"nowhere"})
    jobs = [candidate(number, "nowhere") for number in range(1, 1001)]
    chosen(jobs, here, policy=policy)
    line = ListedLine(jobs)

    assert policy.choose(line, here, (), now=at(1)) is None
    assert line.read < 100


# In a store.


def claim(store: JobStore, policy: Policy, clock: Clock) -> str | None:
    now = clock.now()
    claimed = store.claim(
        Claim(
            targets=PONY.targets,
            now=now,
            choose=lambda line: policy.choose(line, PONY, (), now=now),
            begin=lambda job: _begun(job, clock),
        )
    )
    return claimed.id if claimed else None


def test_held_jobs_and_those_of_other_servers_are_never_chosen() -> None:
    clock = FakeClock()
    store = MemoryStorage(clock=clock).jobs
    store.add([_job("held", clock).hold(now=clock.now()), _job("foreign", clock, target="Other")])
    policy = Policy(Settings())

    assert claim(store, policy, clock) is None

    store.add([_job("ours", clock)])
    assert claim(store, policy, clock) == "ours"
    assert claim(store, policy, clock) is None


def _job(job_id: str, clock: Clock, target: str = "Laptop") -> Job:
    now = clock.now()
    return Job(id=job_id, target=target, params={}, created_at=now, updated_at=now)


def _begun(job: Job, clock: Clock) -> tuple[Job, Event]:
    lease = Lease(worker="w", until=clock.now() + timedelta(seconds=30))
    begun = job.begin(server="Laptop", lease=lease, task_id="", seed=0, subseed=0, now=clock.now())
    return begun, event_of(EventKind.JOB_STARTED, begun)


# Models that no server has.


def test_models_are_fetched_for_the_server_that_lacks_least() -> None:
    shortages = {"Laptop": 2.0, "Desktop": 1.0, "Tower": 1.0, "Tablet": math.inf}

    assert [name for name in shortages if lacks_least(name, shortages)] == ["Desktop", "Tower"]


shortage = st.none() | st.sampled_from([0.0, 1.0, 2.0, math.inf])


@given(st.dictionaries(st.sampled_from(["Laptop", "Desktop", "Tower"]), shortage))
def test_nothing_is_fetched_while_a_server_can_run_the_job_or_may_be_able_to(
    shortages: dict[str, float | None],
) -> None:
    fetching = [name for name in shortages if lacks_least(name, shortages)]

    if fetching:
        assert None not in shortages.values()
        assert 0.0 not in shortages.values()
        assert all(shortages[name] != math.inf for name in fetching)
