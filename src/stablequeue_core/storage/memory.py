"""A storage in memory: for tests and try-outs. Everything in it is gone when the process ends."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from datetime import datetime

from attrs import define, evolve, field

from stablequeue_core.bell import Bell
from stablequeue_core.errors import (
    IdempotencyKeyReused,
    JobNotFound,
    ServerExists,
    ServerNotFound,
    StaleJob,
)
from stablequeue_core.events import Event, EventLog
from stablequeue_core.jobs import (
    AUTO,
    OPEN,
    Begin,
    Candidate,
    Choose,
    IdempotencyKey,
    Job,
    JobPage,
    JobQuery,
    JobStatus,
    JobStore,
    Lease,
)
from stablequeue_core.servers import Server, ServerStore
from stablequeue_core.storage.base import LaneLock, Storage

WINDOW = 64
"""How many candidates are shown to ``choose`` at a time."""


@define
class _Memory:
    """What all stores of one storage share; ``lock`` guards the rest."""

    lock: threading.RLock = field(factory=threading.RLock)
    work: Bell = field(factory=Bell)
    changes: Bell = field(factory=Bell)
    jobs: dict[str, Job] = field(factory=dict)
    accepted: int = 0
    keys: dict[str, tuple[str, tuple[str, ...]]] = field(factory=dict)
    servers: dict[str, Server] = field(factory=dict)
    events: list[Event] = field(factory=list)
    lanes: set[str] = field(factory=set)
    paused: bool = False

    def record(self, events: Iterable[Event], *, work: bool) -> None:
        for event in events:
            self.events.append(evolve(event, sequence=len(self.events) + 1))
        self.changes.ring()
        if work:
            self.work.ring()


class MemoryStorage(Storage):
    """Remembers everything for as long as the process lives, and not a moment longer.

    It keeps every promise of a storage but that one; its lane locks, too, are of this process only.

    Example::

        with MemoryStorage() as storage:
            print(storage.jobs.counts())
    """

    def __init__(self) -> None:
        self._memory = _Memory()
        self.work = self._memory.work
        self.changes = self._memory.changes
        self.jobs = _MemoryJobs(self._memory)
        self.servers = _MemoryServers(self._memory)
        self.events = _MemoryEvents(self._memory)

    def lane_lock(self, alias: str) -> LaneLock:
        """A lock for the lane of the server named ``alias``; not yet taken."""
        return _MemoryLaneLock(self._memory, alias)

    def close(self) -> None:
        """Nothing to let go of."""


class _MemoryJobs(JobStore):
    def __init__(self, memory: _Memory) -> None:
        self._memory = memory

    def add(
        self,
        jobs: Sequence[Job],
        events: Sequence[Event],
        key: IdempotencyKey | None = None,
    ) -> Sequence[Job]:
        memory = self._memory
        with memory.lock:
            if key is not None and key.key in memory.keys:
                digest, ids = memory.keys[key.key]
                if digest != key.digest:
                    raise IdempotencyKeyReused(key.key)
                return [memory.jobs[job_id] for job_id in ids]
            kept = [
                # A copy, because the caller may go on using his dictionary.
                evolve(job, number=number, revision=1, params=deepcopy(dict(job.params)))
                for number, job in enumerate(jobs, memory.accepted + 1)
            ]
            memory.accepted += len(kept)
            memory.jobs.update((job.id, job) for job in kept)
            if key is not None and kept:
                memory.keys[key.key] = key.digest, tuple(job.id for job in kept)
            memory.record(events, work=True)
            return kept

    def get(self, job_id: str) -> Job:
        with self._memory.lock:
            try:
                return self._memory.jobs[job_id]
            except KeyError:
                raise JobNotFound(job_id) from None

    def list(self, query: JobQuery) -> JobPage:
        found = self._where(lambda job: query.status in (None, job.status))
        found.sort(key=lambda job: (job.created_at, job.id), reverse=query.newest_first)
        page = found[query.offset : query.offset + query.limit]
        return JobPage(total=len(found), jobs=tuple(page))

    def counts(self) -> Mapping[JobStatus, int]:
        counted = Counter(job.status for job in self._where(lambda job: True))
        return {status: counted[status] for status in JobStatus}

    def replace(self, job: Job, event: Event) -> Job:
        with self._memory.lock:
            self._check_fresh(job)
            return self._keep(job, event)

    def delete(self, job: Job, event: Event) -> None:
        memory = self._memory
        with memory.lock:
            self._check_fresh(job)
            del memory.jobs[job.id]
            memory.keys = {
                key: (digest, ids)
                for key, (digest, ids) in memory.keys.items()
                if job.id not in ids
            }
            memory.record((event,), work=False)

    def claim(self, server: str, *, now: datetime, choose: Choose, begin: Begin) -> Job | None:
        with self._memory.lock:
            due = [
                job
                for job in self._pending(server, AUTO)
                if job.not_before is None or job.not_before <= now
            ]
            due.sort(key=lambda job: (-job.priority, job.number))
            for start in range(0, len(due), WINDOW):
                picked = choose([_candidate(job) for job in due[start : start + WINDOW]])
                if picked is not None:
                    return self._keep(*begin(self._memory.jobs[picked.id]))
            return None

    def renew(self, job_id: str, lease: Lease) -> Job:
        with self._memory.lock:
            job = self.get(job_id)
            if job.lease is None or job.lease.worker != lease.worker:
                raise StaleJob(job_id)
            self._memory.jobs[job_id] = renewed = evolve(job, lease=lease)
            return renewed

    def processing(self) -> Sequence[Job]:
        return self._where(lambda job: job.status is JobStatus.PROCESSING)

    def open_on(self, target: str) -> Sequence[Job]:
        return self._where(lambda job: job.status in OPEN and job.target == target)

    def next_due(self, server: str) -> datetime | None:
        waits = (job.not_before for job in self._pending(server, AUTO))
        return min((moment for moment in waits if moment is not None), default=None)

    def position(self, job: Job) -> int | None:
        with self._memory.lock:
            known = self._memory.jobs.get(job.id)
            if known is None or known.status is not JobStatus.PENDING:
                return None
            place = (-known.priority, known.number)
            pending = self._pending(known.target)
            return sum((-other.priority, other.number) < place for other in pending)

    def paused(self) -> bool:
        with self._memory.lock:
            return self._memory.paused

    def set_paused(self, paused: bool, event: Event) -> None:
        with self._memory.lock:
            self._memory.paused = paused
            self._memory.record((event,), work=True)

    def _where(self, wanted: Callable[[Job], bool]) -> list[Job]:
        """The jobs that fit, oldest first."""
        with self._memory.lock:
            return [job for job in self._memory.jobs.values() if wanted(job)]

    def _pending(self, *targets: str) -> list[Job]:
        return self._where(lambda job: job.status is JobStatus.PENDING and job.target in targets)

    def _check_fresh(self, job: Job) -> None:
        if self.get(job.id).revision != job.revision:
            raise StaleJob(job.id)

    def _keep(self, job: Job, event: Event) -> Job:
        kept = evolve(job, revision=job.revision + 1)
        self._memory.jobs[job.id] = kept
        self._memory.record((event,), work=kept.status is JobStatus.PENDING)
        return kept


def _candidate(job: Job) -> Candidate:
    return Candidate(
        id=job.id,
        target=job.target,
        priority=job.priority,
        number=job.number,
        created_at=job.created_at,
        checkpoint=job.checkpoint,
        requirements=job.requirements if job.target == AUTO else None,
    )


class _MemoryServers(ServerStore):
    def __init__(self, memory: _Memory) -> None:
        self._memory = memory

    def add(self, server: Server, event: Event) -> None:
        with self._memory.lock:
            if server.alias in self._memory.servers:
                raise ServerExists(server.alias)
            self._memory.servers[server.alias] = server
            self._memory.record((event,), work=True)

    def get(self, alias: str) -> Server:
        with self._memory.lock:
            try:
                return self._memory.servers[alias]
            except KeyError:
                raise ServerNotFound(alias, list(self._memory.servers)) from None

    def list(self) -> Sequence[Server]:
        with self._memory.lock:
            return list(self._memory.servers.values())

    def replace(self, alias: str, server: Server, event: Event) -> None:
        memory = self._memory
        with memory.lock:
            self.get(alias)
            if server.alias != alias:
                if server.alias in memory.servers:
                    raise ServerExists(server.alias)
                for job in memory.jobs.values():
                    if job.target == alias and job.status in OPEN:
                        memory.jobs[job.id] = evolve(
                            job, target=server.alias, revision=job.revision + 1
                        )
            # Made anew, so that a renamed server keeps its place.
            memory.servers = {
                known.alias: known
                for known in (
                    server if known.alias == alias else known for known in memory.servers.values()
                )
            }
            memory.record((event,), work=True)

    def remove(self, alias: str, event: Event) -> None:
        with self._memory.lock:
            self.get(alias)
            del self._memory.servers[alias]
            self._memory.record((event,), work=True)


class _MemoryEvents(EventLog):
    def __init__(self, memory: _Memory) -> None:
        self._memory = memory

    def read(self, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        with self._memory.lock:
            return self._memory.events[after : after + limit]

    def last(self) -> int:
        with self._memory.lock:
            return len(self._memory.events)


class _MemoryLaneLock(LaneLock):
    def __init__(self, memory: _Memory, alias: str) -> None:
        self._memory = memory
        self._alias = alias
        self._held = False

    def try_acquire(self) -> bool:
        with self._memory.lock:
            if not self._held and self._alias not in self._memory.lanes:
                self._memory.lanes.add(self._alias)
                self._held = True
            return self._held

    def release(self) -> None:
        with self._memory.lock:
            if self._held:
                self._memory.lanes.discard(self._alias)
                self._held = False
