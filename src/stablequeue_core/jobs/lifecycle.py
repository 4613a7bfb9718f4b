"""The life of a job, as a table. Every rule about what may follow what lives in this file."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from stablequeue_core.errors import IllegalTransition


class JobStatus(StrEnum):
    """Where a job stands; the values are those of the API document."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to the job unless the user asks for it."""
        return self in ENDED


TRANSITIONS: Mapping[JobStatus, Mapping[JobStatus, str]] = {
    JobStatus.PENDING: {
        JobStatus.PROCESSING: "a server's lane claims it, or its first part",
        JobStatus.CANCELLED: "the user cancels it",
        JobStatus.FAILED: "a model that it waits for cannot be had",
    },
    JobStatus.PROCESSING: {
        JobStatus.COMPLETED: "its pictures are proved and on disk",
        JobStatus.FAILED: "its own fault, its attempts are used up, or a part of it failed",
        JobStatus.CANCELLED: "the user cancels it and its servers have stopped",
        JobStatus.PENDING: "the server was lost or broke",
    },
    JobStatus.COMPLETED: {},
    JobStatus.FAILED: {JobStatus.PENDING: "the user tries again"},
    JobStatus.CANCELLED: {JobStatus.PENDING: "the user tries again"},
}
"""Present status → what may follow → why it would."""

ENDED = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})
OPEN = frozenset({JobStatus.PENDING, JobStatus.PROCESSING})


def check_transition(job_id: str, present: JobStatus, wanted: JobStatus) -> None:
    """Let ``present`` → ``wanted`` pass.

    Raises:
        IllegalTransition: the table does not allow it.
    """
    if wanted not in TRANSITIONS[present]:
        raise IllegalTransition(job_id, present, wanted)
