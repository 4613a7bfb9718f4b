"""A job is explained in a process that has no lanes, while another one runs the jobs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.worlds import QUICK, SDXL, World

from stablequeue_core import StableQueue
from stablequeue_core.testing.forge_simulator import ForgeServer, SimulatedForge

JOB = {"positive_prompt": "a cat", "width": 64, "height": 64, "steps": 4, "checkpoint_name": SDXL}


class OtherProcess(World):
    """A queue that runs no jobs, and a real server that another process sends them to."""

    def __init__(self, folder: Path, forge: SimulatedForge, url: str) -> None:
        super().__init__(folder, {"Laptop": forge}, transport=None, dispatch=False)
        self._url = url

    def url(self, alias: str) -> str:
        """Where it really is."""
        return self._url

    def open(self, **opening: object) -> StableQueue:
        """With requests over the network."""
        return StableQueue.open(self.folder, dispatch=False, settings=QUICK)

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """The process that runs jobs."""
        command = [sys.executable, "-m", "stablequeue_flask.cli", "work"]
        process = subprocess.Popen(
            [*command, "--data-dir", str(self.folder), "--server", f"Laptop={self._url}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[OtherProcess]:
    forge = SimulatedForge.with_sample_models()
    with ForgeServer(forge) as server:
        made = OtherProcess(tmp_path / "queue", forge, server.url)
        yield made
        made.close()


def test_before_anybody_runs_jobs_a_job_says_so_and_then_it_starts(office: OtherProcess) -> None:
    job = office.queue.submit("auto", JOB)
    explanation = office.queue.explain(job)
    assert "No process runs jobs now" in explanation.why
    assert [each.can for each in explanation.servers] == [True], "it was asked by this process"
    with office.worker():
        done = office.queue.wait(job.id, timeout=60)
    assert office.queue.explain(done).chosen == "Laptop"


def test_what_another_process_does_is_told_in_this_one(office: OtherProcess) -> None:
    with office.forge.held(step=2), office.worker() as worker:
        running = office.queue.submit("Laptop", JOB)
        waiting = office.queue.submit("auto", JOB)
        office.forge.wait_until(lambda forge: forge.sampling_step == 2, timeout=60)

        def is_told() -> bool:
            return "It is next: server 'Laptop' is busy" in office.queue.explain(waiting).why

        office.until(is_told, timeout=30)
        (outlook,) = office.queue.explain(waiting).servers
        assert f":{worker.pid}:" in (outlook.worker or "")
        assert outlook.can is True
        assert outlook.starts_in is not None
        assert office.queue.explain(running).why.startswith("It runs on server 'Laptop'")
        eta, later = office.queue.eta(running), office.queue.eta(waiting)
        assert eta is not None
        assert later is not None
        assert eta < later
