"""Servers that list what they cannot load, or that answer with another model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.accounts import check_accounts, story
from tests.worlds import PONY, SDXL, World

from stablequeue_core import JobStatus
from stablequeue_core.testing.forge_simulator import Fault, SimulatedForge


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[World]:
    """Two servers with the same models; ``Laptop``, which has the right one loaded, is the liar."""
    forges = {alias: SimulatedForge.with_sample_models() for alias in ("Laptop", "Tower")}
    world = World(tmp_path / "queue", forges)
    assert world.run("Laptop", checkpoint_name=PONY).status is JobStatus.COMPLETED
    assert world.run("Tower", checkpoint_name=SDXL).status is JobStatus.COMPLETED
    yield world
    for forge in forges.values():
        forge.faults.clear()
    world.close(grace=0)


@pytest.mark.parametrize(
    ("lie", "code"),
    [(Fault.CANNOT_LOAD, "checkpoint_unreadable"), (Fault.WRONG_MODEL, "wrong_model")],
)
def test_a_job_for_any_server_goes_from_the_liar_to_one_that_tells_the_truth(
    pair: World, lie: Fault, code: str
) -> None:
    pair.forge.faults.next("txt2img", lie, times=None)
    with pair.forges["Tower"].held(step=0):
        busy = pair.submit("Tower", checkpoint_name=SDXL)
        pair.until_running(busy)
        job = pair.submit("auto", checkpoint_name=PONY)
        pair.until(lambda: pair.queue.get(job.id).avoids == ("Laptop",))

    _, done = check_accounts(pair.queue, [busy, job])

    assert story(done) == [("Laptop", None, code), ("Tower", "elsewhere", None)]
    assert done.status is JobStatus.COMPLETED
    assert done.result is not None
    assert "cyberrealisticPony_v8" in done.result.proof["checkpoint"]["got"]


def test_many_jobs_for_any_server_are_all_made_and_never_twice_by_the_liar(pair: World) -> None:
    pair.forge.faults.next("txt2img", Fault.WRONG_MODEL, times=None)
    jobs = [pair.submit("auto", checkpoint_name=PONY, num_images=2) for _ in range(8)]

    ended = check_accounts(pair.queue, jobs)

    assert {job.status for job in ended} == {JobStatus.COMPLETED}
    assert {job.server for job in ended} == {"Tower"}
    assert all([a.server for a in job.attempts].count("Laptop") <= 1 for job in ended)


def test_a_job_that_named_the_liar_fails_with_the_whole_story_and_no_picture(pair: World) -> None:
    pair.forge.faults.next("txt2img", Fault.WRONG_MODEL, times=None)

    (failed,) = check_accounts(pair.queue, [pair.submit("Laptop", checkpoint_name=PONY)])

    assert failed.failure is not None
    assert failed.failure.code == "wrong_model"
    assert f"tried {pair.settings.max_attempts} times" in failed.failure.message
    assert "restart it" in failed.failure.message
    assert [each["server"] for each in failed.failure.details["attempts"]] == ["Laptop"] * 4
    assert pair.forges["Tower"].pictures == 1


def test_a_file_that_only_the_liar_has_fails_at_once(pair: World) -> None:
    """Nobody else could read it either: waiting changes nothing."""
    pair.forge.disk.break_checkpoint(SDXL)
    pair.queue.servers.update("Tower", {"enabled": False})

    (failed,) = check_accounts(pair.queue, [pair.submit("auto", checkpoint_name=SDXL)])

    assert failed.failure is not None
    assert failed.failure.code == "checkpoint_unreadable"
    assert len(failed.attempts) == 1


def test_a_damaged_file_on_one_server_is_no_harm_while_another_has_a_whole_copy(
    pair: World,
) -> None:
    """Forge renames what it cannot read, so the first server has none of it afterwards."""
    pair.forge.disk.break_checkpoint(PONY)
    pair.forge.restart()
    jobs = [pair.submit("auto", checkpoint_name=PONY) for _ in range(6)]

    ended = check_accounts(pair.queue, jobs)

    assert {job.status for job in ended} == {JobStatus.COMPLETED}
    assert {job.server for job in ended} == {"Tower"}


def test_the_jobs_of_a_liar_that_poisoned_itself_are_made_all_the_same(pair: World) -> None:
    pair.forge.faults.next("txt2img", Fault.CANNOT_LOAD)
    broken = pair.submit("Laptop", checkpoint_name=SDXL)
    pair.finish(broken)
    sound = pair.submit("Laptop", checkpoint_name=PONY)

    failed, done = check_accounts(pair.queue, [broken, sound])

    assert failed.status is JobStatus.FAILED
    assert done.status is JobStatus.COMPLETED
    assert done.failures == 0
