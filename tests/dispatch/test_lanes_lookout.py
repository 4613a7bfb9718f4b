"""One look for all lanes: a line that was found empty is not looked at again in vain."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.dispatch.lanes.lookout import Lookout
from stablequeue_core.testing.clock import FakeClock

LAPTOP, TOWER = ("Laptop", "auto"), ("Tower", "auto")


def found_empty(lookout: Lookout, targets: tuple[str, ...], clock: FakeClock) -> None:
    lookout.found_empty(targets, lookout.mark(targets), None)


def test_nothing_is_quiet_before_somebody_has_looked() -> None:
    assert not Lookout(FakeClock()).is_quiet(LAPTOP)


def test_what_one_lane_found_empty_spares_another_only_what_both_serve() -> None:
    clock = FakeClock()
    lookout = Lookout(clock)
    found_empty(lookout, LAPTOP, clock)

    assert lookout.is_quiet(LAPTOP)
    assert lookout.is_quiet(("auto",))
    assert not lookout.is_quiet(TOWER), "nobody has looked for jobs of its own"


def test_a_call_concerns_those_that_serve_the_target() -> None:
    clock = FakeClock()
    lookout = Lookout(clock)
    found_empty(lookout, LAPTOP, clock)
    found_empty(lookout, TOWER, clock)

    lookout.call("Laptop")
    assert not lookout.is_quiet(LAPTOP)
    assert lookout.is_quiet(TOWER)

    lookout.call("auto")
    assert not lookout.is_quiet(TOWER)


def test_a_call_that_comes_while_a_lane_looks_is_not_lost() -> None:
    lookout = Lookout(FakeClock())
    mark = lookout.mark(LAPTOP)
    lookout.call("Laptop")
    lookout.found_empty(LAPTOP, mark, None)

    assert not lookout.is_quiet(LAPTOP)


def test_a_line_is_quiet_until_its_next_job_is_due() -> None:
    clock = FakeClock()
    lookout = Lookout(clock)
    due = clock.now() + timedelta(seconds=5)
    lookout.found_empty(LAPTOP, lookout.mark(LAPTOP), due)
    assert lookout.is_quiet(LAPTOP)
    assert lookout.until(LAPTOP) == due

    clock.advance(5)
    assert not lookout.is_quiet(LAPTOP)


@given(st.lists(st.sampled_from(["look", "call", "call all", "call another"]), max_size=12))
def test_a_line_is_quiet_only_if_nobody_called_since_it_was_seen_empty(steps: list[str]) -> None:
    """Law: the last look decides, and every call for one of the targets undoes it."""
    clock = FakeClock()
    lookout = Lookout(clock)
    quiet = False
    for step in steps:
        if step == "look":
            found_empty(lookout, LAPTOP, clock)
            quiet = True
        elif step == "call":
            lookout.call("auto")
            quiet = False
        elif step == "call all":
            lookout.call_all()
            quiet = False
        else:
            lookout.call("Tower")
        assert lookout.is_quiet(LAPTOP) is quiet
