"""What small jobs teach: bounds of the pace, and no more, however many of them there are."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.dispatch.costing.costs import CostBook
from stablequeue_core.dispatch.costing.learned import (
    DEFAULT_PACE,
    ORDINARY_EFFORT,
    TYPICAL_EFFORT,
)
from stablequeue_core.dispatch.explaining.estimates import Capacity, lines
from stablequeue_core.jobs import Work
from stablequeue_core.servers import Cost
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.clock import FakeClock

SMOKE_TEST = 64 * 64 * 2 / 1e6
PREVIEW = 512 * 512 * 4 / 1e6
ORDINARY = 512 * 512 * 20 / 1e6
THIRTY_STEPS = 512 * 512 * 30 / 1e6


@frozen
class Card:
    """What a job really takes: a part for each, however small it is, and its own work."""

    pace: float
    fixed: float = 0.0
    load: float = 15.0

    def seconds(self, effort: float) -> float:
        return self.fixed + self.pace * effort


QUICK = Card(pace=0.2, fixed=0.5)
SLOW = Card(pace=30.0, fixed=1.0)


@frozen
class Done:
    """A job that a card has finished: of what size, and how its time strayed from the usual."""

    effort: float
    strayed: float = 1.0
    loaded: bool = True


def book(*stored: Cost) -> CostBook:
    storage = MemoryStorage()
    for cost in stored:
        storage.costs.save(cost)
    costs = CostBook(storage.costs, lambda name: "SDXL", clock=FakeClock())
    costs.refresh()
    return costs


def run(costs: CostBook, card: Card, jobs: Iterable[Done], *, server: str = "Tower") -> None:
    for job in jobs:
        seconds = card.seconds(job.effort) * job.strayed + (0 if job.loaded else card.load)
        costs.learn(server, "pony", effort=job.effort, seconds=seconds, was_loaded=job.loaded)


def estimate(costs: CostBook, effort: float, *, server: str = "Tower") -> float:
    return costs.seconds(server, "pony", effort)


def capacity(costs: CostBook, alias: str) -> Capacity:
    """A card that is idle, with the checkpoint loaded."""
    return Capacity(
        alias=alias,
        targets=(alias, "auto"),
        free_in=0.0,
        seconds=lambda checkpoint, effort: costs.seconds(alias, checkpoint, effort),
        load_seconds=lambda checkpoint: 0.0,
    )


cards = st.builds(Card, pace=st.floats(0.02, 30), fixed=st.floats(0, 3), load=st.floats(0.1, 60))
small = st.builds(Done, st.floats(0.001, PREVIEW), st.floats(0.8, 1.2), st.booleans())
ordinary_efforts = st.floats(ORDINARY_EFFORT, 100)


def test_two_smoke_tests_do_not_keep_the_queue_from_an_idle_card() -> None:
    costs, simulated = book(), Card(pace=0.19, fixed=0.1)
    run(costs, simulated, [Done(ORDINARY)] * 2, server="Laptop")
    run(costs, simulated, [Done(SMOKE_TEST, loaded=False), Done(SMOKE_TEST)])

    fleet = [capacity(costs, alias) for alias in ("Laptop", "Tower")]
    todo = [Work(target="auto", checkpoint="pony", count=20, effort=20 * ORDINARY)]

    found = lines(todo, fleet, now=FakeClock().now())
    assert found["Tower"] == pytest.approx(simulated.seconds(ORDINARY) * 10, rel=0.25)
    assert found["Laptop"] == pytest.approx(found["Tower"], rel=0.1)


def test_an_estimate_is_learned_after_an_ordinary_job_not_after_small_ones() -> None:
    costs = book()
    run(costs, QUICK, [Done(SMOKE_TEST), Done(PREVIEW)] * 20)
    assert not costs.is_learned("Tower", "pony")
    assert not costs.is_learned("Tower", None)

    run(costs, QUICK, [Done(ORDINARY)])
    assert costs.is_learned("Tower", "pony")
    assert costs.is_learned("Tower", None)


def test_a_job_that_tells_only_of_loading_leaves_the_pace_a_guess() -> None:
    costs = book()
    run(costs, QUICK, [Done(ORDINARY)], server="Laptop")
    run(costs, QUICK, [Done(ORDINARY, loaded=False)])

    assert costs.load("Tower", "pony") == pytest.approx(QUICK.load)
    assert not costs.is_learned("Tower", "pony")


@given(cards, st.lists(small, max_size=60), ordinary_efforts, st.floats(0.8, 1.2))
def test_one_ordinary_job_takes_the_place_of_what_small_ones_have_told(
    card: Card, before: list[Done], effort: float, strayed: float
) -> None:
    costs = book()
    run(costs, card, before)
    run(costs, card, [Done(effort, strayed)])

    assert estimate(costs, effort) == pytest.approx(card.seconds(effort), rel=0.25)


@given(cards, st.data(), ordinary_efforts)
def test_whatever_was_between_fifteen_ordinary_jobs_put_it_right(
    card: Card, data: st.DataObject, effort: float
) -> None:
    costs = book()
    run(costs, card, data.draw(st.lists(st.one_of(small, st.just(Done(effort))), max_size=60)))
    run(costs, card, [Done(effort)] * 15)

    assert estimate(costs, effort) == pytest.approx(card.seconds(effort), rel=0.25)


@given(cards, st.lists(small, max_size=20), st.integers(1, 30), ordinary_efforts)
def test_small_jobs_alone_mislead_by_a_bounded_factor_however_many_they_are(
    card: Card, jobs: list[Done], times: int, effort: float
) -> None:
    """At most by the size of a job in the least ordinary ones: five, for a typical job.

    They never make an estimate shorter than the work itself, strays aside.
    """
    costs = book()
    before = estimate(costs, effort)
    run(costs, card, jobs * times)

    most = 1.2 * card.seconds(effort) * effort / ORDINARY_EFFORT
    least = 0.8 * card.pace * effort
    now = estimate(costs, effort)
    assert min(before, least) * (1 - 1e-9) <= now <= max(before, most) * (1 + 1e-9)
    assert TYPICAL_EFFORT / ORDINARY_EFFORT == 5


@pytest.mark.parametrize("card", [QUICK, Card(pace=0.05, fixed=0.3), Card(pace=0.5)])
def test_a_thousand_smoke_tests_do_not_change_what_an_ordinary_job_has_told(card: Card) -> None:
    costs = book()
    run(costs, card, [Done(ORDINARY)])
    run(costs, card, [Done(SMOKE_TEST)] * 1000)

    assert estimate(costs, ORDINARY) == pytest.approx(card.seconds(ORDINARY), rel=0.05)


def test_previews_between_ordinary_jobs_do_not_slow_their_estimates_down() -> None:
    costs = book()
    run(costs, QUICK, [Done(THIRTY_STEPS), *[Done(PREVIEW)] * 10] * 20)

    assert estimate(costs, THIRTY_STEPS) == pytest.approx(QUICK.seconds(THIRTY_STEPS), rel=0.05)


def test_a_card_that_is_very_slow_shows_it_by_previews_already() -> None:
    costs = book()
    run(costs, SLOW, [Done(PREVIEW)] * 10)

    guess = estimate(costs, PREVIEW)
    assert guess > 10 * DEFAULT_PACE * PREVIEW
    assert SLOW.seconds(PREVIEW) / 5 <= guess <= SLOW.seconds(PREVIEW)


def test_a_card_that_is_quicker_than_was_thought_shows_it_by_previews_already() -> None:
    costs = book()
    run(costs, Card(pace=0.05), [Done(PREVIEW)] * 10)

    assert estimate(costs, ORDINARY) < 0.2 * DEFAULT_PACE * ORDINARY


def test_small_jobs_tell_how_long_loading_takes() -> None:
    costs = book()
    run(costs, QUICK, [Done(SMOKE_TEST, loaded=False)] * 3)
    run(costs, QUICK, [Done(ORDINARY), Done(ORDINARY, loaded=False)])

    assert costs.load("Tower", "pony") == pytest.approx(QUICK.load, rel=0.05)


def test_a_small_first_job_does_not_stand_before_what_other_cards_have_shown() -> None:
    costs = book()
    run(costs, QUICK, [Done(SMOKE_TEST, loaded=False), Done(SMOKE_TEST)])
    run(costs, QUICK, [Done(ORDINARY)], server="Laptop")

    assert estimate(costs, ORDINARY) == pytest.approx(QUICK.seconds(ORDINARY))


def test_a_huge_job_weighs_no_more_than_a_typical_one() -> None:
    huge, typical = book(), book()
    for costs, effort in ((huge, 10_000), (typical, TYPICAL_EFFORT)):
        run(costs, Card(pace=0.5), [Done(TYPICAL_EFFORT)] * 10)
        run(costs, Card(pace=0.5), [Done(effort, strayed=2.0)])

    assert estimate(huge, ORDINARY) == pytest.approx(estimate(typical, ORDINARY))


@given(st.data(), st.floats(0.02, 30), st.floats(0, 2))
def test_the_order_of_the_jobs_matters_little(
    data: st.DataObject, pace: float, fixed: float
) -> None:
    """No more than the jobs themselves stray from each other."""
    card = Card(pace=pace, fixed=fixed * pace)
    stray = st.floats(0.9, 1.1)
    of_size = st.builds(Done, st.just(ORDINARY), stray)
    previews = st.builds(Done, st.floats(0.001, PREVIEW), stray)
    jobs = data.draw(st.lists(st.one_of(of_size, previews), max_size=30))
    one, other = book(), book()
    run(one, card, [*jobs, Done(ORDINARY)])
    run(other, card, [Done(ORDINARY), *data.draw(st.permutations(jobs))])

    assert estimate(one, ORDINARY) == pytest.approx(estimate(other, ORDINARY), rel=0.25)


def test_what_an_earlier_version_has_stored_stands_until_ordinary_jobs_correct_it() -> None:
    """It counted every job, small ones, too: a pace far too slow is put right all the same."""
    wrong = [
        Cost(server="Tower", family=family, pace=64 * 0.3, load=15.0, samples=2)
        for family in ("", "SDXL")
    ]
    costs = book(*wrong)
    assert costs.is_learned("Tower", None)
    assert estimate(costs, ORDINARY) == pytest.approx(64 * 0.3 * ORDINARY)

    run(costs, Card(pace=0.3), [Done(ORDINARY)] * 30)
    assert estimate(costs, ORDINARY) == pytest.approx(0.3 * ORDINARY, rel=0.25)


def test_a_count_without_a_pace_of_an_earlier_version_is_not_taken_for_a_learned_one() -> None:
    costs = book(Cost(server="Tower", family="", load=15.0, samples=3))

    assert not costs.is_learned("Tower", None)
