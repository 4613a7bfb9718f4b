"""A storage with ended jobs of every age, and their pictures: what tests of tidying stand on."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import evolve

from stablequeue_core import Settings
from stablequeue_core.dispatch.upkeep.tidying import REST, Tidying
from stablequeue_core.events import Event, EventKind
from stablequeue_core.generation import ImageFormat
from stablequeue_core.images import ImageStore
from stablequeue_core.images.folder import FolderImageStore
from stablequeue_core.images.names import picture_name
from stablequeue_core.jobs import Attempt, AttemptOutcome, Job, JobResult, JobStatus
from stablequeue_core.storage import Storage
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.clock import FakeClock

MOST_STEPS = 10_000


class TidyingWorld:
    """Jobs of the past, in memory unless another storage is given."""

    def __init__(
        self,
        folder: Path,
        *,
        storage: Storage | None = None,
        images: ImageStore | None = None,
        **settings: Any,
    ) -> None:
        self.clock = FakeClock()
        self.storage = storage or MemoryStorage(clock=self.clock)
        self.images = images or FolderImageStore(folder)
        self.settings = Settings(**settings)

    def tidying(self) -> Tidying:
        """As a process has it that was started a while ago."""
        made = Tidying(self.storage, self.images, self.clock, self.settings)
        self.clock.advance(REST)
        return made

    def sweep(self, tidying: Tidying | None = None) -> None:
        """Let a process have all the rounds that it can use."""
        tidying = tidying or self.tidying()
        for _ in range(MOST_STEPS):
            before = self.remembered()
            tidying.settle()
            if self.remembered() == before:
                return
        raise AssertionError("it never comes to an end")

    def remembered(self) -> tuple[int, int]:
        """How many jobs there are, and how many events."""
        jobs = sum(self.storage.jobs.counts().values())
        return jobs, len(self.storage.events.read(limit=100_000))

    def ended(
        self,
        *,
        hours_ago: float,
        pictures: int = 1,
        status: JobStatus = JobStatus.COMPLETED,
        **fields: Any,
    ) -> Job:
        """Keep a job that ended so long ago, with its pictures on disk."""
        at = self.clock.now() - timedelta(hours=hours_ago)
        job = self.made(at, status=status, pictures=pictures, **fields)
        (kept,) = self.storage.jobs.add([job])
        return kept

    def made(
        self, at: datetime, *, status: JobStatus = JobStatus.COMPLETED, pictures: int, **fields: Any
    ) -> Job:
        """A job that ended at that time; its pictures are on disk, it is not kept yet."""
        job_id = str(uuid.uuid4())
        owner = fields.get("part_of", job_id)  # Pictures of parts are named after the whole.
        names = tuple(picture_name(owner, at, n, 42, ImageFormat.PNG) for n in range(pictures))
        if status is not JobStatus.COMPLETED:
            names = ()
        for name in names:
            (self.images.folder / name).write_bytes(b"a picture")
        attempt = Attempt(
            number=1,
            server="Laptop",
            task_id="task(1)",
            started_at=at,
            ended_at=at,
            outcome=AttemptOutcome.COMPLETED,
        )
        job = Job(
            id=job_id,
            target="Laptop",
            params={"positive_prompt": "a lighthouse"},
            created_at=at,
            updated_at=at,
            ended_at=at,
            status=status,
            attempts=(attempt,),
            result=JobResult(images=names, info="", generation_info={}) if names else None,
        )
        return evolve(job, **fields)

    def pending(self, *, hours_ago: float, **fields: Any) -> Job:
        """Keep a job that has waited for so long."""
        at = self.clock.now() - timedelta(hours=hours_ago)
        job = Job(
            id=str(uuid.uuid4()), target="Laptop", params={}, created_at=at, updated_at=at, **fields
        )
        (kept,) = self.storage.jobs.add([job])
        return kept

    def is_known(self, job: Job) -> bool:
        """Whether the job is remembered."""
        return job.id in {each.id for each in self.known()}

    def known(self) -> Sequence[Job]:
        """Every job that is remembered, parts too."""
        found: list[Job] = []
        for chunk in self.storage.dump():
            found.extend(value for value in chunk.values if isinstance(value, Job))
        return found

    def pictures(self) -> set[str]:
        """What lies in the image folder."""
        return {path.name for path in self.images.folder.iterdir()}

    def tell(self, *, hours_ago: float) -> None:
        """Write something into the log."""
        at = self.clock.now() - timedelta(hours=hours_ago)
        paused = self.storage.jobs.paused()
        kind = EventKind.QUEUE_RESUMED if paused else EventKind.QUEUE_PAUSED
        self.storage.jobs.set_paused(not paused, Event(kind=kind, at=at))

    def tidied_events(self) -> list[Event]:
        """What was told of tidying up."""
        events = self.storage.events.read(limit=100_000)
        return [event for event in events if event.kind is EventKind.QUEUE_TIDIED]
