"""Jobs that may not start yet: what they are told, and that they stand in nobody's way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.dispatch.explain_worlds import ExplainWorld

from stablequeue_core import Job

HOURS = 13 * 3600.0
SIZE = {"width": 1000, "height": 1000, "steps": 1}


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[ExplainWorld]:
    """Two servers that take ten seconds for a picture."""
    made = ExplainWorld(tmp_path)
    for alias in ("Laptop", "Tower"):
        made.learn(alias, pace=10.0)
    yield made
    made.close()


def tomorrow(world: ExplainWorld, seconds: float = HOURS, **how: Any) -> Job:
    """A job for Laptop that may start then, and goes before those of now."""
    time = world.clock.now() + timedelta(seconds=seconds)
    params = {"positive_prompt": "a cat", **SIZE}
    return world.queue.submit("Laptop", params, not_before=time, priority=5, **how)


def test_a_job_for_tomorrow_stands_before_nobody_today(fleet: ExplainWorld) -> None:
    tomorrow(fleet)
    job = fleet.submit("Laptop", **SIZE)
    explanation = fleet.explain(job)
    assert explanation.why == "It is next, and starts at once on server 'Laptop'."
    assert (explanation.position, explanation.before) == (0, 0)
    assert explanation.eta_seconds == fleet.queue.eta(job) == pytest.approx(10)
    assert fleet.queue.position(job) == 0


def test_a_job_whose_time_has_come_stands_before_others_again(fleet: ExplainWorld) -> None:
    tomorrow(fleet, 60.0)
    job = fleet.submit("Laptop", **SIZE)
    fleet.clock.advance(60.0)
    fleet.tell("Laptop")
    assert fleet.why(job).startswith("1 job stands before it; it starts in about 10 s")


def test_jobs_for_the_same_time_stand_before_each_other(fleet: ExplainWorld) -> None:
    tomorrow(fleet)
    tomorrow(fleet)
    last = tomorrow(fleet)
    explanation = fleet.explain(last)
    assert (explanation.position, explanation.before) == (2, 2)
    assert explanation.eta_seconds == pytest.approx(HOURS + 30)


def test_all_is_done_when_the_job_for_tomorrow_is(fleet: ExplainWorld) -> None:
    tomorrow(fleet)
    fleet.submit("Laptop", **SIZE)
    status = fleet.queue.status()
    assert status.eta_seconds == pytest.approx(HOURS + 10)
    assert (status.backlog.jobs, status.backlog.later) == (2, 1)
    assert status.backlog.by_server == {"Laptop": pytest.approx(10), "Tower": 0}
