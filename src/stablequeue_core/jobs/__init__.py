"""Jobs: what was asked, how far it is, and every attempt at it."""

from stablequeue_core.jobs.attempts import Attempt, AttemptOutcome
from stablequeue_core.jobs.events import event_of
from stablequeue_core.jobs.intake import Submission
from stablequeue_core.jobs.job import Job, JobFailure, JobResult, Lease
from stablequeue_core.jobs.lifecycle import ENDED, OPEN, TRANSITIONS, JobStatus
from stablequeue_core.jobs.limits import (
    client_problem,
    hold_problem,
    key_problem,
    limits_in,
    not_before_problem,
    priority_problem,
)
from stablequeue_core.jobs.line import MOST_COUNTED, Backlog, Candidate, Choose, Claim, Line
from stablequeue_core.jobs.queue import JobQueue
from stablequeue_core.jobs.seeds import drawn_seed
from stablequeue_core.jobs.store import IdempotencyKey, JobPage, JobQuery, JobStore, Work
from stablequeue_core.jobs.whereabouts import runs_on, with_server_renamed
from stablequeue_core.jobs.wholes import Wholes
from stablequeue_core.servers import AUTO

__all__ = [
    "AUTO",
    "ENDED",
    "MOST_COUNTED",
    "OPEN",
    "TRANSITIONS",
    "Attempt",
    "AttemptOutcome",
    "Backlog",
    "Candidate",
    "Choose",
    "Claim",
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
    "Line",
    "Submission",
    "Wholes",
    "Work",
    "client_problem",
    "drawn_seed",
    "event_of",
    "hold_problem",
    "key_problem",
    "limits_in",
    "not_before_problem",
    "priority_problem",
    "runs_on",
    "with_server_renamed",
]
