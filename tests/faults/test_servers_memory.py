"""Servers that run out of memory, and what is done about it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.faults.accounts import check_accounts, story
from tests.worlds import PONY, SDXL, World, with_settings

from stablequeue_core import Job, JobStatus
from stablequeue_core.testing.forge_simulator import Fault, Phase, SimulatedForge

GB = 1_000_000_000
FULL = "out_of_memory"
UNLOADED = "after unloading"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[World]:
    """Two servers with the same models; ``Laptop`` is the one with too little memory."""
    forges = {alias: SimulatedForge.with_sample_models() for alias in ("Laptop", "Tower")}
    world = World(tmp_path / "queue", forges)
    yield world
    world.close(grace=0)


def test_a_full_card_is_healed_by_unloading(pair: World) -> None:
    pair.forge.faults.next("txt2img", Fault.MEMORY_FULL, times=None)

    (done,) = check_accounts(pair.queue, [pair.submit("Laptop")])

    assert story(done) == [("Laptop", None, FULL), ("Laptop", UNLOADED, None)]
    assert pair.forge.memory.unloads == 1


def test_a_batch_that_does_not_fit_is_halved_until_it_does_and_its_pictures_are_the_same(
    pair: World,
) -> None:
    pair.forge.faults.next("txt2img", Fault.BATCH_TOO_LARGE, times=None, largest_batch=2)
    asked = {"batch_size": 8, "seed": 70, "allow_smaller_batch": True}

    (done,) = check_accounts(pair.queue, [pair.submit("Laptop", **asked)])

    assert done.status is JobStatus.COMPLETED
    assert story(done) == [
        ("Laptop", None, FULL),
        ("Laptop", UNLOADED, FULL),
        ("Laptop", f"{UNLOADED}, in batches of 4", FULL),
        ("Laptop", f"{UNLOADED}, in batches of 2", None),
    ]
    sent = done.attempts[-1].sent
    assert sent is not None
    assert (sent["batch_size"], sent["n_iter"]) == (2, 4)
    assert [picture.seed for picture in pair.forge.rendered] == list(range(70, 78))


def test_a_batch_is_never_made_smaller_unless_the_job_allows_it(pair: World) -> None:
    pair.forge.faults.next("txt2img", Fault.BATCH_TOO_LARGE, times=None, largest_batch=2)

    (failed,) = check_accounts(pair.queue, [pair.submit("Laptop", batch_size=4)])

    assert failed.failure is not None
    assert failed.failure.code == FULL
    assert story(failed) == [("Laptop", None, FULL), *[("Laptop", UNLOADED, FULL)] * 3]
    assert "allow_smaller_batch" in failed.failure.message


def test_a_job_for_any_server_goes_to_one_with_more_memory(pair: World) -> None:
    pair.forge.faults.next("txt2img", Fault.OUT_OF_MEMORY, times=None)
    with pair.forges["Tower"].held(step=0):
        busy = pair.submit("Tower")
        pair.until_running(busy)
        job = pair.submit("auto")
        pair.until(lambda: pair.queue.get(job.id).avoids == ("Laptop",))

    _, done = check_accounts(pair.queue, [busy, job])

    assert story(done) == [
        ("Laptop", None, FULL),
        ("Laptop", UNLOADED, FULL),
        ("Tower", "elsewhere", None),
    ]


def test_a_job_that_is_too_large_holds_up_no_other_and_pauses_no_queue(pair: World) -> None:
    pair.forge.faults.next("txt2img", Fault.BATCH_TOO_LARGE, times=None, largest_batch=2)
    too_large = pair.submit("Laptop", batch_size=4)
    others = [pair.submit("Laptop") for _ in range(4)]

    failed, *made = check_accounts(pair.queue, [too_large, *others])

    assert failed.status is JobStatus.FAILED
    assert {(job.status, len(job.attempts)) for job in made} == {(JobStatus.COMPLETED, 1)}


def has_failed(world: World, job: Job, times: int) -> bool:
    return world.queue.get(job.id).failures == times


def test_what_was_tried_already_survives_a_restart(pair: World) -> None:
    pair.forge.faults.next("txt2img", Fault.BATCH_TOO_LARGE, times=2, largest_batch=1, at_step=1)
    job = pair.submit("Laptop", batch_size=4, allow_smaller_batch=True)
    for failures in (1, 2):
        with pair.forge.held(step=0):
            pair.queue.resume()
            pair.until_running(job)
            pair.queue.pause()
        pair.until(partial(has_failed, pair, job, failures))
        pair.close()
    pair.queue.resume()

    (done,) = check_accounts(pair.queue, [job])

    assert story(done) == [
        ("Laptop", None, FULL),
        ("Laptop", UNLOADED, FULL),
        ("Laptop", f"{UNLOADED}, in batches of 2", None),
    ]


def test_memory_that_grows_with_each_switch_never_kills_the_server(tmp_path: Path) -> None:
    """Each load takes 3 GB more; without a watch the system would kill it at the fourth."""
    world = World(tmp_path, settings=with_settings(memory_reserve=4 * GB))
    memory = world.forge.memory
    memory.ram_total, memory.ram_used, memory.growth = 11 * GB, GB, 3 * GB
    jobs = [world.submit(checkpoint_name=(PONY, SDXL)[turn % 2]) for turn in range(9)]
    # One after the other: otherwise those for the loaded checkpoint would go first.
    ended = [world.finish(job) for job in jobs]

    check_accounts(world.queue, jobs)

    assert {job.status for job in ended} == {JobStatus.COMPLETED}
    assert {job.failures for job in ended} == {0}
    assert world.forge.phase is Phase.READY
    world.close()


def test_a_server_short_of_memory_is_unloaded_before_a_switch_and_the_ledger_says_so(
    tmp_path: Path,
) -> None:
    world = World(tmp_path, settings=with_settings(memory_reserve=2 * GB))
    memory = world.forge.memory
    memory.ram_total, memory.ram_used, memory.growth = 6 * GB, GB, 2 * GB
    jobs = [world.run(checkpoint_name=name) for name in (PONY, PONY, SDXL, SDXL, PONY)]

    ended = check_accounts(world.queue, jobs)

    assert [job.attempts[0].remedy for job in ended] == [
        None,
        None,
        None,
        None,
        "after unloading, for want of memory",
    ]
    assert memory.unloads == 1
    assert world.queue.servers.health("Laptop").last_error is None
    world.close()


def test_a_server_that_stays_short_of_memory_says_so_and_goes_on(tmp_path: Path) -> None:
    world = World(tmp_path, settings=with_settings(memory_reserve=2 * GB, probe_age=0.01))
    memory = world.forge.memory
    memory.ram_total, memory.ram_used, memory.gives_back = 6 * GB, 5 * GB, False

    (done,) = check_accounts(world.queue, [world.submit(checkpoint_name=PONY)])

    assert done.status is JobStatus.COMPLETED
    assert memory.unloads == 1
    probes = world.forge.counts["GET /sdapi/v1/memory"]
    world.until(lambda: world.forge.counts["GET /sdapi/v1/memory"] > probes + 2)
    told = world.queue.servers.health("Laptop").last_error or ""
    assert "1.0 GB are left" in told
    assert "memory_reserve" in told

    memory.ram_used = GB
    world.run(checkpoint_name=SDXL)
    assert world.queue.servers.health("Laptop").last_error is None
    world.close()


def test_a_server_that_does_not_tell_of_its_memory_is_left_alone(tmp_path: Path) -> None:
    world = World(tmp_path, settings=with_settings(memory_reserve=2 * GB))
    world.forge.memory.ram_total = GB
    world.forge.faults.next("/sdapi/v1/memory", Fault.INTERNAL_ERROR, times=None)

    (done,) = check_accounts(world.queue, [world.submit(checkpoint_name=PONY)])

    assert done.attempts[0].remedy is None
    assert world.forge.memory.unloads == 0
    world.close()
