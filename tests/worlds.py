"""A queue and its simulated servers, opened and closed by hand: what most tests stand on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import evolve

from stablequeue_core import Job, JobStatus, Settings, StableQueue
from stablequeue_core.testing.forge_simulator import ForgeSimulator, SimulatedForge

PONY = "Pony/cyberrealisticPony_v8.safetensors"
SDXL = "sd_xl_base_1.0.safetensors"

QUICK = Settings(
    poll=0.01,
    backoff_base=0.02,
    backoff_cap=0.05,
    circuit_base=0.02,
    circuit_cap=0.05,
    start_up_grace=0.2,
    close_grace=5.0,
    cancel_wait=5.0,
)
"""The defaults, in a world where everything happens at once."""


class World:
    """Simulated servers by alias, and a queue that drives them from a folder of its own."""

    def __init__(
        self,
        folder: Path,
        forges: dict[str, SimulatedForge] | None = None,
        *,
        settings: Settings = QUICK,
        **opening: Any,
    ) -> None:
        self.folder = folder
        self.forges = forges or {"Laptop": SimulatedForge.with_sample_models()}
        self.settings = settings
        self._opening = opening
        self._queue: StableQueue | None = None

    @property
    def forge(self) -> SimulatedForge:
        """The first server."""
        return next(iter(self.forges.values()))

    @property
    def queue(self) -> StableQueue:
        """The queue; opened when it is first asked for, with every server added."""
        if self._queue is None:
            self._queue = self.open()
            known = {server.alias for server in self._queue.servers.list()}
            for alias in self.forges.keys() - known:
                self._queue.servers.add(alias, self.url(alias))
        return self._queue

    def open(self, **opening: Any) -> StableQueue:
        """Another queue on the same folder and the same servers."""
        transport = ForgeSimulator({self.url(alias): f for alias, f in self.forges.items()})
        given = {"settings": self.settings, "transport": transport, **self._opening, **opening}
        return StableQueue.open(self.folder, **given)

    def url(self, alias: str) -> str:
        """Where the server is."""
        return f"http://{alias.lower()}:7860"

    def close(self, *, grace: float | None = None) -> None:
        """Close the queue; the next use opens it again, on the same folder."""
        if self._queue is not None:
            self._queue.close(grace=grace)
            self._queue = None

    def submit(self, target: str | None = None, **params: Any) -> Job:
        """Submit a small job, to the first server unless said otherwise."""
        small = {"positive_prompt": "a lighthouse", "width": 64, "height": 64, "steps": 4}
        return self.queue.submit(target or next(iter(self.forges)), {**small, **params})

    def finish(self, job: Job) -> Job:
        """Wait until the job has ended."""
        return self.queue.wait(job.id, timeout=10)

    def run(self, target: str | None = None, **params: Any) -> Job:
        """Submit a small job and wait until it has ended."""
        return self.finish(self.submit(target, **params))

    def until(self, condition: Callable[[], object], timeout: float = 10.0) -> None:
        """Look again and again until ``condition`` holds."""
        deadline = time.monotonic() + timeout
        pause = threading.Event()
        while not condition():
            assert time.monotonic() < deadline, "it did not come true in time"
            pause.wait(0.002)

    def until_status(self, job: Job, status: JobStatus) -> Job:
        """Wait until the job stands there."""
        self.until(lambda: self.queue.get(job.id).status is status)
        return self.queue.get(job.id)

    def until_running(self, job: Job) -> Job:
        """Wait until the job's server works on it."""
        self.until(lambda: self._active_task() == self.queue.get(job.id).task_id)
        return self.queue.get(job.id)

    def _active_task(self) -> str:
        active = [forge.active_task for forge in self.forges.values() if forge.active_task]
        return active[0] if active else "none"


def with_settings(**changes: Any) -> Settings:
    """The quick settings, but for some."""
    return evolve(QUICK, **changes)
