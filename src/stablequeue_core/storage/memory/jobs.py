"""The jobs in memory: plain Python, written to be read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from itertools import takewhile

from attrs import evolve

from stablequeue_core.errors import IdempotencyKeyReused, JobNotFound, StaleJob
from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import (
    OPEN,
    Claim,
    IdempotencyKey,
    Job,
    JobPage,
    JobQuery,
    JobStatus,
    JobStore,
    Lease,
    Work,
    event_of,
)
from stablequeue_core.storage.memory.lines import MemoryLine
from stablequeue_core.storage.memory.state import Memory, comes_before, is_due
from stablequeue_core.storage.ringing import ends_part

FRONT = 1
"""The places below this one are those of jobs that were moved to the front."""


class MemoryJobs(JobStore):
    """The jobs of one storage."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def add(
        self, jobs: Sequence[Job], key: IdempotencyKey | None = None, *, fair: bool = False
    ) -> Sequence[Job]:
        """Keep new jobs, all or none, in this order."""
        memory = self._memory
        with memory.changing():
            if key is not None and key.key in memory.keys:
                digest, ids = memory.keys[key.key]
                if digest != key.digest:
                    raise IdempotencyKeyReused(key.key)
                return [memory.jobs[job_id] for job_id in ids]
            # Copies, because the caller may go on using his dictionaries.
            copies = [evolve(job, params=deepcopy(dict(job.params))) for job in jobs]
            kept = [self._add(job, fair=fair) for job in copies]
            if key is not None and kept:
                memory.keys[key.key] = key.digest, tuple(job.id for job in kept)
            new = [job for job in kept if job.status is JobStatus.PENDING]
            memory.record(*(event_of(EventKind.JOB_SUBMITTED, job) for job in new))
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
        found = self._memory.where(
            lambda job: job.part_of is None and query.status in (None, job.status)
        )
        found.sort(key=lambda job: (job.created_at, job.id), reverse=query.newest_first)
        page = found[query.offset : query.offset + query.limit]
        return JobPage(total=len(found), jobs=tuple(page))

    def counts(self) -> Mapping[JobStatus, int]:
        """How many jobs stand where, parts of jobs left out; every status is a key."""
        whole = self._memory.where(lambda job: job.part_of is None)
        counted = Counter(job.status for job in whole)
        return {status: counted[status] for status in JobStatus}

    def replace(self, job: Job, event: Event) -> Job:
        """Keep ``job`` in place of its previous revision."""
        with self._memory.changing():
            self._check_fresh(job)
            return self._keep(job, event)

    def delete(self, job: Job, event: Event) -> None:
        """Forget ``job`` (and an idempotency key that led to it)."""
        with self._memory.changing():
            self._check_fresh(job)
            self._forget([job.id])
            self._memory.record(event)

    def claim(self, wanted: Claim) -> Job | None:
        """Give one pending job to whoever wants one; no job is ever given to two."""
        with self._memory.changing():
            begun = self._begun(wanted)
            return self._keep(*begun) if begun else None

    def finish_and_claim(self, job: Job, event: Event, wanted: Claim) -> tuple[Job, Job | None]:
        """Keep ``job``, which has ended, and claim the next, or neither."""
        with self._memory.changing():
            self._check_fresh(job)
            # What they raise undoes nothing here, so it must come first.
            begun = self._begun(wanted, without=job)
            return self._keep(job, event), self._keep(*begun) if begun else None

    def renew(self, job_id: str, lease: Lease) -> Job:
        """Prolong the lease; neither the revision nor the log changes."""
        with self._memory.changing():
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

    def next_due(self, targets: Sequence[str]) -> datetime | None:
        """When the earliest job of these targets that waits for a time may run."""
        waits = (job.not_before for job in self._memory.in_line() if job.target in targets)
        return min((moment for moment in waits if moment is not None), default=None)

    def move_to_front(self, job: Job, event: Event) -> Job:
        """Let ``job`` go before all others of its priority."""
        memory = self._memory
        with memory.changing():
            self._check_fresh(job)
            lowest = min(known.place for known in memory.jobs.values())
            place = min(lowest, FRONT) - 1
            moved = evolve(self.get(job.id), place=place, revision=job.revision + 1)
            memory.jobs[job.id] = moved
            memory.record(event)
            return moved

    def work_before(self, job: Job | None, *, now: datetime) -> Sequence[Work]:
        """The pending jobs of whatever target that stand before ``job``, summed up."""
        alike: defaultdict[tuple[str, str | None, bool], list[Job]] = defaultdict(list)
        for known in self._memory.in_line():
            if job is None or comes_before(known, job, now):
                alike[known.target, known.checkpoint, is_due(known, now)].append(known)
        return [
            Work(
                target=target,
                checkpoint=checkpoint,
                count=len(jobs),
                effort=sum(each.effort for each in jobs),
                not_before=None if due else max(each.not_before or now for each in jobs),
            )
            for (target, checkpoint, due), jobs in alike.items()
        ]

    def parts_of(self, job_id: str) -> Sequence[Job]:
        """The jobs that are parts of this one, by number."""
        return self._memory.where(lambda job: job.part_of == job_id)

    def in_parts(self) -> Sequence[Job]:
        """Every open job that is made in parts, oldest first."""
        return self._memory.where(lambda job: job.status in OPEN and bool(job.parts))

    def worn_out(
        self, *, ended_before: datetime | None, keep: int | None, limit: int
    ) -> Sequence[Job]:
        """The ended jobs that need not be kept any more, those that ended first first."""
        ended = [
            (job.ended_at, job.number, job)
            for job in self._memory.where(lambda job: job.part_of is None and job.status.ended)
            if job.ended_at is not None
        ]
        ended.sort(key=lambda each: each[:2])
        beyond = len(ended) if keep is None else keep
        worn_out = takewhile(
            lambda at: (
                len(ended) - at[0] > beyond
                or (ended_before is not None and at[1][0] < ended_before)
            ),
            enumerate(ended),
        )
        return [job for _, (_, _, job) in worn_out][:limit]

    def forget(self, jobs: Sequence[Job], event: Event) -> int:
        """Forget those of these ended jobs that are still as they were, with one event for all."""
        memory = self._memory
        with memory.changing():
            gone = [
                job.id
                for job in jobs
                if job.id in memory.jobs
                and memory.jobs[job.id].revision == job.revision
                and job.status.ended
            ]
            if gone:
                self._forget([*gone, *(part.id for job in gone for part in self.parts_of(job))])
                memory.record(event)
            return len(gone)

    def position(self, job: Job, *, now: datetime) -> int | None:
        """How many pending jobs of the same target come before it; None unless it is pending."""
        with self._memory.lock:
            known = self._memory.jobs.get(job.id)
            if known is None or known.status is not JobStatus.PENDING:
                return None
            others = self._memory.in_line(known.target)
            return sum(comes_before(other, known, now) for other in others)

    def paused(self) -> bool:
        """Whether the whole queue is paused."""
        with self._memory.lock:
            return self._memory.paused

    def set_paused(self, paused: bool, event: Event) -> None:
        """Pause or resume the whole queue, for as long as the process lives."""
        with self._memory.changing():
            self._memory.paused = paused
            self._memory.record(event)

    def _add(self, job: Job, *, fair: bool) -> Job:
        memory = self._memory
        memory.accepted += 1
        place = memory.accepted
        if fair and job.status is JobStatus.PENDING:
            place = self._fair_place(job) or place
        kept = evolve(job, number=memory.accepted, place=place, revision=1)
        memory.jobs[kept.id] = kept
        return kept

    def _fair_place(self, job: Job) -> int | None:
        """Where a new job of this client and priority stands; None: nobody waits there."""
        waiting = self._memory.where(
            lambda known: (
                known.status is JobStatus.PENDING
                and known.priority == job.priority
                and known.place >= FRONT
            )
        )
        if not waiting:
            return None
        first = min(known.place for known in waiting)
        own = [known.place for known in waiting if known.client_id == job.client_id]
        return 1 + max([first, *own])

    def _begun(self, wanted: Claim, *, without: Job | None = None) -> tuple[Job, Event] | None:
        """The chosen job as it shall be, and what tells of it."""
        line = MemoryLine(self._memory, wanted.targets, wanted.now, without)
        picked = wanted.choose(line) if line else None
        return None if picked is None else wanted.begin(self.get(picked.id))

    def _check_fresh(self, job: Job) -> None:
        if self.get(job.id).revision != job.revision:
            raise StaleJob(job.id)

    def _keep(self, job: Job, event: Event) -> Job:
        """Keep the changed job; what it was accepted with stays."""
        before = self._memory.jobs[job.id]
        kept = evolve(job, revision=job.revision + 1)
        self._memory.jobs[job.id] = evolve(
            kept,
            number=before.number,
            created_at=before.created_at,
            params=before.params,
            checkpoint=before.checkpoint,
            requirements=before.requirements,
            place=before.place,
            effort=before.effort,
            client_id=before.client_id,
            part_of=before.part_of,
            first_picture=before.first_picture,
            image_folder=None,
        )
        self._memory.record(event)
        if ends_part(kept):
            self._memory.bells.work.ring()
        return kept

    def _forget(self, job_ids: Iterable[str]) -> None:
        memory = self._memory
        gone = set(job_ids)
        for job_id in gone:
            del memory.jobs[job_id]
        memory.keys = {
            key: (digest, ids) for key, (digest, ids) in memory.keys.items() if gone.isdisjoint(ids)
        }
