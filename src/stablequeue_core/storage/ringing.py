"""Which bells ring for what happened: the same ones for our own changes and for those of others."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen

from stablequeue_core.bell import Bell
from stablequeue_core.events import EventKind
from stablequeue_core.jobs import Job

GIVES_WORK = frozenset(
    {
        EventKind.JOB_SUBMITTED,
        EventKind.JOB_REQUEUED,
        EventKind.JOB_RETRIED,
        EventKind.JOB_RELEASED,
        EventKind.SERVER_ADDED,
        EventKind.SERVER_CHANGED,
        EventKind.SERVER_REMOVED,
        EventKind.SERVER_HEALTH,
        EventKind.QUEUE_PAUSED,
        EventKind.QUEUE_RESUMED,
        EventKind.DOWNLOAD_ADDED,
        EventKind.DOWNLOAD_INTERRUPTED,
        EventKind.DOWNLOAD_RESUMED,
        EventKind.DOWNLOAD_COMPLETED,
        EventKind.DOWNLOAD_FAILED,
        EventKind.DOWNLOAD_CANCELLED,
        EventKind.DOWNLOAD_RETRIED,
        EventKind.UNKNOWN,
    }
)
"""The kinds of events after which there may be something to do for somebody who waits."""


def ends_part(job: Job) -> bool:
    """Whether a change that leads to this gives work though its event does not.

    Whoever puts the parts of a job together waits for the last of them.
    """
    return job.part_of is not None and job.status.ended


@frozen
class Bells:
    """The two bells of a storage.

    Attributes:
        work: rings after a change that may give somebody something to do.
        changes: rings after every change that an event tells of.
    """

    work: Bell = field(factory=Bell)
    changes: Bell = field(factory=Bell)

    def ring(self, told: Iterable[EventKind]) -> None:
        """Ring for a change that these events tell of; none: for one without an event."""
        self.changes.ring()
        if any(kind in GIVES_WORK for kind in told):
            self.work.ring()
