"""What a change of a job is called when it is told to others."""

from __future__ import annotations

from typing import Any

from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs.job import Job
from stablequeue_core.jobs.lifecycle import JobStatus


def event_of(kind: EventKind, job: Job) -> Event:
    """The event that tells of the change which led to ``job``."""
    data: dict[str, Any] = {"status": job.status.value}
    if job.result is not None:
        data["images"] = list(job.result.images)
    if job.failure is not None:
        data["error"] = job.failure.code
        data["message"] = job.failure.message
    elif job.waiting_reason is not None:
        data["reason"] = job.waiting_reason
    if job.waits_for:
        data["waits_for"] = list(job.waits_for)
    if job.part_of is not None:
        data["part_of"] = job.part_of
    return Event(
        kind=kind, at=job.updated_at, job_id=job.id, server=job.server or job.target, data=data
    )


def kind_of_change(before: Job, after: Job) -> EventKind:
    """What the change is called that led from ``before`` to ``after``, where nobody else says."""
    if before.status is not after.status:
        return _KIND_OF_STATUS[after.status]
    if after.cancel_requested:
        return EventKind.JOB_CANCEL_REQUESTED
    return EventKind.JOB_HELD if after.held else EventKind.JOB_RELEASED


_KIND_OF_STATUS = {
    JobStatus.PENDING: EventKind.JOB_REQUEUED,
    JobStatus.PROCESSING: EventKind.JOB_STARTED,
    JobStatus.COMPLETED: EventKind.JOB_COMPLETED,
    JobStatus.FAILED: EventKind.JOB_FAILED,
    JobStatus.CANCELLED: EventKind.JOB_CANCELLED,
}
