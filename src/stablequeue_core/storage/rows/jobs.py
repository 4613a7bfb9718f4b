"""A job as a row, and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stablequeue_core.errors import UnreadableJob
from stablequeue_core.jobs import (
    Attempt,
    Candidate,
    Job,
    JobFailure,
    JobResult,
    JobStatus,
    Lease,
)
from stablequeue_core.serialization import converter, from_millis, to_millis
from stablequeue_core.servers import is_for_any
from stablequeue_core.storage.rows.text import (
    from_json,
    requirements_of,
    requirements_text,
    sentence,
    to_json,
)

Row = tuple[Any, ...]

FIXED = (
    "id", "checkpoint", "requirements", "created_at", "params", "effort", "client_id", "part_of",
    "first_picture",
)  # fmt: skip
"""Columns that keep their first value for good."""

CHANGING = (
    "revision", "status", "ready", "target", "priority", "updated_at", "ended_at", "seed",
    "subseed", "not_before", "held", "parts", "cancel_requested", "failures", "losses", "avoids",
    "worker", "leased_until", "waiting_reason", "waits_for", "supplied_by", "attempts", "result",
    "failure",
)  # fmt: skip
"""Columns that a change of the job writes anew."""

GIVEN = (*FIXED, *CHANGING)
"""All but the number and the place, which the database gives."""

ALL = ("number", "place", *GIVEN)

CANDIDATE = (
    "id", "target", "priority", "number", "created_at", "checkpoint", "place", "effort",
    "client_id", "requirements", "avoids",
)  # fmt: skip

_ID, _NUMBER = ALL.index("id"), ALL.index("number")
_LEDGER = tuple[Attempt, ...]


def fixed(job: Job) -> Row:
    """The values of the columns :data:`FIXED`."""
    return (
        job.id,
        job.checkpoint,
        requirements_text(job.requirements),
        to_millis(job.created_at),
        to_json(job.params),
        job.effort,
        job.client_id,
        job.part_of,
        job.first_picture,
    )


def changing(job: Job, revision: int) -> Row:
    """The values of the columns :data:`CHANGING`."""
    lease = job.lease
    return (
        revision,
        job.status.value,
        _ready(job),
        job.target,
        job.priority,
        to_millis(job.updated_at),
        _millis(job.ended_at),
        job.seed,
        job.subseed,
        _millis(job.not_before),
        job.held,
        to_json(job.parts) if job.parts else None,
        job.cancel_requested,
        job.failures,
        job.losses,
        to_json(job.avoids) if job.avoids else None,
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
    """The job of a row with the columns :data:`ALL`.

    Raises:
        UnreadableJob: there is something in it that we have not written.
    """
    try:
        return _job_of(row)
    except Exception as error:
        raise UnreadableJob(row[_ID], row[_NUMBER]) from error


def _job_of(row: Row) -> Job:
    (
        number, place, id_, checkpoint, requirements, created_at, params, effort, client_id,
        part_of, first_picture, revision, status, _, target, priority, updated_at, ended_at, seed,
        subseed, not_before, held, parts, cancel_requested, failures, losses, avoids, worker,
        leased_until, waiting_reason, waits_for, supplied_by, attempts, result, failure,
    ) = row  # fmt: skip
    read = converter().structure
    return Job(
        id=id_,
        number=number,
        revision=revision,
        status=JobStatus(status),
        target=target,
        params=_object(from_json(params)),
        checkpoint=checkpoint,
        requirements=requirements_of(requirements),
        priority=priority,
        place=place,
        effort=effort,
        client_id=client_id,
        held=bool(held),
        part_of=part_of,
        first_picture=first_picture,
        parts=tuple(from_json(parts)) if parts else (),
        created_at=from_millis(created_at),
        updated_at=from_millis(updated_at),
        ended_at=_moment(ended_at),
        seed=seed,
        subseed=subseed,
        not_before=_moment(not_before),
        cancel_requested=bool(cancel_requested),
        attempts=read(from_json(attempts), _LEDGER) if attempts else (),
        failures=failures,
        losses=losses,
        avoids=tuple(from_json(avoids)) if avoids else (),
        lease=Lease(worker=worker, until=from_millis(leased_until)) if worker else None,
        waiting_reason=waiting_reason,
        waits_for=tuple(from_json(waits_for)) if waits_for else (),
        supplied_by=tuple(from_json(supplied_by)) if supplied_by else (),
        result=read(from_json(result), JobResult) if result else None,
        failure=read(from_json(failure), JobFailure) if failure else None,
    )


def candidate_of(row: Row) -> Candidate:
    """The candidate of a row with the columns :data:`CANDIDATE`.

    Raises:
        UnreadableJob: as :func:`job_of`.
    """
    (
        id_, target, priority, number, created_at, checkpoint, place, effort, client_id,
        requirements, avoids,
    ) = row  # fmt: skip
    try:
        return Candidate(
            id=id_,
            target=target,
            priority=priority,
            number=number,
            created_at=from_millis(created_at),
            checkpoint=checkpoint,
            place=place,
            effort=effort,
            client_id=client_id,
            requirements=requirements_of(requirements) if is_for_any(target) else None,
            avoids=tuple(from_json(avoids)) if avoids else (),
        )
    except Exception as error:
        raise UnreadableJob(id_, number) from error


def _object(value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise TypeError(value)
    return value


def _ready(job: Job) -> int | None:
    """The column ``ready``: see the schema."""
    if job.status is not JobStatus.PENDING or job.held or job.waits_for or job.parts:
        return None
    return 1 if job.not_before is None else 0


def _millis(moment: datetime | None) -> int | None:
    return None if moment is None else to_millis(moment)


def _moment(millis: int | None) -> datetime | None:
    return None if millis is None else from_millis(millis)
