"""Servers that fall silent while a job of ours runs there, and what is told of them meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.worlds import World, with_settings

from stablequeue_core import EventKind, Job, JobStatus, ServerHealth, ServerStatus
from stablequeue_core.testing.forge_simulator import Fault, SimulatedForge


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[World]:
    """Two servers with the same models; ``Laptop`` is the one in trouble."""
    forges = {alias: SimulatedForge.with_sample_models() for alias in ("Laptop", "Tower")}
    settings = with_settings(answer_timeout=0.15, connect_timeout=0.15)
    made = World(tmp_path / "queue", forges, settings=settings)
    yield made
    for forge in forges.values():
        forge.faults.clear()
    made.close(grace=0)


@pytest.fixture
def hung(pair: World) -> Iterator[tuple[World, Job]]:
    """``Laptop`` has begun a job, and answers nothing any more."""
    with pair.forge.held(step=2):
        job = pair.until_running(pair.submit("Laptop"))
        pair.until(lambda: pair.queue.progress(job.id))
        pair.forge.faults.next("*", Fault.HANG, times=None)
        pair.until(lambda: health(pair).unanswered_since)
        yield pair, job
        pair.forge.faults.clear()


def health(pair: World) -> ServerHealth:
    """How ``Laptop`` feels."""
    return pair.queue.servers.health("Laptop")


def told_job(pair: World) -> str | None:
    """What ``Laptop`` runs, as other processes are told."""
    report = pair.queue.reports().get("Laptop")
    return report.job_id if report else None


def told_states(pair: World) -> list[str]:
    """How ``Laptop`` felt, event by event."""
    events = [e for e in pair.queue.events() if e.kind is EventKind.SERVER_HEALTH]
    return [event.data["status"] for event in events if event.server == "Laptop"]


def test_a_server_that_hangs_during_a_job_does_not_look_healthy(hung: tuple[World, Job]) -> None:
    pair, job = hung
    told = health(pair)
    assert (told.status, told.in_words) == (ServerStatus.UNKNOWN, "not answering")
    assert told.last_error is not None
    assert "has not answered since" in told.last_error
    assert job.id in told.last_error
    assert "given up after 3 min without progress" in told.last_error
    assert told.checked_at is not None
    assert told.unanswered_since is not None
    assert abs(told.checked_at - told.unanswered_since) < timedelta(seconds=1)
    assert pair.queue.servers.waiting_reason("Laptop") == told.last_error


def test_nobody_is_told_when_a_job_is_done_whose_server_hangs(hung: tuple[World, Job]) -> None:
    pair, job = hung
    explanation = pair.queue.explain(job)
    assert "but the server has not answered for" in explanation.why
    assert explanation.why.endswith("the job is given up there in about 3 min.")
    assert explanation.eta_seconds is None
    assert pair.queue.eta(job) is None


def test_what_stands_behind_it_is_told_that_the_server_hangs(hung: tuple[World, Job]) -> None:
    pair, _ = hung
    behind = pair.submit("Laptop")
    explanation = pair.queue.explain(behind)
    assert explanation.why.startswith("Server 'Laptop' has not answered for")
    assert "the job that it runs is given up there in about 3 min" in explanation.why
    assert explanation.eta_seconds is None
    assert "has not answered for" in (pair.queue.waiting_reason(behind) or "")
    assert pair.queue.status().eta_seconds is None


def test_a_job_for_any_server_runs_elsewhere_meanwhile(hung: tuple[World, Job]) -> None:
    pair, _ = hung
    assert pair.run("auto").server == "Tower"


def test_a_server_that_wakes_up_is_well_again(hung: tuple[World, Job]) -> None:
    pair, job = hung
    pair.forge.faults.clear()
    pair.until(lambda: health(pair).status is ServerStatus.ONLINE)
    told = health(pair)
    assert (told.last_error, told.unanswered_since) == (None, None)
    assert pair.queue.eta(job) is not None

    pair.until(lambda: told_states(pair) == ["online", "unknown", "online"])


def test_the_log_tells_once_that_a_server_hangs_and_once_that_it_is_over(
    pair: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "stablequeue_core.dispatch.links.reporter")
    with pair.forge.held(step=2):
        job = pair.until_running(pair.submit("Laptop"))
        pair.forge.faults.next("/internal/progress", Fault.HANG, times=4)
        pair.until(lambda: health(pair).unanswered_since)
        pair.until(lambda: pair.forge.faults.pending == 0)
        pair.until(lambda: not health(pair).unanswered_since)

    assert pair.finish(job).status is JobStatus.COMPLETED
    silent, again = caplog.messages
    assert silent.startswith("Server 'Laptop' has not answered since")
    assert again == "Server 'Laptop' answers again."


def test_a_few_questions_that_are_not_answered_are_no_silence(tmp_path: Path) -> None:
    world = World(tmp_path, settings=with_settings(answer_timeout=5.0))
    with world.forge.held(step=2):
        job = world.until_running(world.submit())
        world.forge.faults.next("/internal/progress", Fault.UNAVAILABLE, times=20)
        world.until(lambda: world.forge.faults.pending == 0)
        assert health(world).status is ServerStatus.ONLINE
    assert world.finish(job).status is JobStatus.COMPLETED
    world.close()


def test_a_server_that_is_lost_does_not_go_on_showing_its_job(pair: World) -> None:
    pair.queue.servers.pause("Tower")
    with pair.forge.held(step=2):
        job = pair.until_running(pair.submit("auto"))
        pair.until(lambda: told_job(pair) == job.id)
        pair.queue.servers.resume("Tower")
        with pair.forge.unplugged():
            assert pair.finish(job).server == "Tower"
            pair.until(lambda: told_job(pair) is None, timeout=3)
            assert pair.queue.reports()["Laptop"].progress is None
            assert health(pair).status is ServerStatus.OFFLINE


def test_an_answer_about_a_job_counts_as_a_look_at_its_server(pair: World) -> None:
    """A server that works all day is never asked how it feels."""
    with pair.forge.held(step=2):
        job = pair.until_running(pair.submit("Laptop"))
        begun = job.attempts[-1].started_at
        pair.until(lambda: (health(pair).checked_at or begun) > begun, timeout=3)
    assert pair.finish(job).status is JobStatus.COMPLETED


def test_a_picture_that_came_counts_as_a_look_at_its_server(tmp_path: Path) -> None:
    world = World(tmp_path, settings=with_settings(poll=30.0))
    world.run()
    job = world.run()
    checked_at = health(world).checked_at
    assert checked_at is not None
    assert checked_at > job.attempts[-1].started_at
    world.close()
