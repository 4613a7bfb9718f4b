"""The jobs in memory: plain Python, written to be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import datetime

from attrs import evolve

from stablequeue_core.errors import IdempotencyKeyReused, JobNotFound, StaleJob
from stablequeue_core.events import Event, EventKind
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
    event_of,
)
from stablequeue_core.storage.memory.state import Memory

WINDOW = 32
"""How many candidates are shown to ``choose`` at a time."""


class MemoryJobs(JobStore):
    """The jobs of one storage."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def add(self, jobs: Sequence[Job], key: IdempotencyKey | None = None) -> Sequence[Job]:
        """Keep new jobs, all or none, in this order."""
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
            new = [job for job in kept if job.status is JobStatus.PENDING]
            memory.record([event_of(EventKind.JOB_SUBMITTED, job) for job in new], work=True)
            return kept

    def get(self, job_id: str) -> Job:
        """The job with this id."""
        with self._memory.lock:
            try:
                return self._memory.jobs[job_id]
            except KeyError:
                raise JobNotFound(job_id) from None

    def list(self, query: JobQuery) -> JobPage:
        """A page of the jobs that match, and how many match in all, from one moment."""
        found = self._memory.where(lambda job: query.status in (None, job.status))
        found.sort(key=lambda job: (job.created_at, job.id), reverse=query.newest_first)
        page = found[query.offset : query.offset + query.limit]
        return JobPage(total=len(found), jobs=tuple(page))

    def counts(self) -> Mapping[JobStatus, int]:
        """How many jobs stand where; every status is a key."""
        counted = Counter(job.status for job in self._memory.where(lambda job: True))
        return {status: counted[status] for status in JobStatus}

    def replace(self, job: Job, event: Event) -> Job:
        """Keep ``job`` in place of its previous revision."""
        with self._memory.lock:
            self._check_fresh(job)
            return self._keep(job, event)

    def delete(self, job: Job, event: Event) -> None:
        """Forget ``job`` (and an idempotency key that led to it)."""
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
        """Give one pending job to the lane of ``server``; no job is ever given to two."""
        with self._memory.lock:
            due = [
                job
                for job in self._memory.claimable(server, AUTO)
                if job.not_before is None or job.not_before <= now
            ]
            due.sort(key=lambda job: (-job.priority, job.number))
            for start in range(0, len(due), WINDOW):
                picked = choose([_candidate(job) for job in due[start : start + WINDOW]])
                if picked is not None:
                    return self._keep(*begin(self._memory.jobs[picked.id]))
            return None

    def renew(self, job_id: str, lease: Lease) -> Job:
        """Prolong the lease; neither the revision nor the log changes."""
        with self._memory.lock:
            job = self.get(job_id)
            if job.lease is None or job.lease.worker != lease.worker:
                raise StaleJob(job_id)
            self._memory.jobs[job_id] = renewed = evolve(job, lease=lease)
            return renewed

    def processing(self) -> Sequence[Job]:
        """Every job that is processing, oldest first."""
        return self._memory.where(lambda job: job.status is JobStatus.PROCESSING)

    def open_on(self, target: str) -> Sequence[Job]:
        """Every pending or processing job whose target is this alias, oldest first."""
        return self._memory.where(lambda job: job.status in OPEN and job.target == target)

    def waiting(self) -> Sequence[Job]:
        """Every pending job that waits for downloads, oldest first."""
        return self._memory.where(
            lambda job: job.status is JobStatus.PENDING and bool(job.waits_for)
        )

    def next_due(self, server: str) -> datetime | None:
        """When the earliest of the server's jobs that wait for a time may run."""
        waits = (job.not_before for job in self._memory.claimable(server, AUTO))
        return min((moment for moment in waits if moment is not None), default=None)

    def position(self, job: Job) -> int | None:
        """How many pending jobs of the same target come before it; None unless it is pending."""
        with self._memory.lock:
            known = self._memory.jobs.get(job.id)
            if known is None or known.status is not JobStatus.PENDING:
                return None
            place = (-known.priority, known.number)
            others = self._memory.claimable(known.target)
            return sum((-other.priority, other.number) < place for other in others)

    def paused(self) -> bool:
        """Whether the whole queue is paused."""
        with self._memory.lock:
            return self._memory.paused

    def set_paused(self, paused: bool, event: Event) -> None:
        """Pause or resume the whole queue, for as long as the process lives."""
        with self._memory.lock:
            self._memory.paused = paused
            self._memory.record((event,), work=True)

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
