"""A queue whose jobs are run by hand: the test plays the servers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from stablequeue_core import EventKind, Job, Settings, StableQueue
from stablequeue_core.dispatch.upkeep.joining import Joining
from stablequeue_core.jobs import (
    AttemptOutcome,
    Claim,
    JobFailure,
    JobResult,
    JobStatus,
    Lease,
    event_of,
)
from stablequeue_core.servers import AUTO
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.clock import FakeClock

SPLIT = Settings(split_batches=True, split_smallest=2, cancel_wait=0.05)
BROKEN = JobFailure(code="out_of_memory", message="It ran out of memory.", details={"said": "OOM"})


class Hands:
    """A queue without a dispatcher, with servers that do what the test says."""

    def __init__(self, folder: Path, settings: Settings, servers: Sequence[str]) -> None:
        self.clock = FakeClock()
        self.storage = MemoryStorage()
        self.queue = StableQueue.open(
            folder, dispatch=False, storage=self.storage, settings=settings, clock=self.clock
        )
        for alias in servers:
            self.queue.servers.add(alias, f"http://{alias.lower()}:7860")

    def submit(self, target: str = AUTO, *, images: int = 6, **fields: Any) -> Job:
        """Submit a job that can be cut."""
        asked = {"positive_prompt": "a cat", "checkpoint_name": "pony", "num_images": images}
        return self.queue.submit(target, asked, **fields)

    def claim(self, server: str = "Tower") -> Job | None:
        """The server takes the first job that it may have."""

        def begin(job: Job) -> tuple[Job, Any]:
            now = self.clock.now()
            begun = job.begin(
                server=server,
                lease=Lease(worker="hands", until=now + timedelta(minutes=1)),
                task_id=str(uuid.uuid4()),
                seed=int(job.params.get("seed", 1)),
                subseed=1,
                now=now,
            )
            return begun, event_of(EventKind.JOB_STARTED, begun)

        return self.storage.jobs.claim(
            Claim(
                targets=(server, AUTO),
                now=self.clock.now(),
                choose=lambda line: next(line.in_order(), None),
                begin=begin,
            )
        )

    def start(self, server: str = "Tower") -> Job:
        """As :meth:`claim`, where there is one."""
        job = self.claim(server)
        assert job is not None
        return job

    def complete(self, job: Job, **proof: Any) -> Job:
        """The server has made the pictures."""
        count, seed = int(job.params["num_images"]), int(job.params["seed"])
        result = JobResult(
            images=tuple(f"{job.first_picture + each}.png" for each in range(count)),
            info="Done.",
            generation_info={
                "seed": seed,
                "all_seeds": [seed + each for each in range(count)],
                "infotexts": [f"Seed: {seed + each}" for each in range(count)],
                "sd_model_name": "pony",
            },
            proof=proof or {"checkpoint": {"asked": "pony", "got": "pony [1234567890]"}},
        )
        return self._kept(job.complete(result, sent={}, now=self.clock.now()))

    def fail(self, job: Job, failure: JobFailure = BROKEN) -> Job:
        """The server has given the job up for good."""
        return self._kept(job.fail(failure, now=self.clock.now()))

    def lose(self, job: Job) -> Job:
        """The server went away; the job goes back."""
        given_back = job.give_back(
            outcome=AttemptOutcome.UNREACHABLE,
            failure=JobFailure(code="server_unreachable", message="It is away."),
            counted=False,
            not_before=None,
            now=self.clock.now(),
        )
        return self._kept(given_back)

    def stop(self, job: Job) -> Job:
        """The server has stopped, as its user wished."""
        return self._kept(self.queue.get(job.id).cancel(now=self.clock.now()))

    def join(self) -> None:
        """What the dispatcher does in each round; of a process that has just come to life."""
        Joining(self.storage.jobs, self.clock).settle()

    def status_of(self, job: Job) -> JobStatus:
        """Where the job stands now."""
        return self.queue.get(job.id).status

    def _kept(self, job: Job) -> Job:
        kind = {
            JobStatus.PENDING: EventKind.JOB_REQUEUED,
            JobStatus.COMPLETED: EventKind.JOB_COMPLETED,
            JobStatus.FAILED: EventKind.JOB_FAILED,
            JobStatus.CANCELLED: EventKind.JOB_CANCELLED,
        }[job.status]
        return self.storage.jobs.replace(job, event_of(kind, job))


@contextmanager
def hands(
    folder: Path, settings: Settings = SPLIT, servers: Sequence[str] = ("Tower", "Laptop", "Attic")
) -> Iterator[Hands]:
    """Such a queue, closed afterwards."""
    made = Hands(folder, settings, servers)
    try:
        yield made
    finally:
        made.queue.close()
