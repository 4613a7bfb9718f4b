"""Kill the process at random moments, again and again: nothing is lost, nothing is doubled."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from tests.worlds import with_settings

from stablequeue_core import Job, JobStatus, StableQueue
from stablequeue_core.generation import sniff
from stablequeue_core.testing.forge_simulator import ForgeServer, SimulatedForge

VICTIM = Path(__file__).with_name("crash_victim.py")


def every_job(queue: StableQueue) -> list[Job]:
    jobs: list[Job] = []
    while page := queue.list(limit=1000, offset=len(jobs), newest_first=False).jobs:
        jobs.extend(page)
    return jobs


def kill_at_random(data_dir: Path, accepted: Path, *, times: int, dice: random.Random) -> None:
    """Start the victim and kill it some tenths of a second later; so many times.

    Every second one only after it has opened its queue: a busy computer takes its time for that.
    """
    pause = threading.Event()
    for turn in range(times):
        with subprocess.Popen(
            [sys.executable, str(VICTIM), str(data_dir), str(accepted)], stdout=subprocess.PIPE
        ) as victim:
            assert victim.stdout is not None
            if turn % 2:
                assert victim.stdout.readline(), "the victim died before it had opened its queue"
            pause.wait(dice.uniform(0.25, 1.1))
            assert victim.poll() is None, "the victim died by itself"
            victim.kill()


def check_that_nothing_is_lost_or_doubled(queue: StableQueue, accepted: Path) -> None:
    ids = accepted.read_text("ascii").split()
    for job_id in ids:
        queue.wait(job_id, timeout=120)
    jobs = every_job(queue)
    for job in jobs:
        queue.wait(job.id, timeout=120)
    jobs = every_job(queue)

    assert set(ids) <= {job.id for job in jobs}, "an accepted job was lost"
    assert {job.status for job in jobs} == {JobStatus.COMPLETED}
    registered = Counter(path for job in jobs for path in job.images)
    assert set(registered.values()) == {1}, "a picture was registered twice"
    assert set(registered) == set(queue.images.folder.glob("*.*")), "a stray or a missing picture"
    for job in jobs:
        assert len(job.images) == job.params["num_images"]
        assert all(sniff(path.read_bytes()) for path in job.images)


@pytest.mark.parametrize(
    ("times", "seed"),
    [
        (4, 1),
        pytest.param(110, 2, marks=[pytest.mark.soak, pytest.mark.timeout(900)]),
    ],
)
def test_no_kill_at_any_moment_loses_a_job_or_registers_a_picture_twice(
    tmp_path: Path, times: int, seed: int
) -> None:
    data_dir, accepted = tmp_path / "queue", tmp_path / "accepted"
    accepted.touch()
    forge = SimulatedForge.with_sample_models(seconds_per_step=0.004, load_seconds=0.02)
    with ForgeServer(forge) as server:
        with StableQueue.open(data_dir, dispatch=False) as queue:
            queue.servers.add("Laptop", server.url)

        kill_at_random(data_dir, accepted, times=times, dice=random.Random(seed))

        with StableQueue.open(data_dir, settings=with_settings(max_losses=1000)) as queue:
            check_that_nothing_is_lost_or_doubled(queue, accepted)
            lost = sum(job.retry_count for job in every_job(queue))

    assert accepted.read_text(), "the victim was always killed before it submitted anything"
    assert lost or times < 20, "no kill ever hit a running job: the test proves nothing"
