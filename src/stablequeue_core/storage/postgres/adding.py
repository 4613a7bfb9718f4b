"""How new jobs are kept: one by itself in one statement, all others in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from stablequeue_core.errors import IdempotencyKeyReused
from stablequeue_core.events import EventKind
from stablequeue_core.jobs import IdempotencyKey, Job, JobStatus, event_of
from stablequeue_core.storage.postgres import job_queries as queries
from stablequeue_core.storage.postgres.connecting import Connected
from stablequeue_core.storage.postgres.database import Database
from stablequeue_core.storage.postgres.events import row_of
from stablequeue_core.storage.postgres.queue_row import queue_row
from stablequeue_core.storage.postgres.ringing import SharedBells
from stablequeue_core.storage.rows import jobs as rows

FRONT = 1
"""The places below this one are those of jobs that were moved to the front."""


class Adding:
    """Adds jobs to one database. Safe to use from several threads."""

    def __init__(self, database: Database, bells: SharedBells) -> None:
        self._database = database
        self._bells = bells

    def add(self, jobs: Sequence[Job], key: IdempotencyKey | None, *, fair: bool) -> Sequence[Job]:
        """Keep new jobs; see the port."""
        if not jobs and key is None:
            return []
        is_plain = len(jobs) == 1 and jobs[0].status is JobStatus.PENDING
        if is_plain and key is None and not fair:
            kept: Sequence[Job] = [self._add_one(jobs[0])]
        else:
            kept = self._database.transact(
                lambda connection: _add_all(connection, jobs, key, fair=fair),
                was_kept=lambda: self._those(jobs),
            )
        self._bells.ring([EventKind.JOB_SUBMITTED])
        return kept

    def _those(self, jobs: Sequence[Job]) -> Sequence[Job] | None:
        """These jobs as they are kept, None when they are not."""
        found = self._database.fetch(queries.OF_IDS, ([job.id for job in jobs],))
        return [rows.job_of(row) for row in found] or None

    def _add_one(self, job: Job) -> Job:
        event = event_of(EventKind.JOB_SUBMITTED, job)
        values = (*rows.fixed(job), *rows.changing(job, 1), *row_of(event))
        found = self._database.change(
            queries.ADD_ONE,
            values,
            was_kept=lambda: self._database.fetch(queries.NUMBER_OF, (job.id,)) or None,
        )
        (number,) = queue_row(found[0] if found else None)
        return evolve(job, number=number, place=number, revision=1)


def _add_all(
    connection: Connected, jobs: Sequence[Job], key: IdempotencyKey | None, *, fair: bool
) -> Sequence[Job]:
    # From here on nobody else adds jobs: neither with the same key, nor for the same client.
    connection.execute(queries.LOCK_QUEUE)
    if key is not None:
        answered = _answered(connection, key)
        if answered is not None:
            return answered
    told = [job.status is JobStatus.PENDING for job in jobs]
    counting = connection.execute(queries.NEXT_NUMBERS, (len(jobs), sum(told)))
    counted = queue_row(counting.fetchone())
    number, sequence = counted[0] - len(jobs) + 1, counted[1] - sum(told) + 1
    kept = [evolve(job, number=n, place=n, revision=1) for n, job in enumerate(jobs, number)]
    if fair:
        kept = _in_turn(connection, kept)
    with connection.cursor().copy(queries.COPY_JOBS) as copy:
        for job in kept:
            copy.write_row((job.number, job.place, *rows.fixed(job), *rows.changing(job, 1)))
    with connection.cursor().copy(queries.COPY_EVENTS) as copy:
        for job in kept:
            if job.status is JobStatus.PENDING:
                copy.write_row((sequence, *row_of(event_of(EventKind.JOB_SUBMITTED, job))))
                sequence += 1
    if key is not None and kept:
        connection.execute(queries.ADD_KEY, (kept[0].number, kept[-1].number, key.key, key.digest))
    return kept


def _answered(connection: Connected, key: IdempotencyKey) -> Sequence[Job] | None:
    """The jobs that the key led to when it was used before; None: it was not."""
    found = connection.execute(queries.FIND_KEY, (key.key,)).fetchone()
    if found is None:
        return None
    first, last, digest = found
    if digest != key.digest:
        raise IdempotencyKeyReused(key.key)
    earlier = connection.execute(queries.NUMBERED, (first, last)).fetchall()
    return [rows.job_of(row) for row in earlier]


def _in_turn(connection: Connected, jobs: Sequence[Job]) -> list[Job]:
    """The jobs with the places that they have where clients take turns."""
    lowest: dict[int, int | None] = {}
    last: dict[tuple[int, str | None], int] = {}
    placed = []
    for job in jobs:
        if job.status is not JobStatus.PENDING:
            placed.append(job)
            continue
        level, own = job.priority, (job.priority, job.client_id)
        if own not in last:
            values = {"priority": level, "client_id": job.client_id}
            row = connection.execute(queries.PLACES, values).fetchone()
            assert row is not None
            lowest.setdefault(level, row[0])
            last[own] = row[1] or 0
        first = lowest[level]
        place = job.place if first is None else max(first, last[own]) + 1
        lowest[level] = place if first is None else first
        last[own] = place
        placed.append(evolve(job, place=place))
    return placed
