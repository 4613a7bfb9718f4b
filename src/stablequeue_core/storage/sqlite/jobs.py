"""The jobs in SQLite."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from attrs import evolve

from stablequeue_core.errors import JobNotFound, StaleJob, UnreadableJob
from stablequeue_core.events import Event
from stablequeue_core.jobs import (
    ENDED,
    Choose,
    Claim,
    IdempotencyKey,
    Job,
    JobPage,
    JobQuery,
    JobStatus,
    JobStore,
    Lease,
    Work,
)
from stablequeue_core.serialization import from_millis, to_millis
from stablequeue_core.storage.ringing import ends_part
from stablequeue_core.storage.rows import jobs as rows
from stablequeue_core.storage.rows.leaving_out import LeftOut
from stablequeue_core.storage.sqlite import queries
from stablequeue_core.storage.sqlite.adding import Adding
from stablequeue_core.storage.sqlite.connection import Database, Row
from stablequeue_core.storage.sqlite.faults import incomplete
from stablequeue_core.storage.sqlite.lines import Asked, SqliteLine

_Alike = tuple[str, str | None, int | None]
"""Target, checkpoint, and until when the last of them waits."""


class SqliteJobs(JobStore):
    """The jobs of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._adding = Adding(database)
        self._left_out = LeftOut()

    def add(
        self, jobs: Sequence[Job], key: IdempotencyKey | None = None, *, fair: bool = False
    ) -> Sequence[Job]:
        """Keep new jobs, all or none, in this order."""
        return self._adding.add(jobs, key, fair=fair)

    def get(self, job_id: str) -> Job:
        """The job with this id."""
        return _only(self._database.fetch(queries.GET, (job_id,)), job_id)

    def list(self, query: JobQuery) -> JobPage:
        """A page of the jobs that match, and how many match in all, from one moment."""
        select = queries.page(newest_first=query.newest_first, status=query.status)
        with self._database.read() as connection:
            counts = _counts(connection.execute(queries.COUNTS))
            found = connection.execute(select, (query.limit, query.offset)).fetchall()
        total = sum(counts.values()) if query.status is None else counts[query.status]
        return JobPage(total=total, jobs=tuple(map(rows.job_of, found)))

    def counts(self) -> Mapping[JobStatus, int]:
        """How many jobs stand where, parts of jobs left out; every status is a key."""
        return _counts(self._database.fetch(queries.COUNTS))

    def replace(self, job: Job, event: Event) -> Job:
        """Keep ``job`` in place of its previous revision."""
        with self._database.write() as connection:
            kept = self._replace(connection, job, event)
        self._tell_of_part(kept)
        return kept

    def delete(self, job: Job, event: Event) -> None:
        """Forget ``job`` (and an idempotency key that led to it)."""
        with self._database.write() as connection:
            _expect_one(connection.execute(queries.DELETE, (job.id, job.revision)), job.id)
            connection.execute(queries.DELETE_KEY, {"number": job.number})
            self._database.tell(event)

    def claim(self, wanted: Claim) -> Job | None:
        """Give one pending job to whoever wants one; no job is ever given to two."""
        asked = Asked(wanted.targets, wanted.now)
        # An idle lane looks without holding up those who write.
        ready, has_become_ready = asked.anything_due(self._database)
        if not ready and not has_become_ready:
            return None
        with self._database.write() as connection:
            return self._begun(connection, asked, wanted, has_become_ready)

    def finish_and_claim(self, job: Job, event: Event, wanted: Claim) -> tuple[Job, Job | None]:
        """Keep ``job``, which has ended, and claim the next, or neither."""
        asked = Asked(wanted.targets, wanted.now)
        ready, has_become_ready = asked.anything_due(self._database)
        if not ready and not has_become_ready:
            return self.replace(job, event), None
        with self._database.write() as connection:
            kept = self._replace(connection, job, event)
            begun = self._begun(connection, asked, wanted, has_become_ready)
        self._tell_of_part(kept)
        return kept, begun

    def _begun(
        self, connection: sqlite3.Connection, asked: Asked, wanted: Claim, has_become_ready: bool
    ) -> Job | None:
        """The job that is claimed in the transaction under way."""
        if has_become_ready:
            asked.make_ready(connection)
        chosen = self._chosen(connection, asked, wanted.choose)
        return None if chosen is None else self._replace(connection, *wanted.begin(chosen))

    def _chosen(self, connection: sqlite3.Connection, asked: Asked, choose: Choose) -> Job | None:
        while True:
            try:
                with SqliteLine(connection, asked, self._left_out.ids) as line:
                    chosen = choose(line)
                return None if chosen is None else _job(connection, chosen.id)
            except UnreadableJob as error:
                # Those behind it are not to wait for it.
                self._left_out.add(error)

    def _replace(self, connection: sqlite3.Connection, job: Job, event: Event) -> Job:
        """Write ``job`` over the revision before it, and tell of it."""
        kept = evolve(job, revision=job.revision + 1)
        values = (*rows.changing(job, kept.revision), job.id, job.revision)
        _expect_one(connection.execute(queries.UPDATE, values), job.id)
        self._database.tell(event)
        return kept

    def _tell_of_part(self, job: Job) -> None:
        if ends_part(job):
            self._database.bells.work.ring()

    def renew(self, job_id: str, lease: Lease) -> Job:
        """Prolong the lease; neither the revision nor the log changes."""
        with self._database.write() as connection:
            found = connection.execute(
                queries.RENEW, (to_millis(lease.until), job_id, lease.worker)
            ).fetchall()
            if not found:
                _job(connection, job_id)
                raise StaleJob(job_id)
        return rows.job_of(found[0])

    def processing(self) -> Sequence[Job]:
        """Every job that is processing, oldest first."""
        return self._left_out.readable(self._database.fetch(queries.PROCESSING))

    def open_on(self, target: str) -> Sequence[Job]:
        """Every pending or processing job whose target is this alias, oldest first."""
        return self._all(queries.OPEN_ON, {"target": target})

    def waiting(self) -> Sequence[Job]:
        """Every pending job that waits for downloads, oldest first."""
        return self._left_out.readable(self._database.fetch(queries.WAITING))

    def next_due(self, targets: Sequence[str]) -> datetime | None:
        """When the earliest job of these targets that waits for a time may run."""
        with self._database.read() as connection:
            found = [
                connection.execute(queries.NEXT_DUE, (ready, target)).fetchone()[0]
                for target in targets
                for ready in (0, 1)
            ]
        earliest = min((millis for millis in found if millis is not None), default=None)
        return None if earliest is None else from_millis(earliest)

    def move_to_front(self, job: Job, event: Event) -> Job:
        """Let ``job`` go before all others of its priority."""
        with self._database.write() as connection:
            moved = connection.execute(queries.MOVE_TO_FRONT, (job.id, job.revision))
            _expect_one(moved, job.id)
            kept = _job(connection, job.id)
            self._database.tell(event)
        return kept

    def work_before(self, job: Job | None, *, now: datetime) -> Sequence[Work]:
        """The pending jobs of whatever target that stand before ``job``, summed up."""
        stands = {
            "priority": job and job.priority,
            "place": job and job.place,
            "number": job and job.number,
            "now": to_millis(now),
            "due_by": job and to_millis(max(now, job.not_before or now)),
        }
        counts: Counter[_Alike] = Counter()
        efforts: Counter[_Alike] = Counter()
        for target, checkpoint, count, effort, until in self._database.fetch(
            queries.WORK_BEFORE, stands
        ):
            counts[target, checkpoint, until] += count
            efforts[target, checkpoint, until] += effort
        return [
            Work(
                target=alike[0],
                checkpoint=alike[1],
                count=count,
                effort=efforts[alike],
                not_before=None if alike[2] is None else from_millis(alike[2]),
            )
            for alike, count in counts.items()
        ]

    def parts_of(self, job_id: str) -> Sequence[Job]:
        """The jobs that are parts of this one, by number."""
        return self._all(queries.PARTS_OF, (job_id,))

    def in_parts(self) -> Sequence[Job]:
        """Every open job that is made in parts, oldest first."""
        return self._left_out.readable(self._database.fetch(queries.IN_PARTS))

    def worn_out(
        self, *, ended_before: datetime | None, keep: int | None, limit: int
    ) -> Sequence[Job]:
        """The ended jobs that need not be kept any more, those that ended first first."""
        with self._database.read() as connection:
            too_many = 0
            if keep is not None:
                counts = _counts(connection.execute(queries.COUNTS))
                too_many = sum(counts[status] for status in ENDED) - keep
            too_old = 0
            if ended_before is not None:
                asked = (to_millis(ended_before), limit)
                (too_old,) = connection.execute(queries.COUNT_ENDED_BEFORE, asked).fetchone()
            count = min(max(too_many, too_old, 0), limit)
            found = connection.execute(queries.ENDED_FIRST, (count,)).fetchall()
        return self._left_out.readable(found)

    def forget(self, jobs: Sequence[Job], event: Event) -> int:
        """Forget those of these ended jobs that are still as they were, with one event for all."""
        count = 0
        with self._database.write() as connection:
            for job in jobs:
                if connection.execute(queries.FORGET, (job.id, job.revision)).rowcount:
                    count += 1
                    _forget_what_belongs_to(connection, job)
            if count:
                self._database.tell(event)
        return count

    def position(self, job: Job, *, now: datetime) -> int | None:
        """How many pending jobs of the same target come before it; None unless it is pending."""
        found = self._database.fetch(queries.POSITION, {"id": job.id, "now": to_millis(now)})
        return int(found[0][0]) if found else None

    def paused(self) -> bool:
        """Whether the whole queue is paused."""
        found = self._database.fetch(queries.PAUSED)
        if not found:
            raise incomplete()
        return bool(found[0][0])

    def set_paused(self, paused: bool, event: Event) -> None:
        """Pause or resume the whole queue; survives a restart."""
        with self._database.write() as connection:
            connection.execute(queries.SET_PAUSED, (paused,))
            self._database.tell(event)

    def _all(self, select: str, values: tuple[str, ...] | dict[str, str]) -> Sequence[Job]:
        return [rows.job_of(row) for row in self._database.fetch(select, values)]


def _job(connection: sqlite3.Connection, job_id: str) -> Job:
    return _only(connection.execute(queries.GET, (job_id,)).fetchall(), job_id)


def _only(found: Sequence[Row], job_id: str) -> Job:
    if not found:
        raise JobNotFound(job_id)
    return rows.job_of(found[0])


def _expect_one(cursor: sqlite3.Cursor, job_id: str) -> None:
    """Raise unless the statement found the revision of the job that it was meant for."""
    if cursor.rowcount != 1:
        if cursor.execute(queries.IS_THERE, (job_id,)).fetchone():
            raise StaleJob(job_id)
        raise JobNotFound(job_id)


def _forget_what_belongs_to(connection: sqlite3.Connection, job: Job) -> None:
    """The parts of a job that was forgotten, and the idempotency keys that led to it or to them."""
    parts = connection.execute(queries.NUMBERS_OF_PARTS, (job.id,)).fetchall()
    connection.executemany(queries.FORGET_NUMBER, parts)
    for (number,) in [(job.number,), *parts]:
        connection.execute(queries.DELETE_KEY, {"number": number})


_COUNTERS = {"gaps", *ENDED}
"""What the table of the queue counts."""


def _counts(found: Iterable[Row]) -> Mapping[JobStatus, int]:
    values: dict[str, int] = dict(found)
    if not values.keys() >= _COUNTERS:
        raise incomplete()
    counts = {status: values.get(status.value, 0) for status in JobStatus}
    there = values["last"] - values["gaps"]
    counts[JobStatus.PENDING] = there - sum(counts.values())
    return counts
