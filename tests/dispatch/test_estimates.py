"""When jobs will run, and how long all of them take: laws and stories, without any server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.dispatch.explaining import estimates
from stablequeue_core.dispatch.explaining.estimates import Capacity
from stablequeue_core.jobs import Work

PONY, SDXL = "pony.safetensors", "sdxl.safetensors"
NOW = datetime(2025, 5, 14, 2, 34, tzinfo=UTC)

lines = partial(estimates.lines, now=NOW)
backlog = partial(estimates.backlog, now=NOW)


def server(
    alias: str,
    *,
    pace: float = 1.0,
    load: float = 0.0,
    loaded: str | None = None,
    free_in: float = 0.0,
    takes_jobs: bool = True,
    may_run: Callable[[Work], bool] = lambda work: True,
) -> Capacity:
    """One that takes ``pace`` seconds for each megapixel-step."""
    return Capacity(
        alias=alias,
        targets=(alias, "auto"),
        free_in=free_in,
        seconds=lambda checkpoint, effort: pace * effort,
        load_seconds=lambda checkpoint: 0.0 if checkpoint == loaded else load,
        takes_jobs=takes_jobs,
        may_run=may_run,
    )


def work(
    target: str,
    count: int,
    *,
    each: float = 10.0,
    checkpoint: str | None = None,
    wait: float | None = None,
) -> Work:
    """Jobs of ``each`` megapixel-steps, the last of which may start in ``wait`` seconds."""
    return Work(
        target=target,
        checkpoint=checkpoint,
        count=count,
        effort=count * each,
        not_before=None if wait is None else NOW + timedelta(seconds=wait),
    )


def test_jobs_for_one_server_stand_in_its_line_only() -> None:
    found = lines([work("Laptop", 3)], [server("Laptop"), server("Tower")])
    assert found == {"Laptop": pytest.approx(30), "Tower": 0}


def test_jobs_for_any_server_go_where_the_line_is_shortest() -> None:
    found = lines([work("auto", 1), work("Laptop", 3)], [server("Laptop"), server("Tower")])
    assert found == {"Laptop": pytest.approx(30), "Tower": pytest.approx(10)}


def test_jobs_for_any_server_fill_the_lines_up_to_one_level() -> None:
    found = lines([work("auto", 5), work("Laptop", 3)], [server("Laptop"), server("Tower")])
    assert found == {"Laptop": pytest.approx(40), "Tower": pytest.approx(40)}


def test_a_server_that_is_twice_as_fast_does_twice_as_much() -> None:
    total = backlog([work("auto", 30)], [server("Laptop", pace=2), server("Tower", pace=1)])
    assert total.seconds == pytest.approx(200)


def test_a_checkpoint_is_loaded_once_for_all_the_jobs_that_want_it() -> None:
    fleet = [server("Laptop", load=15, loaded=SDXL)]
    assert backlog([work("auto", 3, checkpoint=SDXL)], fleet).seconds == pytest.approx(30)
    assert backlog([work("auto", 3, checkpoint=PONY)], fleet).seconds == pytest.approx(45)


def test_a_single_job_is_not_made_faster_by_many_servers() -> None:
    fleet = [server(f"Tower {number}") for number in range(8)]
    assert backlog([work("auto", 1)], fleet).seconds == pytest.approx(10)


def test_what_runs_already_counts_for_the_total_and_for_the_line() -> None:
    fleet = [server("Laptop", free_in=20)]
    assert backlog([], fleet).seconds == pytest.approx(20)
    assert backlog([work("Laptop", 1)], fleet).seconds == pytest.approx(30)


def test_what_a_server_finishes_that_takes_no_other_job_counts_for_the_total() -> None:
    fleet = [server("Laptop"), server("Tower", free_in=70, takes_jobs=False)]
    total = backlog([work("Laptop", 2)], fleet)
    assert total.seconds == 70
    assert total.by_server == {"Laptop": pytest.approx(20)}


def test_nothing_to_do_takes_no_time() -> None:
    assert backlog([], [server("Laptop")]).seconds == 0
    assert backlog([], []).seconds == 0


def test_jobs_that_no_server_can_run_now_are_counted_but_not_estimated() -> None:
    fleet = [server("Laptop"), server("Tower", takes_jobs=False)]
    total = backlog([work("Tower", 2), work("Laptop", 1)], fleet)
    assert (total.jobs, total.unserved) == (3, 2)
    assert total.seconds == pytest.approx(10)
    assert set(total.by_server) == {"Laptop"}


def test_nobody_knows_how_long_it_takes_while_no_server_takes_a_job() -> None:
    assert backlog([work("auto", 2)], [server("Tower", takes_jobs=False)]).seconds is None


def test_jobs_go_to_the_servers_that_have_their_checkpoint() -> None:
    fleet = [
        server("Laptop", may_run=lambda work: work.checkpoint == SDXL),
        server("Tower", may_run=lambda work: work.checkpoint == PONY),
    ]
    found = lines([work("auto", 2, checkpoint=PONY)], fleet)
    assert found == {"Laptop": 0, "Tower": pytest.approx(20)}


def test_jobs_that_wait_for_a_time_count_for_the_total_and_for_nobodys_share() -> None:
    fleet = [server("Laptop"), server("Tower")]
    total = backlog([work("auto", 1, wait=3600), work("Laptop", 3)], fleet)
    assert total.seconds == pytest.approx(3610)
    assert (total.jobs, total.later) == (4, 1)
    assert total.by_server == {"Laptop": pytest.approx(30), "Tower": 0}


def test_jobs_that_wait_for_a_time_are_in_the_line_of_those_that_wait_longer() -> None:
    evening = work("Laptop", 3, wait=3600)
    found = lines([work("Laptop", 2), evening], [server("Laptop"), server("Tower")])
    assert found == {"Laptop": pytest.approx(3630), "Tower": 0}


def test_jobs_that_wait_for_a_server_longer_than_for_their_time_wait_once() -> None:
    found = lines([work("Laptop", 1, wait=5), work("Laptop", 3)], [server("Laptop")])
    assert found == {"Laptop": pytest.approx(40)}


TARGETS = ["auto", "A", "B", "C"]
works = st.builds(
    work,
    st.sampled_from(TARGETS),
    st.integers(1, 40),
    each=st.floats(0.1, 50),
    checkpoint=st.sampled_from([None, PONY, SDXL]),
    wait=st.none() | st.floats(-60, 500),
)
backlogs = st.lists(works, max_size=8)


@st.composite
def fleets(draw: st.DrawFn) -> list[Capacity]:
    """Up to three servers, each as fast, as busy and as loaded as it likes."""
    return [
        server(
            alias,
            pace=draw(st.floats(0.01, 10)),
            load=draw(st.floats(0, 60)),
            loaded=draw(st.sampled_from([None, PONY, SDXL])),
            free_in=draw(st.floats(0, 300)),
        )
        for alias in draw(st.lists(st.sampled_from("ABC"), min_size=1, unique=True))
    ]


def no_later(left: float | None, right: float | None) -> bool:
    """Whether ``left`` is not after ``right``, but for what rounding does."""
    if left is None or right is None:
        return left is right
    return left <= right * (1 + 1e-9) + 1e-6


def all_no_later(left: dict[str, float], right: dict[str, float]) -> bool:
    return all(no_later(left[alias], right[alias]) for alias in left)


@given(backlogs, works, fleets())
def test_more_work_before_a_job_never_makes_it_earlier(
    before: list[Work], more: Work, fleet: list[Capacity]
) -> None:
    assert all_no_later(lines(before, fleet), lines([*before, more], fleet))


@given(backlogs, works, fleets())
def test_more_work_never_shortens_the_total(
    before: list[Work], more: Work, fleet: list[Capacity]
) -> None:
    now, then = backlog(before, fleet), backlog([*before, more], fleet)
    if now.unserved < now.jobs or (now.jobs == 0 and then.unserved == 0):
        assert no_later(now.seconds, then.seconds)


@given(backlogs, fleets(), st.data(), st.floats(0.1, 1))
def test_a_faster_server_never_makes_anything_later(
    before: list[Work], fleet: list[Capacity], data: st.DataObject, factor: float
) -> None:
    chosen = data.draw(st.sampled_from(fleet))
    faster = evolve(
        chosen,
        seconds=lambda checkpoint, effort: factor * chosen.seconds(checkpoint, effort),
        load_seconds=lambda checkpoint: factor * chosen.load_seconds(checkpoint),
        free_in=factor * chosen.free_in,
    )
    quicker = [faster if each is chosen else each for each in fleet]
    assert all_no_later(lines(before, quicker), lines(before, fleet))
    assert no_later(backlog(before, quicker).seconds, backlog(before, fleet).seconds)


@given(backlogs, fleets())
def test_the_total_is_as_long_as_the_longest_line_at_least(
    before: list[Work], fleet: list[Capacity]
) -> None:
    total = backlog(before, fleet)
    if total.seconds is not None:
        assert no_later(max(total.by_server.values()), total.seconds)


@given(backlogs, fleets())
def test_all_the_work_is_done_by_those_who_may_do_it(
    before: list[Work], fleet: list[Capacity]
) -> None:
    """Poured over servers of one pace that load nothing, nothing is lost and nothing is added."""
    even = [evolve(each, seconds=_as_much, load_seconds=lambda checkpoint: 0.0) for each in fleet]
    at_once = [evolve(each, not_before=None) for each in before]
    served = [each for each in at_once if any(each.target in one.targets for one in even)]
    found = lines(at_once, even)
    added = sum(found.values()) - sum(each.free_in for each in even)
    assert added == pytest.approx(_effort(served), abs=1e-3)


def _as_much(checkpoint: str | None, effort: float) -> float:
    return effort


def _effort(each: Sequence[Work]) -> float:
    return sum(one.effort for one in each)
