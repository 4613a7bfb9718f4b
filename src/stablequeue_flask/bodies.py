"""The API's shapes: the fields of the API document in its order, then ours."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stablequeue_core import Job, JobStatus, Progress, QueueStatus
from stablequeue_core.jobs import Attempt
from stablequeue_core.serialization import to_iso
from stablequeue_flask.explain_bodies import backlog_body

CANCELLED_BY_USER = {"cancelled": True, "message": "Job cancelled by user"}


def job_body(job: Job, progress: Progress | None = None) -> dict[str, Any]:
    """A job, as every route shows it."""
    return {
        "stablequeue_job_id": job.id,
        "status": job.status.value,
        "creation_timestamp": to_iso(job.created_at),
        "last_updated_timestamp": to_iso(job.updated_at),
        "completion_timestamp": _iso(job.ended_at),
        "target_server_alias": job.target,
        "forge_session_hash": job.task_id,
        "generation_params": job.params,
        "result_details": result_body(job),
        "retry_count": job.retry_count,
        "progress": progress_body(progress) if progress else None,
        "priority": job.priority,
        "cancel_requested": job.cancel_requested,
        "waiting_reason": job.waiting_reason,
        "not_before": _iso(job.not_before),
        "attempts": [attempt_body(attempt) for attempt in job.attempts],
        "client_id": job.client_id,
        "held": job.held,
        "part_of": job.part_of,
        "parts": list(job.parts),
    }


def result_body(job: Job) -> dict[str, Any] | None:
    """How the job ended; None while it has not."""
    if job.status is JobStatus.COMPLETED and job.result is not None:
        result = job.result
        return {
            "images": list(result.images),
            "info": result.info,
            "generation_info": result.generation_info,
            "ignored_params": list(result.ignored_params),
            "proof": result.proof,
        }
    if job.status is JobStatus.FAILED and job.failure is not None:
        failure = job.failure
        return {
            "error": failure.code,
            "message": failure.message,
            "attempts": len(job.attempts),
            "details": failure.details,
        }
    if job.status is JobStatus.CANCELLED:
        return CANCELLED_BY_USER
    return None


def attempt_body(attempt: Attempt) -> dict[str, Any]:
    """One line of the job's ledger."""
    return {
        "number": attempt.number,
        "server": attempt.server,
        "task_id": attempt.task_id,
        "started_at": to_iso(attempt.started_at),
        "ended_at": _iso(attempt.ended_at),
        "outcome": attempt.outcome.value if attempt.outcome else None,
        "error": attempt.error,
        "message": attempt.message,
        "remedy": attempt.remedy,
    }


def progress_body(progress: Progress) -> dict[str, Any]:
    """How far a running job is."""
    return {
        "fraction": progress.fraction,
        "phase": progress.phase.value,
        "step": progress.step,
        "steps": progress.steps,
        "eta_seconds": progress.eta_seconds,
    }


def status_body(status: QueueStatus) -> dict[str, Any]:
    """The queue at a glance."""
    return {
        "paused": status.paused,
        "dispatching": status.dispatching,
        "jobs": {state.value: count for state, count in status.jobs.items()},
        "eta_seconds": status.eta_seconds,
        "backlog": backlog_body(status.backlog),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else to_iso(moment)
