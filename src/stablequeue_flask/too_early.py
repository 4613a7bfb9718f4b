"""Jobs that wait for a time, in a list and in a sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stablequeue_core import Job, JobStatus
from stablequeue_core.serialization import to_iso

_DATE, _HOUR, _MINUTE = len("2025-05-14"), len("2025-05-14T"), len("2025-05-14T02:34")


def is_too_early(job: Job) -> bool:
    """Whether a pending job may not start yet."""
    if job.status is not JobStatus.PENDING or job.not_before is None:
        return False
    return job.not_before > datetime.now(UTC)


def standing_in_time(job: Job) -> str:
    """Where the job stands, and from when on it may start: the day, where that is far away."""
    if job.not_before is None or not is_too_early(job):
        return job.status.value
    time = to_iso(job.not_before)
    is_near = job.not_before < datetime.now(UTC) + timedelta(days=1)
    shown = f"{time[_HOUR:_MINUTE]}Z" if is_near else time[:_DATE]
    return f"{job.status}, not before {shown}"
