"""What a change of a job is called when it is told to others."""

from __future__ import annotations

from typing import Any

from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs.job import Job


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
    return Event(
        kind=kind, at=job.updated_at, job_id=job.id, server=job.server or job.target, data=data
    )
