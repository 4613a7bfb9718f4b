"""Servers that die, whatever they are at, and jobs that kill them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.faults.accounts import check_accounts, story
from tests.worlds import PONY, SDXL, World

from stablequeue_core import JobStatus
from stablequeue_core.testing.forge_simulator import Fault, Phase, SimulatedForge


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[World]:
    """Two servers with the same models; ``Laptop`` is the one that dies."""
    forges = {alias: SimulatedForge.with_sample_models() for alias in ("Laptop", "Tower")}
    world = World(tmp_path / "queue", forges)
    yield world
    world.close(grace=0)


def while_idle(world: World) -> None:
    world.run("Laptop")
    world.forge.restart()


def while_it_loads(world: World) -> None:
    with world.forge.held(loading=True):
        world.submit("Laptop", checkpoint_name=PONY)
        world.forge.wait_until(lambda forge: forge.loading)
        world.forge.restart()


def at_the_first_step(world: World) -> None:
    with world.forge.held(step=0):
        world.until_running(world.submit("Laptop"))
        world.forge.restart()


def at_the_last_step_of_the_second_picture(world: World) -> None:
    world.submit("Laptop", num_images=2)
    with world.forge.held(step=3):
        world.forge.wait_until(lambda forge: forge.sampling_step == 3)
        world.forge.restart()


def before_it_answers(world: World) -> None:
    world.forge.faults.next("txt2img", Fault.LOSE_ANSWER)
    world.submit("Laptop")
    world.forge.wait_until(lambda forge: forge.rendered)
    world.forge.restart()


def behind_somebody_elses_job(world: World) -> None:
    with world.forge.held(step=0):
        human = world.forge.human_job()
        world.forge.wait_until(lambda forge: forge.active_task == human.task_id)
        job = world.submit("Laptop")
        world.until(lambda: world.queue.get(job.id).task_id in world.forge.waiting_tasks)
        world.forge.restart()


def while_it_starts(world: World) -> None:
    world.submit("Laptop")
    world.forge.restart(down=0.05, opening=0.05, partial=0.05)
    world.forge.wait_until(lambda forge: forge.phase is Phase.PARTIAL)
    world.forge.restart(down=0.05, opening=0.05, partial=0.05)


def again_and_again(world: World) -> None:
    pause = threading.Event()
    for _ in range(8):
        world.submit("Laptop", num_images=2)
        world.forge.restart(down=0.01, opening=0.01, partial=0.01)
        pause.wait(0.08)


@pytest.mark.parametrize(
    "die",
    [
        while_idle,
        while_it_loads,
        at_the_first_step,
        at_the_last_step_of_the_second_picture,
        before_it_answers,
        behind_somebody_elses_job,
        while_it_starts,
        again_and_again,
    ],
)
def test_a_server_that_dies_loses_no_job(pair: World, die: Callable[[World], None]) -> None:
    before = [pair.submit("Laptop", checkpoint_name=SDXL)]
    pair.finish(before[0])

    die(pair)
    after = [pair.submit(target) for target in ("Laptop", "auto", "auto")]

    known = pair.queue.list(limit=1000, newest_first=False).jobs
    ended = check_accounts(pair.queue, known)
    assert {job.id for job in (*before, *after)} <= {job.id for job in ended}
    assert {job.status for job in ended} == {JobStatus.COMPLETED}


@contextmanager
def restarted_whenever_it_dies(forge: SimulatedForge) -> Iterator[None]:
    """As by a service manager."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.005):
            if forge.phase is Phase.DOWN:
                forge.phase = Phase.READY

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_job_that_kills_its_server_each_time_is_given_up_and_the_others_are_made(
    pair: World,
) -> None:
    attempts = pair.settings.max_attempts
    pair.forge.faults.next("txt2img", Fault.DIE, at_step=2, times=attempts)
    with restarted_whenever_it_dies(pair.forge):
        poison = pair.submit("Laptop")
        pair.finish(poison)
        others = [pair.submit("Laptop") for _ in range(3)]
        failed, *made = check_accounts(pair.queue, [poison, *others])

    assert failed.failure is not None
    assert failed.failure.code == "answer_lost"
    assert "the job may be the cause" in failed.failure.message
    assert [error for _, _, error in story(failed) if error == "answer_lost"] == (
        ["answer_lost"] * attempts
    )
    assert {job.status for job in made} == {JobStatus.COMPLETED}


def test_a_job_that_kills_one_server_is_made_by_another(pair: World) -> None:
    pair.forge.faults.next("txt2img", Fault.DIE, times=None)
    with pair.forges["Tower"].held(step=0):
        busy = pair.submit("Tower")
        pair.until_running(busy)
        job = pair.submit("auto")
        pair.forge.wait_until(lambda forge: forge.phase is Phase.DOWN)

    _, done = check_accounts(pair.queue, [busy, job])

    assert done.status is JobStatus.COMPLETED
    assert done.server == "Tower"
