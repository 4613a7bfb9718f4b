"""A queue in a process that runs no jobs, and handles that play the part of those that do."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.worlds import PONY, SDXL, World

from stablequeue_core import EventKind, Job, Progress, ServerHealth, ServerStatus, StableQueue
from stablequeue_core.dispatch.explaining.explanation import Explanation, ServerOutlook
from stablequeue_core.jobs import AttemptOutcome, JobFailure, JobResult, Lease, event_of
from stablequeue_core.servers import ServerReport
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.testing.forge_simulator import CheckpointFile, ForgeDisk, SimulatedForge

WORKER, ANOTHER = "studio:42:lanes", "attic:7:lanes"
OFF = JobFailure(code="server_fault", message="The server broke.")


class ExplainWorld(World):
    """Servers that somebody else's lanes look after; time stands still until it is moved.

    ``Laptop`` has only SDXL, ``Tower`` has only Pony, unless other servers are given.
    """

    def __init__(
        self, folder: Path, forges: dict[str, SimulatedForge] | None = None, **opening: Any
    ) -> None:
        self.storage = MemoryStorage()
        self.clock = FakeClock()
        super().__init__(
            folder,
            forges or {"Laptop": having(SDXL), "Tower": having(PONY)},
            storage=self.storage,
            clock=self.clock,
            **{"dispatch": False, **opening},
        )

    def open(self, **opening: Any) -> StableQueue:
        """The queue, with every server attended and well."""
        queue = super().open(**opening)
        for alias in self.forges:
            self.tell(alias)
        return queue

    def tell(
        self,
        alias: str,
        status: ServerStatus = ServerStatus.ONLINE,
        *,
        loaded: str | None = None,
        last_error: str | None = None,
        job: Job | None = None,
        progress: Progress | None = None,
        worker: str = WORKER,
        unanswered_since: datetime | None = None,
    ) -> None:
        """A lane of another process tells of its server."""
        self.storage.reports.put(
            ServerReport(
                alias=alias,
                health=ServerHealth(
                    status=status,
                    loaded_checkpoint=loaded,
                    last_error=last_error,
                    checked_at=self.clock.now(),
                    unanswered_since=unanswered_since,
                ),
                worker=worker,
                at=self.clock.now(),
                job_id=job.id if job else None,
                progress=progress,
            )
        )

    def live(self, worker: str) -> None:
        """Another process says that it runs jobs."""
        self.storage.reports.beat(worker, self.clock.now())

    def begin(self, job: Job, server: str, *, lease: float = 60.0) -> Job:
        """A lane of another process claims the job, for so many seconds."""
        now = self.clock.now()
        begun = self.storage.jobs.get(job.id).begin(
            server=server,
            lease=Lease(worker=WORKER, until=now + timedelta(seconds=lease)),
            task_id=str(uuid.uuid4()),
            seed=1,
            subseed=1,
            now=now,
        )
        return self.storage.jobs.replace(begun, event_of(EventKind.JOB_STARTED, begun))

    def change(self, job: Job, change: Callable[[Job], Job]) -> Job:
        """Something becomes of the job."""
        changed = change(self.storage.jobs.get(job.id))
        return self.storage.jobs.replace(changed, event_of(EventKind.JOB_REQUEUED, changed))

    def break_off(self, job: Job, server: str, *, wait: float = 0.0, **how: Any) -> Job:
        """A lane claims the job, and its server breaks."""
        self.begin(job, server)
        now = self.clock.now()
        return self.change(
            job,
            lambda job: job.give_back(
                outcome=AttemptOutcome.FAILED,
                failure=OFF,
                counted=True,
                not_before=now + timedelta(seconds=wait) if wait else None,
                now=now,
                **how,
            ),
        )

    def complete(self, job: Job, server: str, *, seconds: float) -> Job:
        """A lane runs the job to its end."""
        self.begin(job, server)
        self.clock.advance(seconds)
        result = JobResult(images=("a.png",), info="Done.", generation_info={})
        return self.change(job, lambda job: job.complete(result, sent=None, now=self.clock.now()))

    def learn(self, server: str, *, pace: float, load: float = 0.0) -> None:
        """The servers' costs are known: seconds for a megapixel-step, and to load a checkpoint."""
        from stablequeue_core.servers import Cost

        self.storage.costs.save(Cost(server=server, family="", pace=pace, load=load, samples=9))

    def explain(self, job: Job) -> Explanation:
        """What the queue says of the job."""
        return self.queue.explain(job.id)

    def why(self, job: Job) -> str:
        """The sentence of it that matters most."""
        return self.explain(job).why

    def outlook(self, job: Job, alias: str) -> ServerOutlook:
        """What one server could do for the job."""
        return next(each for each in self.explain(job).servers if each.alias == alias)


def having(*checkpoints: str) -> SimulatedForge:
    """A server with these checkpoints and nothing else."""
    return SimulatedForge(ForgeDisk([CheckpointFile(path=path) for path in checkpoints]))
