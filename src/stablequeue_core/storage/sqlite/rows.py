"""A job as a row, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

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
    "attempts", "result", "failure",
)  # fmt: skip
"""Columns that a change of the job writes anew."""

ALL = ("number", *FIXED, *CHANGING)


def fixed(job: Job) -> Row:
    """The values of the columns :data:`FIXED`."""
    return (
        job.id,
        job.checkpoint,
        requirements_text(job.requirements),
        to_millis(job.created_at),
        to_json(job.params),
    )


def changing(job: Job) -> Row:
    """The values of the columns :data:`CHANGING`."""
    lease = job.lease
    return (
        job.revision,
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
        _plain(job.attempts, Sequence[Attempt]) if job.attempts else None,
        _plain(job.result, JobResult) if job.result else None,
        _plain(job.failure, JobFailure) if job.failure else None,
    )


def job_of(row: Row) -> Job:
    """The job of a row with the columns :data:`ALL`."""
    (
        number, id_, checkpoint, requirements, created_at, params,
        revision, status, target, priority, updated_at, ended_at, seed, subseed,
        not_before, cancel_requested, failures, worker, leased_until, waiting_reason,
        attempts, result, failure,
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
        attempts=read(from_json(attempts), tuple[Attempt, ...]) if attempts else (),
        failures=failures,
        lease=Lease(worker=worker, until=from_millis(leased_until)) if worker else None,
        waiting_reason=waiting_reason,
        result=read(from_json(result), JobResult) if result else None,
        failure=read(from_json(failure), JobFailure) if failure else None,
    )


def candidate_of(row: Row) -> Candidate:
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


def _plain(value: object, kind: Any) -> str:
    plain: Mapping[str, Any] | list[Any] = converter().unstructure(value, kind)
    return to_json(plain)


def _millis(moment: datetime | None) -> int | None:
    return None if moment is None else to_millis(moment)


def _moment(millis: int | None) -> datetime | None:
    return None if millis is None else from_millis(millis)
