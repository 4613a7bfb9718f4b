"""What happened, in order: written with each change, readable from any number, told to all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from attrs import field, frozen


class EventKind(StrEnum):
    """Everything that can happen. What ends in ``progress`` is announced, never written down.

    ``UNKNOWN`` is what a newer version of StableQueue, which works on the same queue, has told of.
    """

    JOB_SUBMITTED = "job.submitted"
    JOB_STARTED = "job.started"
    JOB_PROGRESS = "job.progress"
    JOB_REQUEUED = "job.requeued"
    JOB_CANCEL_REQUESTED = "job.cancel_requested"
    JOB_COMPLETED = "job.completed"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"
    JOB_RETRIED = "job.retried"
    JOB_DELETED = "job.deleted"
    JOB_HELD = "job.held"
    JOB_RELEASED = "job.released"
    JOB_MOVED = "job.moved"
    SERVER_ADDED = "server.added"
    SERVER_CHANGED = "server.changed"
    SERVER_REMOVED = "server.removed"
    SERVER_HEALTH = "server.health"
    QUEUE_PAUSED = "queue.paused"
    QUEUE_RESUMED = "queue.resumed"
    QUEUE_TIDIED = "queue.tidied"
    MODELS_SCAN_STARTED = "models.scan_started"
    MODELS_SCAN_PROGRESS = "models.scan_progress"
    MODELS_SCAN_FINISHED = "models.scan_finished"
    DOWNLOAD_ADDED = "download.added"
    DOWNLOAD_STARTED = "download.started"
    DOWNLOAD_PROGRESS = "download.progress"
    DOWNLOAD_INTERRUPTED = "download.interrupted"
    DOWNLOAD_PAUSED = "download.paused"
    DOWNLOAD_RESUMED = "download.resumed"
    DOWNLOAD_COMPLETED = "download.completed"
    DOWNLOAD_FAILED = "download.failed"
    DOWNLOAD_CANCELLED = "download.cancelled"
    DOWNLOAD_RETRIED = "download.retried"
    UNKNOWN = "unknown"


@frozen(kw_only=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: what.
        at: when, in UTC.
        job_id: to which job, None when the event is not about one.
        server: on which server (its alias), None when there is none.
        data: the rest, plain JSON.
        sequence: its place in the log, growing; None for what is only announced (progress).
    """

    kind: EventKind
    at: datetime
    job_id: str | None = None
    server: str | None = None
    data: Mapping[str, Any] = field(factory=dict)
    sequence: int | None = None


class Listener(Protocol):
    """Called with each event, one at a time, in order, on a thread of the queue's own.

    What it raises is logged and forgotten: a failing listener never harms the queue.
    """

    def __call__(self, event: Event, /) -> None:
        """Hear of ``event``."""


class EventLog(ABC):
    """The written events. They are added by the stores, in the transaction of the change itself."""

    @abstractmethod
    def read(self, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The events with a sequence number above ``after``, oldest first, at most ``limit``."""

    @abstractmethod
    def last(self) -> int:
        """The sequence number of the newest event, 0 when there never was one."""

    @abstractmethod
    def trim(self, before: datetime, limit: int) -> int:
        """Forget the oldest events that are older than ``before``, at most ``limit`` of them.

        The newest of all stays, so that numbers are never given out again.

        Returns:
            how many were forgotten.
        """
