"""What jobs cost: learned from those that are finished, never asked for while a job is claimed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.dispatch.costing.costs import (
    BELIEVED,
    FAMILY_BELIEVED,
    HELD_BACK,
    CostBook,
    families_of,
)
from stablequeue_core.dispatch.costing.learned import (
    DEFAULT_LOAD,
    DEFAULT_PACE,
    LARGEST_JUMP,
    TYPICAL_EFFORT,
)
from stablequeue_core.errors import ModelNotFound, StorageUnreachable
from stablequeue_core.models import Model, ModelKind
from stablequeue_core.servers import Cost, CostStore
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.clock import FakeClock

FAMILIES = {"pony": "SDXL", "juggernaut": "SDXL", "schnell": "Flux.1"}


class Costs(CostStore):
    """Remembers what was learned, counts how often it is read, and may be away."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Cost] = {}
        self.reads = self.writes = 0
        self.is_away = False

    def all(self) -> Sequence[Cost]:
        self.reads += 1
        self._check()
        return list(self.kept.values())

    def save(self, cost: Cost) -> None:
        self._check()
        self.writes += 1
        self.kept[cost.server, cost.family] = cost

    def _check(self) -> None:
        if self.is_away:
            raise StorageUnreachable("The database is away.")


def book(
    store: CostStore | None = None,
    clock: FakeClock | None = None,
    family_of: Callable[[str], str | None] = FAMILIES.get,
) -> CostBook:
    return CostBook(store or Costs(), family_of, clock=clock or FakeClock())


def learn(
    costs: CostBook, checkpoint: str, seconds: float, *, server: str = "Laptop", loaded: bool = True
) -> None:
    costs.learn(server, checkpoint, effort=20, seconds=seconds, was_loaded=loaded)


def test_where_nothing_was_learned_there_is_a_default() -> None:
    costs = book()

    assert costs.seconds("Laptop", "pony", 10) == DEFAULT_PACE * 10
    assert costs.load("Laptop", "pony") == DEFAULT_LOAD
    assert not costs.is_learned("Laptop", "pony")


def test_a_job_of_unknown_effort_is_taken_for_a_typical_one() -> None:
    assert book().seconds("Laptop", "pony", 0) == DEFAULT_PACE * TYPICAL_EFFORT


def test_where_no_checkpoint_is_named_nothing_is_loaded() -> None:
    assert book().load("Laptop", None) == 0


def test_a_finished_job_tells_what_others_of_its_family_will_take() -> None:
    costs = book()

    learn(costs, "pony", 40)

    assert costs.seconds("Laptop", "juggernaut", 20) == 40
    assert costs.is_learned("Laptop", "pony")


def test_a_family_that_was_not_seen_takes_what_the_server_takes_for_anything() -> None:
    costs = book()
    learn(costs, "pony", 40)
    learn(costs, "schnell", 4, server="Desktop")

    assert costs.seconds("Laptop", "schnell", 20) == 40


def test_what_was_learned_holds_for_every_spelling_of_a_checkpoint() -> None:
    costs = book()
    learn(costs, "SDXL/my_mix_1.5.safetensors [31e35c80fc]", 40)
    learn(costs, "my_mix_1.0", 4)

    assert costs.seconds("Laptop", "my_mix_1.5", 20) == 40
    assert costs.seconds("Laptop", "my_mix_1.0.safetensors", 20) == 4


def test_a_server_that_was_not_seen_takes_what_others_take_for_the_family() -> None:
    costs = book()
    learn(costs, "pony", 40)
    learn(costs, "schnell", 100)

    assert costs.seconds("Desktop", "pony", 20) == 40
    assert costs.seconds("Desktop", "schnell", 20) == 100


def test_loading_is_told_apart_from_work_once_the_pace_is_known() -> None:
    costs = book()
    learn(costs, "pony", 40)

    learn(costs, "juggernaut", 52, loaded=False)

    assert costs.load("Laptop", "pony") == pytest.approx(12)
    assert costs.seconds("Laptop", "pony", 20) == pytest.approx(40)


def test_one_job_that_took_for_ever_does_not_spoil_the_estimate() -> None:
    costs = book()
    for _ in range(10):
        learn(costs, "pony", 10)

    learn(costs, "pony", 10_000)

    assert costs.seconds("Laptop", "pony", 20) < 10 * LARGEST_JUMP


@given(st.lists(st.tuples(st.floats(0, 1e6), st.booleans()), max_size=30))
def test_estimates_are_always_above_zero_and_finite(jobs: list[tuple[float, bool]]) -> None:
    costs = book()
    for seconds, loaded in jobs:
        learn(costs, "pony", seconds, loaded=loaded)

    assert 0 < costs.seconds("Laptop", "pony", 20) < float("inf")
    assert 0 < costs.load("Laptop", "pony") < float("inf")


@given(st.floats(0.01, 1000), st.floats(0.1, 300))
def test_a_steady_server_is_learned_within_forty_jobs(pace: float, load: float) -> None:
    costs = book()
    for number in range(40):
        loaded = number % 2 == 0
        costs.learn(
            "Laptop",
            "pony",
            effort=20,
            seconds=pace * 20 + (0 if loaded else load),
            was_loaded=loaded,
        )

    assert costs.seconds("Laptop", "pony", 20) == pytest.approx(pace * 20, rel=0.05)
    assert costs.load("Laptop", "pony") == pytest.approx(load, rel=0.05, abs=0.1)


def test_what_was_learned_survives_in_the_storage() -> None:
    storage = MemoryStorage()
    learn(CostBook(storage.costs, FAMILIES.get, clock=FakeClock()), "pony", 40)

    later = CostBook(storage.costs, FAMILIES.get, clock=FakeClock())
    later.refresh()

    assert later.seconds("Laptop", None, 20) == 40


def test_many_small_jobs_are_not_written_down_one_by_one_but_all_of_them_soon() -> None:
    store, clock = Costs(), FakeClock()
    costs = book(store, clock)
    for _ in range(100):
        learn(costs, "pony", 40)
    assert store.writes == len(store.kept) == 2

    clock.advance(HELD_BACK)
    costs.refresh()

    assert {cost.samples for cost in store.kept.values()} == {100}


def test_what_is_held_back_counts_at_once_and_after_others_were_read() -> None:
    clock = FakeClock()
    costs = book(clock=clock)
    learn(costs, "pony", 40)
    learn(costs, "schnell", 4)
    assert costs.seconds("Laptop", "schnell", 20) == 4

    clock.advance(BELIEVED)
    costs.refresh()

    assert costs.seconds("Laptop", "schnell", 20) == 4


def test_what_was_held_back_survives_a_close() -> None:
    store = Costs()
    costs = book(store)
    for _ in range(7):
        learn(costs, "pony", 40)

    costs.close()

    assert {cost.samples for cost in store.kept.values()} == {7}


def test_of_a_server_that_is_gone_nothing_more_is_written_down() -> None:
    store = Costs()
    costs = book(store)
    learn(costs, "pony", 40)
    store.kept.clear()
    learn(costs, "pony", 40)
    learn(costs, "pony", 40, server="Desktop")

    costs.forget("Laptop")
    costs.close()

    assert {cost.server for cost in store.kept.values()} == {"Desktop"}


def test_what_could_not_be_written_down_is_once_the_database_is_back() -> None:
    store, clock = Costs(), FakeClock()
    costs = book(store, clock)
    store.is_away = True
    learn(costs, "pony", 40)
    store.is_away = False

    clock.advance(HELD_BACK)
    costs.refresh()

    assert costs.seconds("Laptop", "pony", 20) == 40
    assert {cost.samples for cost in store.kept.values()} == {1}


def test_what_another_process_learns_is_seen_after_a_few_seconds() -> None:
    store, clock = Costs(), FakeClock()
    ours, theirs = book(store, clock), book(store, clock)
    ours.refresh()
    learn(theirs, "pony", 40)
    clock.advance(BELIEVED)

    ours.refresh()

    assert ours.seconds("Laptop", None, 20) == 40


def test_the_storage_is_not_asked_while_a_job_is_claimed_and_seldom_else() -> None:
    store = Costs()
    costs = book(store)

    costs.seconds("Laptop", "pony", 20)
    costs.load("Laptop", "pony")
    assert store.reads == 0

    costs.refresh()
    costs.refresh()
    assert store.reads == 1


def test_the_catalogue_is_not_asked_while_a_job_is_claimed() -> None:
    asked: list[str] = []

    def family_of(name: str) -> str | None:
        asked.append(name)
        return FAMILIES.get(name)

    clock = FakeClock()
    costs = book(clock=clock, family_of=family_of)
    costs.seconds("Laptop", "pony", 20)
    assert asked == []

    costs.refresh()
    costs.seconds("Laptop", "pony", 20)
    costs.refresh()
    assert asked == ["pony"]

    clock.advance(FAMILY_BELIEVED)
    costs.seconds("Laptop", "pony", 20)
    costs.refresh()
    assert asked == ["pony", "pony"]


def test_a_database_that_is_away_costs_nothing_but_news() -> None:
    store, clock = Costs(), FakeClock()
    costs = book(store, clock)
    store.is_away = True

    learn(costs, "pony", 40)
    clock.advance(BELIEVED)
    costs.refresh()

    assert costs.seconds("Laptop", "pony", 20) == 40


def test_a_checkpoint_that_the_catalogue_does_not_know_has_no_family() -> None:
    def find(name: str, kind: ModelKind) -> Model:
        raise ModelNotFound(name)

    assert families_of(find)("pony.safetensors [31e35c80fc]") is None


def test_the_spellings_of_a_checkpoint_without_a_family_mean_the_same() -> None:
    costs = book(family_of=lambda name: None)

    learn(costs, "Pony/x.safetensors [31e35c80fc]", 40)

    assert costs.is_learned("Laptop", "X")
