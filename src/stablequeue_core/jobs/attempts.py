"""The ledger of attempts: each time a server was asked to run the job, and how that ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from attrs import frozen


class AttemptOutcome(StrEnum):
    """How one attempt ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNREACHABLE = "unreachable"
    LOST = "lost"


@frozen(kw_only=True)
class Attempt:
    """One run of a job on one server.

    Attributes:
        number: 1 for the first.
        server: the alias.
        task_id: the id that we gave the server for this run (``force_task_id``).
        started_at: when a lane claimed the job, in UTC; picture names carry it.
        ended_at: None while it runs.
        outcome: None while it runs.
        counted: whether it uses up one of the job's attempts; an unreachable server, or the death
            of our own process, does not.
        error: code of what went wrong.
        message: the sentence that goes with it.
        sent: what was really sent to the server (long text shortened), None when nothing was.
        remedy: what was done before this run, because the one before had failed; None: nothing.
    """

    number: int
    server: str
    task_id: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: AttemptOutcome | None = None
    counted: bool = False
    error: str | None = None
    message: str | None = None
    sent: Mapping[str, Any] | None = None
    remedy: str | None = None
