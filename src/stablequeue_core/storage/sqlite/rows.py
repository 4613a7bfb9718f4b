"""A job as a row, and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, overload

from stablequeue_core.jobs import (
    Attempt,
    Candidate,
    Job,
    JobFailure,
    JobResult,
    JobStatus,
    Lease,
)
from stablequeue_core.jobs.store import AUTO
from stablequeue_core.serialization import converter, from_millis, to_millis
from stablequeue_core.storage.sqlite.text import (
    from_json,
    requirements_of,
    requirements_text,
    sentence,
    to_json,
)

Row = tuple[Any, ...]

FIXED = ("id", "checkpoint", "requirements", "created_at", "params")
"""Columns that keep their first value for good."""

CHANGING = (
    "revision", "status", "target", "priority", "updated_at", "ended_at", "seed", "subseed",
    "not_before", "cancel_requested", "failures", "worker", "leased_until", "waiting_reason",
    "waits_for", "supplied_by", "attempts", "result", "failure",
)  # fmt: skip
"""Columns that a change of the job writes anew."""

GIVEN = (*FIXED, *CHANGING)
"""All but the number, which SQLite gives."""

ALL = ("number", *GIVEN)

_LEDGER = tuple[Attempt, ...]


def fixed(job: Job) -> Row:
    """The values of the columns :data:`FIXED`."""
    return (
        job.id,
        job.checkpoint,
        requirements_text(job.requirements),
        to_millis(job.created_at),
        to_json(job.params),
    )


def changing(job: Job, revision: int) -> Row:
    """The values of the columns :data:`CHANGING`."""
    lease = job.lease
    return (
        revision,
        job.status.value,
        job.target,
        job.priority,
        to_millis(job.updated_at),
        _millis(job.ended_at),
        job.seed,
        job.subseed,
        _millis(job.not_before),
        job.cancel_requested,
        job.failures,
        lease.worker if lease else None,
        to_millis(lease.until) if lease else None,
        sentence(job.waiting_reason),
        to_json(job.waits_for) if job.waits_for else None,
        to_json(job.supplied_by) if job.supplied_by else None,
        to_json(job.attempts) if job.attempts else None,
        to_json(job.result) if job.result else None,
        to_json(job.failure) if job.failure else None,
    )


def job_of(row: Row) -> Job:
    """The job of a row with the columns :data:`ALL`."""
    (
        number, id_, checkpoint, requirements, created_at, params,
        revision, status, target, priority, updated_at, ended_at, seed, subseed,
        not_before, cancel_requested, failures, worker, leased_until, waiting_reason,
        waits_for, supplied_by, attempts, result, failure,
    ) = row  # fmt: skip
    read = converter().structure
    return Job(
        id=id_,
        number=number,
        revision=revision,
        status=JobStatus(status),
        target=target,
        params=from_json(params),
        checkpoint=checkpoint,
        requirements=requirements_of(requirements),
        priority=priority,
        created_at=from_millis(created_at),
        updated_at=from_millis(updated_at),
        ended_at=_moment(ended_at),
        seed=seed,
        subseed=subseed,
        not_before=_moment(not_before),
        cancel_requested=bool(cancel_requested),
        attempts=read(from_json(attempts), _LEDGER) if attempts else (),
        failures=failures,
        lease=Lease(worker=worker, until=from_millis(leased_until)) if worker else None,
        waiting_reason=waiting_reason,
        waits_for=tuple(from_json(waits_for)) if waits_for else (),
        supplied_by=tuple(from_json(supplied_by)) if supplied_by else (),
        result=read(from_json(result), JobResult) if result else None,
        failure=read(from_json(failure), JobFailure) if failure else None,
    )


class Candidates(Sequence[Candidate]):
    """A window of candidates; each is made when it is looked at, and most never are."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Candidate: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Candidate]: ...

    def __getitem__(self, index: int | slice) -> Candidate | Sequence[Candidate]:
        if isinstance(index, slice):
            return Candidates(self._rows[index])
        return _candidate_of(self._rows[index])


def _candidate_of(row: Row) -> Candidate:
    """The candidate of a row as the claim reads it."""
    id_, target, priority, number, created_at, checkpoint, requirements = row
    return Candidate(
        id=id_,
        target=target,
        priority=priority,
        number=number,
        created_at=from_millis(created_at),
        checkpoint=checkpoint,
        requirements=requirements_of(requirements) if target == AUTO else None,
    )


def _millis(moment: datetime | None) -> int | None:
    return None if moment is None else to_millis(moment)


def _moment(millis: int | None) -> datetime | None:
    return None if millis is None else from_millis(millis)
