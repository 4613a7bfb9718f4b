"""A process is stopped (Ctrl-Z) while it runs a job; another one lives beside it, and tells so."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define, evolve
from tests.waiting import until
from tests.worlds import SDXL

from stablequeue_core import Job, JobStatus, ServerStatus, Settings, StableQueue
from stablequeue_core.doctor import Verdict
from stablequeue_core.jobs import AttemptOutcome
from stablequeue_core.testing.forge_simulator import ForgeServer, SimulatedForge

VICTIM = Path(__file__).with_name("frozen_victim.py")
JOB = {"positive_prompt": "a cat", "width": 64, "height": 64, "steps": 4, "checkpoint_name": SDXL}

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="no signal stops a process there"),
    pytest.mark.timeout(120),
]


@define
class Freeze:
    """A job whose process was stopped while it ran, and a queue that lives beside it."""

    queue: StableQueue
    process: subprocess.Popen[bytes]
    job: Job

    def send(self, name: str) -> None:
        """Send the process a signal, by its name: Windows has no such signals."""
        self.process.send_signal(signal.Signals[name])

    @property
    def advice(self) -> str:
        """What is to be done with the process."""
        number = self.process.pid
        return f"ontinue it (`fg`, or `kill -CONT {number}`), or end it (`kill -9 {number}`)"


@pytest.fixture
def freeze(tmp_path: Path) -> Iterator[Freeze]:
    forge = SimulatedForge.with_sample_models()
    data_dir = tmp_path / "queue"
    with ForgeServer(forge) as server, StableQueue.open(data_dir, dispatch=False) as queue:
        queue.servers.add("Laptop", server.url)
        process = subprocess.Popen([sys.executable, str(VICTIM), str(data_dir)])
        try:
            with forge.held(step=2):
                made = Freeze(queue, process, queue.submit("Laptop", JOB))
                forge.wait_until(lambda forge: forge.sampling_step == 2, timeout=60)
                made.send("SIGSTOP")
            # The server goes on, and nobody is there to take the pictures.
            with StableQueue.open(data_dir, settings=Settings(poll=0.02, lease=1.0)) as living:
                yield evolve(made, queue=living)
        finally:
            process.kill()
            process.wait()


@pytest.mark.soak
def test_a_process_that_is_stopped_is_named_and_ends_its_job_when_it_goes_on(
    freeze: Freeze,
) -> None:
    queue, job = freeze.queue, freeze.job
    behind = queue.submit("Laptop", JOB)
    until(lambda: freeze.advice in queue.explain(job).why)
    assert freeze.advice in queue.explain(behind).why
    assert queue.eta(job) is None

    # The light looks follow within twenty seconds of silence.
    until(lambda: freeze.advice in (queue.waiting_reason(behind) or ""))
    health = queue.servers.health("Laptop")
    assert health.status is ServerStatus.UNKNOWN
    assert freeze.advice in (health.last_error or "")
    said = [each for each in queue.examine().findings if each.subject == "processes"]
    assert [each.verdict for each in said] == [Verdict.OK, Verdict.WARNING]
    assert said[0].sentence == "1 process runs jobs."
    assert freeze.advice in (said[1].advice or "")

    freeze.send("SIGCONT")
    for each in (job, behind):
        done = queue.wait(each.id, timeout=60)
        assert done.status is JobStatus.COMPLETED
        assert [attempt.outcome for attempt in done.attempts] == [AttemptOutcome.COMPLETED]


def test_when_a_process_that_is_stopped_is_ended_another_makes_its_job(freeze: Freeze) -> None:
    freeze.send("SIGKILL")
    done = freeze.queue.wait(freeze.job.id, timeout=60)
    assert done.status is JobStatus.COMPLETED
    assert done.attempts[0].outcome is AttemptOutcome.LOST
