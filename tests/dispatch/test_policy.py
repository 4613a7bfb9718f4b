"""Which job a server takes next, as a function of values."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.dispatch.policy import choose, lacks_least
from stablequeue_core.generation import Requirements
from stablequeue_core.jobs import Candidate

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BOUND = timedelta(minutes=2)


def candidate(
    number: int,
    checkpoint: str | None = None,
    *,
    priority: int = 0,
    waited: float = 0,
    needs: Requirements | None = None,
) -> Candidate:
    return Candidate(
        id=str(number),
        target="auto" if needs else "Laptop",
        priority=priority,
        number=number,
        created_at=NOON - timedelta(seconds=waited),
        checkpoint=checkpoint,
        requirements=needs,
    )


def chosen(
    *candidates: Candidate,
    loaded: str | None = "pony",
    has: frozenset[str] = frozenset(),
    fetches: bool = False,
) -> str | None:
    choice = choose(
        candidates,
        now=NOON,
        bound=BOUND,
        is_loaded=lambda name: name is None or name == loaded,
        can_run=lambda needs: set(needs.checkpoints) <= has,
        may_fetch=lambda needs: fetches,
    )
    return choice.id if choice else None


def test_nothing_is_chosen_from_nothing() -> None:
    assert chosen() is None


def test_the_oldest_goes_first_when_no_checkpoint_is_loaded() -> None:
    assert chosen(candidate(1, "a"), candidate(2, "b"), loaded=None) == "1"


def test_the_loaded_checkpoint_goes_before_an_older_job() -> None:
    assert chosen(candidate(1, "sdxl"), candidate(2, "pony")) == "2"


def test_a_job_that_asks_for_no_checkpoint_needs_no_switch() -> None:
    assert chosen(candidate(1, "sdxl"), candidate(2, None)) == "2"


def test_priority_goes_before_the_loaded_checkpoint() -> None:
    assert chosen(candidate(5, "sdxl", priority=1), candidate(1, "pony")) == "5"


def test_nobody_waits_longer_than_the_bound_because_of_the_loaded_checkpoint() -> None:
    assert chosen(candidate(1, "sdxl", waited=121), candidate(2, "pony")) == "1"


def test_a_job_for_any_server_is_left_to_one_that_has_what_it_needs() -> None:
    needs = Requirements(checkpoints=("flux",))

    assert chosen(candidate(1, "flux", needs=needs), candidate(2, "sdxl")) == "2"
    assert chosen(candidate(1, "flux", needs=needs), has=frozenset({"flux"})) == "1"


def test_a_job_for_any_server_is_taken_to_have_its_models_fetched_only_if_it_allows_it() -> None:
    wants = candidate(1, "flux", needs=Requirements(checkpoints=("flux",), may_fetch=True))
    refuses = candidate(1, "flux", needs=Requirements(checkpoints=("flux",)))

    assert chosen(wants, fetches=True) == "1"
    assert chosen(wants, fetches=False) is None
    assert chosen(refuses, fetches=True) is None


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


@given(
    st.lists(
        st.tuples(st.sampled_from(["pony", "sdxl", None]), st.integers(0, 2), st.integers(0, 300)),
        max_size=12,
    )
)
def test_the_choice_is_always_of_the_highest_priority(
    drawn: list[tuple[str | None, int, int]],
) -> None:
    ordered = sorted(
        (candidate(i, name, priority=p, waited=w) for i, (name, p, w) in enumerate(drawn)),
        key=lambda c: (-c.priority, c.number),
    )

    choice = chosen(*ordered)

    assert (choice is None) == (not ordered)
    if choice is not None:
        by_id = {c.id: c for c in ordered}
        assert by_id[choice].priority == ordered[0].priority
