"""The jobs in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from attrs import evolve

from stablequeue_core.bell import Bell
from stablequeue_core.errors import JobNotFound, StaleJob
from stablequeue_core.events import Event
from stablequeue_core.jobs import (
    Begin,
    Choose,
    IdempotencyKey,
    Job,
    JobPage,
    JobQuery,
    JobStatus,
    JobStore,
    Lease,
)
from stablequeue_core.serialization import from_millis, to_millis
from stablequeue_core.storage.sqlite import queries, rows
from stablequeue_core.storage.sqlite.adding import Adding
from stablequeue_core.storage.sqlite.connection import Database, Row
from stablequeue_core.storage.sqlite.events import record

WINDOW = 32
"""How many candidates are shown to ``choose`` at a time."""


class SqliteJobs(JobStore):
    """The jobs of one database."""

    def __init__(self, database: Database, *, work: Bell, changes: Bell) -> None:
        self._database = database
        self._adding = Adding(database)
        self._work = work
        self._changes = changes

    def add(self, jobs: Sequence[Job], key: IdempotencyKey | None = None) -> Sequence[Job]:
        """Keep new jobs, all or none, in this order."""
        kept = self._adding.add(jobs, key)
        self._ring(work=True)
        return kept

    def get(self, job_id: str) -> Job:
        """The job with this id."""
        return _only(self._database.fetch(queries.GET, (job_id,)), job_id)

    def list(self, query: JobQuery) -> JobPage:
        """A page of the jobs that match, and how many match in all, from one moment."""
        select = queries.page(newest_first=query.newest_first, of_status=query.status is not None)
        wanted = () if query.status is None else (query.status.value,)
        with self._database.read() as connection:
            counts = _counts(connection.execute(queries.COUNTS))
            found = connection.execute(select, (*wanted, query.limit, query.offset)).fetchall()
        total = sum(counts.values()) if query.status is None else counts[query.status]
        return JobPage(total=total, jobs=tuple(map(rows.job_of, found)))

    def counts(self) -> Mapping[JobStatus, int]:
        """How many jobs stand where; every status is a key."""
        return _counts(self._database.fetch(queries.COUNTS))

    def replace(self, job: Job, event: Event) -> Job:
        """Keep ``job`` in place of its previous revision."""
        kept = evolve(job, revision=job.revision + 1)
        with self._database.write() as connection:
            _keep(connection, kept)
            record(connection, event)
        self._ring(work=job.status is JobStatus.PENDING)
        return kept

    def delete(self, job: Job, event: Event) -> None:
        """Forget ``job`` (and an idempotency key that led to it)."""
        with self._database.write() as connection:
            _expect_one(connection.execute(queries.DELETE, (job.id, job.revision)), job.id)
            connection.execute(queries.DELETE_KEY, {"number": job.number})
            record(connection, event)
        self._ring(work=False)

    def claim(self, server: str, *, now: datetime, choose: Choose, begin: Begin) -> Job | None:
        """Give one pending job to the lane of ``server``; no job is ever given to two."""
        due = {"server": server, "now": to_millis(now)}
        # An idle lane looks without holding up those who write.
        if not self._database.fetch(queries.ANYTHING_DUE, due):
            return None
        with self._database.write() as connection:
            chosen = _choose(connection, due, choose)
            if chosen is None:
                return None
            job, event = begin(_job(connection, chosen))
            kept = evolve(job, revision=job.revision + 1)
            _keep(connection, kept)
            record(connection, event)
        self._ring(work=False)
        return kept

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
        return self._all(queries.PROCESSING, ())

    def open_on(self, target: str) -> Sequence[Job]:
        """Every pending or processing job whose target is this alias, oldest first."""
        return self._all(queries.OPEN_ON, {"target": target})

    def waiting(self) -> Sequence[Job]:
        """Every pending job that waits for downloads, oldest first."""
        return self._all(queries.WAITING, ())

    def next_due(self, server: str) -> datetime | None:
        """When the earliest of the server's jobs that wait for a time may run."""
        ((millis,),) = self._database.fetch(queries.NEXT_DUE, (server,))
        return None if millis is None else from_millis(millis)

    def position(self, job: Job) -> int | None:
        """How many pending jobs of the same target come before it; None unless it is pending."""
        found = self._database.fetch(queries.POSITION, (job.id,))
        return int(found[0][0]) if found else None

    def paused(self) -> bool:
        """Whether the whole queue is paused."""
        ((paused,),) = self._database.fetch(queries.PAUSED)
        return bool(paused)

    def set_paused(self, paused: bool, event: Event) -> None:
        """Pause or resume the whole queue; survives a restart."""
        with self._database.write() as connection:
            connection.execute(queries.SET_PAUSED, (paused,))
            record(connection, event)
        self._ring(work=True)

    def _all(self, select: str, values: tuple[str, ...] | dict[str, str]) -> Sequence[Job]:
        return [rows.job_of(row) for row in self._database.fetch(select, values)]

    def _ring(self, *, work: bool) -> None:
        self._changes.ring()
        if work:
            self._work.ring()


def _job(connection: sqlite3.Connection, job_id: str) -> Job:
    return _only(connection.execute(queries.GET, (job_id,)).fetchall(), job_id)


def _only(found: Sequence[Row], job_id: str) -> Job:
    if not found:
        raise JobNotFound(job_id)
    return rows.job_of(found[0])


def _keep(connection: sqlite3.Connection, job: Job) -> None:
    """Write ``job`` over the revision before it."""
    values = (*rows.changing(job, job.revision), job.id, job.revision - 1)
    _expect_one(connection.execute(queries.UPDATE, values), job.id)


def _expect_one(cursor: sqlite3.Cursor, job_id: str) -> None:
    """Raise unless the statement found the revision of the job that it was meant for."""
    if cursor.rowcount != 1:
        if cursor.execute(queries.IS_THERE, (job_id,)).fetchone():
            raise StaleJob(job_id)
        raise JobNotFound(job_id)


def _choose(connection: sqlite3.Connection, due: dict[str, object], choose: Choose) -> str | None:
    """The id of the job that ``choose`` picks, window by window."""
    cursor = connection.execute(queries.CANDIDATES, due)
    try:
        while window := cursor.fetchmany(WINDOW):
            picked = choose(rows.Candidates(window))
            if picked is not None:
                return picked.id
    finally:
        cursor.close()
    return None


def _counts(found: Iterable[Row]) -> Mapping[JobStatus, int]:
    values: dict[str, int] = dict(found)
    counts = {status: values.get(status.value, 0) for status in JobStatus}
    there = values["last"] - values["gaps"]
    counts[JobStatus.PENDING] = there - sum(counts.values())
    return counts
