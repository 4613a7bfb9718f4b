"""What is remembered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from attrs import define, evolve, field

from stablequeue_core.downloads import Download
from stablequeue_core.errors import StorageBusy
from stablequeue_core.events import Event
from stablequeue_core.jobs import Job, JobStatus
from stablequeue_core.models import Identity, Model
from stablequeue_core.servers import Cost, Server, ServerReport
from stablequeue_core.storage.moves import Move
from stablequeue_core.storage.ringing import Bells


@define
class Memory:
    """What all stores of one storage share; ``lock`` guards the rest."""

    lock: threading.RLock = field(factory=threading.RLock)
    bells: Bells = field(factory=Bells)
    jobs: dict[str, Job] = field(factory=dict)
    accepted: int = 0
    keys: dict[str, tuple[str, tuple[str, ...]]] = field(factory=dict)
    servers: dict[str, Server] = field(factory=dict)
    models: dict[int, Model] = field(factory=dict)
    last_model: int = 0
    fingerprints: dict[str, dict[str, str]] = field(factory=dict)
    identities: dict[str, Identity] = field(factory=dict)
    downloads: dict[str, Download] = field(factory=dict)
    downloads_accepted: int = 0
    costs: dict[tuple[str, str], Cost] = field(factory=dict)
    reports: dict[str, ServerReport] = field(factory=dict)
    workers: dict[str, datetime] = field(factory=dict)
    events: list[Event] = field(factory=list)
    events_written: int = 0
    locks: set[str] = field(factory=set)
    paused: bool = False
    fenced: bool = False
    moved: Move | None = None

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Holds ``lock`` for a change.

        Raises:
            StorageBusy: nobody may change anything now.
            StorageMoved: nor ever again.
        """
        with self.lock:
            if self.moved is not None:
                raise self.moved.error()
            if self.fenced:
                raise StorageBusy(
                    "The queue is being copied to another storage; nothing of this change was "
                    "kept. Try again when that is done."
                )
            yield

    def record(self, *events: Event) -> None:
        """Write the events of a change just made, and ring; ``lock`` is held."""
        for event in events:
            self.events_written += 1
            self.events.append(evolve(event, sequence=self.events_written))
        self.bells.ring(event.kind for event in events)

    def where(self, wanted: Callable[[Job], bool]) -> list[Job]:
        """The jobs that fit, oldest first."""
        with self.lock:
            return [job for job in self.jobs.values() if wanted(job)]

    def in_line(self, *targets: str) -> list[Job]:
        """The pending jobs of these targets that nothing but a time keeps waiting; none: of all."""
        return self.where(lambda job: is_in_line(job) and (not targets or job.target in targets))


def is_in_line(job: Job) -> bool:
    """Whether nothing but a time keeps the job waiting."""
    return job.status is JobStatus.PENDING and not job.held and not job.waits_for and not job.parts


def standing(job: Job) -> tuple[int, int, int]:
    """Where the job stands among all that are in line: the lowest goes first."""
    return -job.priority, job.place, job.number


def is_due(job: Job, now: datetime) -> bool:
    """Whether the job need not wait for its time."""
    return job.not_before is None or job.not_before <= now


def comes_before(other: Job, job: Job, now: datetime) -> bool:
    """Whether ``other`` goes first, once the time of ``job`` has come."""
    return standing(other) < standing(job) and is_due(other, max(now, job.not_before or now))
