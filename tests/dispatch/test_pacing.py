"""Looking through all that waits takes its time: seldom enough, and never an occasion is lost."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.dispatch.supply_worlds import SupplyWorld

from stablequeue_core import Job
from stablequeue_core.dispatch.dispatcher import REST
from stablequeue_core.dispatch.upkeep.arrivals import Arrivals
from stablequeue_core.dispatch.upkeep.joining import Joining
from stablequeue_core.dispatch.upkeep.pacing import Pace
from stablequeue_core.storage.memory.jobs import MemoryJobs
from stablequeue_core.storage.memory.state import Memory
from stablequeue_core.storage.memory.storage import MemoryStorage
from stablequeue_core.testing.clock import FakeClock


class SlowJobs(MemoryJobs):
    """Jobs that take a while to look through, by the clock.

    Attributes:
        looks: how often somebody did.
    """

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(Memory())
        self.looks = 0
        self._clock = clock

    def waiting(self) -> Sequence[Job]:
        return self._looked_at(super().waiting())

    def in_parts(self) -> Sequence[Job]:
        return self._looked_at(super().in_parts())

    def _looked_at(self, jobs: Sequence[Job]) -> Sequence[Job]:
        self.looks += 1
        self._clock.advance(0.1)
        return jobs


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SupplyWorld]:
    made = SupplyWorld(tmp_path / "queue")
    yield made
    made.close(grace=0)


def test_what_took_long_rests_for_long() -> None:
    clock = FakeClock()
    pace = Pace(clock, 0.25)

    assert pace.may_begin()
    clock.advance(2)
    pace.rest()
    clock.advance(7.9)
    assert not pace.may_begin()
    clock.advance(0.1)
    assert pace.may_begin()


def test_a_turn_that_came_too_soon_is_due_when_the_rest_is_over() -> None:
    clock = FakeClock()
    pace = Pace(clock, 0.25)
    pace.may_begin()
    clock.advance(1)
    pace.rest()
    assert pace.due_in == math.inf, "nobody has asked for another one"

    clock.advance(1)
    assert not pace.may_begin()
    assert pace.due_in == pytest.approx(3)
    clock.advance(3)
    assert pace.due_in == 0
    assert pace.may_begin()
    assert pace.due_in == math.inf, "it was made good"


def test_neither_arrivals_nor_parts_are_looked_through_all_the_time_nor_left_out() -> None:
    clock = FakeClock()
    jobs = SlowJobs(clock)
    for duty in (Arrivals(jobs, MemoryStorage().downloads, clock), Joining(jobs, clock)):
        jobs.looks = 0
        duty.settle()
        duty.settle()
        assert jobs.looks == 1
        assert 0 < duty.due_in < math.inf

        clock.advance(duty.due_in)
        duty.settle()
        assert jobs.looks == 2


def test_a_download_that_ends_just_after_a_look_is_not_noticed_by_chance(
    world: SupplyWorld,
) -> None:
    began = time.monotonic()
    for seed in range(6):
        job = world.until_waiting(world.wanting(seed=seed))
        world.cancel_download(job.waits_for[0])
        world.until_failed(job)

    assert time.monotonic() - began < REST
