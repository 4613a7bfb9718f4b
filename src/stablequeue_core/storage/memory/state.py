"""What is remembered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from attrs import define, evolve, field

from stablequeue_core.bell import Bell
from stablequeue_core.downloads import Download
from stablequeue_core.events import Event
from stablequeue_core.jobs import Job, JobStatus
from stablequeue_core.models import Identity, Model
from stablequeue_core.servers import Server


@define
class Memory:
    """What all stores of one storage share; ``lock`` guards the rest."""

    lock: threading.RLock = field(factory=threading.RLock)
    work: Bell = field(factory=Bell)
    changes: Bell = field(factory=Bell)
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
    events: list[Event] = field(factory=list)
    locks: set[str] = field(factory=set)
    paused: bool = False

    def record(self, events: Iterable[Event], *, work: bool) -> None:
        """Write ``events`` of a change just made, and ring; ``lock`` is held."""
        for event in events:
            self.events.append(evolve(event, sequence=len(self.events) + 1))
        self.changes.ring()
        if work:
            self.work.ring()

    def where(self, wanted: Callable[[Job], bool]) -> list[Job]:
        """The jobs that fit, oldest first."""
        with self.lock:
            return [job for job in self.jobs.values() if wanted(job)]

    def claimable(self, *targets: str) -> list[Job]:
        """The pending jobs of these targets that wait for no download, oldest first."""
        return self.where(
            lambda job: (
                job.status is JobStatus.PENDING and job.target in targets and not job.waits_for
            )
        )
