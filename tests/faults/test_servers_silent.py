"""Servers that accept and never answer, and networks that are cut."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.accounts import check_accounts, story
from tests.worlds import World, with_settings

from stablequeue_core import JobStatus, ServerStatus
from stablequeue_core.testing.forge_simulator import Fault, SimulatedForge

IMPATIENT = with_settings(
    stall_base=0.15, stall_per_megapixel_step=0.001, answer_timeout=0.15, connect_timeout=0.15
)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[World]:
    """Two servers with the same models; ``Laptop`` is the one that falls silent."""
    forges = {alias: SimulatedForge.with_sample_models() for alias in ("Laptop", "Tower")}
    world = World(tmp_path / "queue", forges, settings=IMPATIENT)
    yield world
    for forge in forges.values():
        forge.faults.clear()
    world.close(grace=0)


def test_a_server_that_accepts_and_never_answers_loses_its_jobs_to_another(pair: World) -> None:
    pair.forge.faults.next("txt2img", Fault.HANG, times=None)
    jobs = [pair.submit("auto") for _ in range(4)]

    ended = check_accounts(pair.queue, jobs)

    assert {job.status for job in ended} == {JobStatus.COMPLETED}
    assert {job.server for job in ended} == {"Tower"}
    assert all([a.server for a in job.attempts].count("Laptop") <= 1 for job in ended)


def test_a_job_that_named_a_silent_server_is_made_when_it_speaks_again(pair: World) -> None:
    pair.forge.faults.next("txt2img", Fault.HANG, times=2)

    (done,) = check_accounts(pair.queue, [pair.submit("Laptop")])

    assert done.status is JobStatus.COMPLETED
    assert story(done) == [
        ("Laptop", None, "stalled"),
        ("Laptop", None, "stalled"),
        ("Laptop", None, None),
    ]


def test_a_server_that_never_answers_a_job_ends_it_with_the_whole_story(pair: World) -> None:
    pair.forge.faults.next("txt2img", Fault.HANG, times=None)

    (failed,) = check_accounts(pair.queue, [pair.submit("Laptop")])

    assert failed.failure is not None
    assert failed.failure.code == "stalled"
    assert "restart the server" in failed.failure.message
    assert len(failed.failure.details["attempts"]) == pair.settings.max_attempts


def test_a_server_that_answers_nothing_at_all_holds_up_only_its_own_jobs(pair: World) -> None:
    pair.forge.faults.next("*", Fault.HANG, times=None)
    own = pair.submit("Laptop")
    free = [pair.submit("auto") for _ in range(3)]
    for job in free:
        assert pair.finish(job).server == "Tower"
    pair.until(lambda: pair.queue.servers.health("Laptop").status is ServerStatus.OFFLINE)
    assert pair.queue.get(own.id).status is JobStatus.PENDING

    pair.forge.faults.clear()

    ended = check_accounts(pair.queue, [own, *free])
    assert {job.status for job in ended} == {JobStatus.COMPLETED}
    assert ended[0].failures == 0


@pytest.mark.parametrize(
    "seconds", [0.5, pytest.param(60.0, marks=[pytest.mark.soak, pytest.mark.timeout(180)])]
)
def test_a_network_that_is_cut_while_jobs_run_loses_none_of_them(
    pair: World, seconds: float
) -> None:
    pause = threading.Event()
    with pair.forge.held(step=1):
        running = pair.submit("Laptop", num_images=2)
        pair.until_running(running)
        with pair.forge.unplugged():
            waiting = [pair.submit(target) for target in ("Laptop", "auto", "Tower")]
            pause.wait(seconds)
            assert pair.queue.get(running.id).status is JobStatus.PENDING
            assert pair.queue.get(waiting[0].id).status is JobStatus.PENDING

    ended = check_accounts(pair.queue, [running, *waiting])

    assert {job.status for job in ended} == {JobStatus.COMPLETED}
    assert ended[0].attempts[0].error == "answer_lost"
    assert ended[0].failures == 1, "a server that is out of reach uses up no attempt"
    assert {picture.seed for picture in pair.forge.rendered} >= {ended[0].seed}


def test_a_network_that_comes_and_goes_loses_no_job(pair: World) -> None:
    pause = threading.Event()
    jobs = []
    for _ in range(6):
        jobs += [pair.submit("Laptop"), pair.submit("auto")]
        with pair.forge.unplugged():
            pause.wait(0.03)
        pause.wait(0.05)

    ended = check_accounts(pair.queue, jobs)

    assert {job.status for job in ended} == {JobStatus.COMPLETED}
