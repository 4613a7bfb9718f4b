"""Jobs: what was asked, how far it is, and every attempt at it."""

from stablequeue_core.jobs.attempts import Attempt, AttemptOutcome
from stablequeue_core.jobs.events import event_of
from stablequeue_core.jobs.job import Job, JobFailure, JobResult, Lease
from stablequeue_core.jobs.lifecycle import ENDED, OPEN, TRANSITIONS, JobStatus
from stablequeue_core.jobs.limits import limits_in, priority_problem
from stablequeue_core.jobs.queue import JobQueue, Submission
from stablequeue_core.jobs.store import (
    AUTO,
    Begin,
    Candidate,
    Choose,
    IdempotencyKey,
    JobPage,
    JobQuery,
    JobStore,
)

__all__ = [
    "AUTO",
    "ENDED",
    "OPEN",
    "TRANSITIONS",
    "Attempt",
    "AttemptOutcome",
    "Begin",
    "Candidate",
    "Choose",
    "IdempotencyKey",
    "Job",
    "JobFailure",
    "JobPage",
    "JobQuery",
    "JobQueue",
    "JobResult",
    "JobStatus",
    "JobStore",
    "Lease",
    "Submission",
    "event_of",
    "limits_in",
    "priority_problem",
]
