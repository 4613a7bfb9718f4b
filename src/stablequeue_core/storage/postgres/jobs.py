"""The jobs in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from stablequeue_core.errors import JobNotFound, StaleJob
from stablequeue_core.events import Event
from stablequeue_core.jobs import (
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
from stablequeue_core.storage.postgres import job_queries as queries
from stablequeue_core.storage.postgres.adding import Adding
from stablequeue_core.storage.postgres.claiming import Claiming, Occupied
from stablequeue_core.storage.postgres.connecting import Connected
from stablequeue_core.storage.postgres.database import Database, Row, Values
from stablequeue_core.storage.postgres.events import record
from stablequeue_core.storage.postgres.job_change import JobChange
from stablequeue_core.storage.postgres.queue_row import queue_row
from stablequeue_core.storage.postgres.ringing import SharedBells
from stablequeue_core.storage.ringing import ends_part
from stablequeue_core.storage.rows import jobs as rows
from stablequeue_core.storage.rows.leaving_out import LeftOut


class PostgresJobs(JobStore):
    """The jobs of one database."""

    def __init__(self, database: Database, bells: SharedBells) -> None:
        self._database = database
        self._bells = bells
        self._adding = Adding(database, bells)
        self._left_out = LeftOut()
        self._claiming = Claiming(database, self._left_out)

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
        select = queries.page(newest_first=query.newest_first, of_status=query.status is not None)
        wanted: dict[str, Any] = {"limit": query.limit, "offset": query.offset}
        if query.status is not None:
            wanted["status"] = query.status.value

        def look(connection: Connected) -> tuple[Mapping[JobStatus, int], Sequence[Row]]:
            counts = _counts(connection.execute(queries.COUNTS).fetchall())
            found = connection.execute(select, wanted)
            return counts, found.fetchall()

        counts, found = self._database.read(look)
        total = sum(counts.values()) if query.status is None else counts[query.status]
        return JobPage(total=total, jobs=tuple(map(rows.job_of, found)))

    def counts(self) -> Mapping[JobStatus, int]:
        """How many jobs stand where, parts of jobs left out; every status is a key."""
        return _counts(self._database.fetch(queries.COUNTS))

    def replace(self, job: Job, event: Event) -> Job:
        """Keep ``job`` in place of its previous revision."""
        return self._replace(JobChange(self._database, job, event))

    def delete(self, job: Job, event: Event) -> None:
        """Forget ``job`` (and an idempotency key that led to it)."""

        def forget(connection: Connected) -> bool:
            gone = connection.execute(queries.DELETE, (job.id, job.revision)).fetchone()
            if gone is not None:
                connection.execute(queries.FORGET_KEYS, ([job.number],))
                record(connection, event)
            return gone is not None

        if not self._database.transact(forget):
            self._refuse(job.id)
        self._bells.ring([event.kind])

    def claim(self, wanted: Claim) -> Job | None:
        """Give one pending job to whoever wants one; no job is ever given to two."""
        begun = self._claiming.claim(wanted)
        if begun is None:
            return None
        self._tell_of(begun)
        return begun.kept

    def finish_and_claim(self, job: Job, event: Event, wanted: Claim) -> tuple[Job, Job | None]:
        """Keep ``job``, which has ended, and claim the next, or neither."""
        # Before the choice: the longer that takes, the more often somebody else is faster.
        ended = JobChange(self._database, job, event)
        begun: JobChange | None = None
        with suppress(Occupied):
            begun = self._claiming.follow(ended, wanted)
        if begun is None:
            # Should somebody else be about to change it, here they are waited for.
            return self._replace(ended), None
        self._tell_of(ended, begun)
        return ended.kept, begun.kept

    def renew(self, job_id: str, lease: Lease) -> Job:
        """Prolong the lease; neither the revision nor the log changes."""
        values = (to_millis(lease.until), job_id, lease.worker)
        # Renewed twice is as good as once.
        found = self._database.change(queries.RENEW, values, was_kept=lambda: None)
        if not found:
            self._refuse(job_id)
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
        ((millis,),) = self._database.fetch(queries.NEXT_DUE, (list(targets),))
        return None if millis is None else from_millis(millis)

    def move_to_front(self, job: Job, event: Event) -> Job:
        """Let ``job`` go before all others of its priority."""

        def move(connection: Connected) -> list[Row]:
            if not connection.execute(queries.LOCK, (job.id, job.revision)).fetchone():
                return []
            # Of two that move at once, the second must see where the first went.
            connection.execute(queries.LOCK_QUEUE)
            moved = connection.execute(queries.MOVE_TO_FRONT, (job.id,)).fetchall()
            record(connection, event)
            return moved

        found = self._database.transact(move)
        if not found:
            self._refuse(job.id)
        self._bells.ring([event.kind])
        return rows.job_of(found[0])

    def work_before(self, job: Job | None, *, now: datetime) -> Sequence[Work]:
        """The pending jobs of whatever target that stand before ``job``, summed up."""
        if job is None:
            found = self._database.fetch(queries.ALL_WORK, {"now": to_millis(now)})
        else:
            found = self._database.fetch(queries.WORK_BEFORE, _standing(job, now))
        return [
            Work(
                target=target,
                checkpoint=checkpoint,
                count=count,
                effort=effort,
                not_before=None if until is None else from_millis(until),
            )
            for target, checkpoint, count, effort, until in found
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

        def look(connection: Connected) -> Sequence[Row]:
            beyond = 0
            if keep is not None:
                (ended,) = connection.execute(queries.ENDED).fetchone() or (0,)
                beyond = max(ended - keep, 0)
            found: list[Row] = []
            if beyond:
                values: dict[str, Any] = {"limit": min(beyond, limit)}
                found = connection.execute(queries.WORN_OUT, values).fetchall()
            if ended_before is not None and len(found) < limit:
                values = {"limit": limit, "before": to_millis(ended_before)}
                old = connection.execute(queries.WORN_OUT_BEFORE, values).fetchall()
                found = max(found, old, key=len)
            return found

        return self._left_out.readable(self._database.read(look))

    def forget(self, jobs: Sequence[Job], event: Event) -> int:
        """Forget those of these ended jobs that are still as they were, with one event for all."""
        which = ([job.id for job in jobs], [job.revision for job in jobs])

        def forget(connection: Connected) -> int:
            gone = connection.execute(queries.FORGET, which).fetchall()
            if gone:
                ids = [job_id for job_id, _ in gone]
                parts = connection.execute(queries.FORGET_PARTS, (ids,)).fetchall()
                numbers = [number for *_, number in (*gone, *parts)]
                connection.execute(queries.FORGET_KEYS, (numbers,))
                record(connection, event)
            return len(gone)

        count = self._database.transact(forget)
        if count:
            self._bells.ring([event.kind])
        return count

    def position(self, job: Job, *, now: datetime) -> int | None:
        """How many pending jobs of the same target come before it; None unless it is pending."""

        def look(connection: Connected) -> int | None:
            found = connection.execute(queries.GET, (job.id,)).fetchall()
            known = rows.job_of(found[0]) if found else None
            if known is None or known.status is not JobStatus.PENDING:
                return None
            row = connection.execute(queries.POSITION, _standing(known, now)).fetchone()
            return row[0] if row else 0

        return self._database.read(look)

    def paused(self) -> bool:
        """Whether the whole queue is paused."""
        found = self._database.fetch(queries.PAUSED)
        (paused,) = queue_row(found[0] if found else None)
        return bool(paused)

    def set_paused(self, paused: bool, event: Event) -> None:
        """Pause or resume the whole queue; survives a restart."""

        def set_it(connection: Connected) -> None:
            connection.execute(queries.SET_PAUSED, (paused,))
            record(connection, event)

        self._database.transact(set_it)
        self._bells.ring([event.kind])

    def _replace(self, change: JobChange) -> Job:
        if not self._database.change(queries.UPDATE, change.values, was_kept=change.was_kept):
            self._refuse(change.kept.id)
        self._tell_of(change)
        return change.kept

    def _tell_of(self, *changes: JobChange) -> None:
        for_work = any(ends_part(each.kept) for each in changes)
        self._bells.ring([each.event.kind for each in changes], for_work=for_work)

    def _refuse(self, job_id: str) -> None:
        """Say why a change found nothing to change."""
        if self._database.fetch(queries.IS_THERE, (job_id,)):
            raise StaleJob(job_id)
        raise JobNotFound(job_id)

    def _all(self, select: str, values: Values = ()) -> Sequence[Job]:
        return [rows.job_of(row) for row in self._database.fetch(select, values)]


def _only(found: Sequence[Row], job_id: str) -> Job:
    if not found:
        raise JobNotFound(job_id)
    return rows.job_of(found[0])


def _counts(found: Sequence[Row]) -> Mapping[JobStatus, int]:
    counted = queue_row(found[0] if found else None)
    return dict(zip(_COUNTED, counted, strict=True))


_COUNTED = (
    JobStatus.PENDING,
    JobStatus.PROCESSING,
    JobStatus.COMPLETED,
    JobStatus.FAILED,
    JobStatus.CANCELLED,
)


def _standing(job: Job, now: datetime) -> dict[str, Any]:
    return {
        "now": to_millis(now),
        "due_by": to_millis(max(now, job.not_before or now)),
        "target": job.target,
        "priority": job.priority,
        "place": job.place,
        "number": job.number,
    }
