"""The whole story of a job that has failed: every attempt, what was tried, what to do now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stablequeue_core.dispatch.running.remedies import failed_since_retry
from stablequeue_core.errors import StableQueueError
from stablequeue_core.jobs import Attempt, Job, JobFailure

MOST_TOLD = 6
"""A sentence tells of no more attempts; the details have them all."""

POISONED_JOB = "poisoned_job"
"""The code of a job that was running too often when its process died."""

WORKER_GONE = JobFailure(
    code="worker_gone",
    message=(
        "The process that ran the job ended, or lost touch with the database, before it had kept "
        "what came of it; it runs again."
    ),
)
"""How an attempt ended whose process is gone, as far as others can see; in the ledger only."""

NOT_KEPT = "not_kept"
"""The code of an attempt whose process lives on, and could not keep what came of it."""

UNCERTAIN = JobFailure(
    code=NOT_KEPT,
    message=(
        "The storage was lost while the job began, so nothing was sent to the server; "
        "it runs again."
    ),
)
"""How an attempt ended that its own process did not know of; it stands in the ledger only."""

_RESTART = "Look into the server's own log, restart the server, then retry the job."
_LISTS = (
    "The server uses other files than it lists: restart it, or have it look at its folders, "
    "then retry the job."
)

ADVICE: Mapping[str, str] = {
    "out_of_memory": (
        "Close what else takes the server's memory, or let it make fewer pictures at once "
        "(`batch_size`, `allow_smaller_batch`), then retry the job."
    ),
    "wrong_model": _LISTS,
    "wrong_sampler": _LISTS,
    "wrong_scheduler": _LISTS,
    "wrong_module": _LISTS,
    "wrong_lora": _LISTS,
    "stalled": _RESTART,
    "server_poisoned": _RESTART,
    "server_fault": _RESTART,
    "answer_lost": (
        "If the server went down each time, the job may be the cause: its own log tells. "
        "Retry the job when the server is up."
    ),
    "garbled_answer": "See what else answers at the server's address, then retry the job.",
    "foreign_interrupt": "Find out who presses Interrupt on the server, then retry the job.",
    "missing_images": "Find out who presses Interrupt on the server, then retry the job.",
}
"""What happened, by its code → what to do when nothing has helped."""


def whole_story(job: Job, failure: JobFailure) -> JobFailure:
    """Why a job has failed, with all that was tried before.

    Args:
        job: as it was during its last attempt, with the remedy of that in its ledger.
        failure: how that one ended. A job that fails at once has no other story.
    """
    before = failed_since_retry(job)
    if not before or not job.attempts:
        return failure
    last = job.attempts[-1]
    told = [*map(_told, before), _told(last, failure.code)]
    shown = "; ".join(["…"] * (len(told) > MOST_TOLD) + told[-MOST_TOLD:])
    message = f"{failure.message} It was tried {len(told)} times: {shown}."
    advice = ADVICE.get(failure.code)
    attempts = [*map(_data, before), _data(last, failure.code)]
    return JobFailure(
        code=failure.code,
        message=f"{message} {advice}".rstrip(),
        details={**failure.details, "attempts": attempts},
    )


def poisoned(job: Job) -> JobFailure:
    """Why a job is not run again that was running each time its process died.

    Args:
        job: as it was found, with its newest attempt still open.
    """
    times = job.losses + 1
    lost = [a for a in job.attempts if a.ended_at is None or a.error == WORKER_GONE.code][-times:]
    servers = ", ".join(map(repr, dict.fromkeys(attempt.server for attempt in lost)))
    return JobFailure(
        code=POISONED_JOB,
        message=(
            f"The job was running, on {servers}, each of the {times} times that the process which "
            "ran it ended without notice. It may be the cause, so it is not run again by itself. "
            "Look into the log of that process for how it ended; retry the job to run it all the "
            "same."
        ),
        details={
            "losses": times,
            "attempts": [_data(attempt, WORKER_GONE.code) for attempt in lost],
        },
    )


def not_kept(error: StableQueueError) -> JobFailure:
    """How an attempt ended whose process lives on; it stands in the ledger only.

    Args:
        error: why what came of it could not be kept.
    """
    return JobFailure(
        code=NOT_KEPT,
        message=f"What it made could not be kept: {error.message} It runs again.",
    )


def _told(attempt: Attempt, code: str | None = None) -> str:
    how = f" ({attempt.remedy})" if attempt.remedy else ""
    return f"{attempt.server!r}{how}: {attempt.error or code}"


def _data(attempt: Attempt, code: str | None = None) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "server": attempt.server,
        "remedy": attempt.remedy,
        "error": attempt.error or code,
    }
