"""A job that is running each time its process dies is given up; its server is not to blame."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.faults.accounts import check_accounts
from tests.worlds import World, with_settings

from stablequeue_core import JobStatus, StableQueue
from stablequeue_core.testing.forge_simulator import ForgeServer, SimulatedForge

VICTIM = Path(__file__).with_name("poison_victim.py")
MAX_LOSSES = 2
SMALL = {"positive_prompt": "a lighthouse", "width": 64, "height": 64, "steps": 4}


def killed_while_it_works(data_dir: Path, forge: SimulatedForge) -> None:
    """Start a process, and kill it when the server is at work on the job that it runs."""
    with subprocess.Popen([sys.executable, str(VICTIM), str(data_dir), str(MAX_LOSSES)]) as victim:
        try:
            before = len(forge.requests)
            forge.wait_until(
                lambda forge: (
                    forge.active_task
                    and any(seen.path.endswith("/txt2img") for seen in forge.requests[before:])
                ),
                timeout=20,
            )
        finally:
            victim.kill()


def test_a_job_that_kills_its_process_each_time_is_given_up_and_the_others_are_made(
    tmp_path: Path,
) -> None:
    forge = SimulatedForge.with_sample_models()
    with ForgeServer(forge) as server:
        with StableQueue.open(tmp_path, dispatch=False) as queue:
            queue.servers.add("Laptop", server.url)
            poison = queue.submit("Laptop", SMALL)
            innocent = queue.submit("Laptop", SMALL)
        for _ in range(MAX_LOSSES):
            with forge.held(step=1):
                killed_while_it_works(tmp_path, forge)

        settings = with_settings(max_losses=MAX_LOSSES)
        with StableQueue.open(tmp_path, settings=settings) as queue:
            failed, done = check_accounts(queue, [poison, innocent])
            assert failed.failure is not None
            assert failed.failure.code == "poisoned_job"
            assert f"each of the {MAX_LOSSES} times" in failed.failure.message
            assert [attempt.error for attempt in failed.attempts][-1] == "poisoned_job"
            assert done.status is JobStatus.COMPLETED

            queue.retry(failed.id)
            again, _ = check_accounts(queue, [poison, innocent])
            assert again.status is JobStatus.COMPLETED
            assert again.seed == failed.seed


def test_a_job_whose_server_was_merely_out_of_reach_is_no_poison(tmp_path: Path) -> None:
    world = World(tmp_path, settings=with_settings(max_losses=1))
    world.run()
    with world.forge.unplugged():
        job = world.submit()
        world.until(lambda: world.queue.get(job.id).attempts)
        for _ in range(3):
            world.close()
            world.until(lambda: world.queue.servers.health("Laptop").last_error)

    (done,) = check_accounts(world.queue, [job])

    assert done.status is JobStatus.COMPLETED
    assert done.attempts[0].error == "server_unreachable"
    assert (done.failures, done.losses) == (0, 0)
    world.close()


def test_a_job_that_was_left_on_purpose_is_no_poison(tmp_path: Path) -> None:
    """A long job outlasts many a restart of the program that waits for it."""
    world = World(tmp_path, settings=with_settings(max_losses=1))
    job = world.submit()
    for _ in range(3):
        with world.forge.held(step=1):
            world.until_running(job)
            world.close(grace=0)
        # What was left there has gone on by then: held once more, it could not be interrupted.
        world.forge.wait_until(lambda forge: forge.active_task is None)

    (done,) = check_accounts(world.queue, [job])

    assert done.status is JobStatus.COMPLETED
    assert done.losses == 0
    world.close()
