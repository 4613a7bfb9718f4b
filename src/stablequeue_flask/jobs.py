"""Jobs over HTTP: submit, look, hold, move, cancel, retry, delete."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from stablequeue_core import Job, JobStatus
from stablequeue_core.errors import InvalidParams, JobNotCancellable
from stablequeue_flask.answers import json_answer
from stablequeue_flask.mounted import mounted_queue
from stablequeue_flask.reading import QueryReader, json_object
from stablequeue_flask.shown import job_in_full, job_shown
from stablequeue_flask.submissions import in_body, submission_in, unread

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 1000

_STATUSES = {status.value: status for status in JobStatus}
_NEWEST_FIRST = {"desc": True, "asc": False}


def generate() -> Response:
    """Accept a job."""
    queue = mounted_queue()
    body = json_object()
    key = request.headers.get("Idempotency-Key")
    wanted = submission_in(body, key, queue.settings)
    try:
        (job,) = queue.submit_many([wanted], idempotency_key=key)
    except InvalidParams as error:
        raise in_body(error, body) from error
    return json_answer({"stablequeue_job_id": job.id, **unread(body).shown}, 202)


def job_status(job_id: str) -> Response:
    """One job."""
    queue = mounted_queue()
    return json_answer(job_in_full(queue, queue.get(job_id)))


def list_jobs() -> Response:
    """A page of jobs."""
    query = QueryReader(request.args)
    status = query.choice("status", _STATUSES, None)
    limit = query.number("limit", DEFAULT_LIMIT)
    offset = query.number("offset", 0)
    newest_first = query.choice("order", _NEWEST_FIRST, True)
    query.check()
    page = mounted_queue().list(
        status=status,
        limit=min(limit, LARGEST_LIMIT),
        offset=offset,
        newest_first=newest_first,
    )
    return json_answer({"total": page.total, "jobs": [_shown(job) for job in page.jobs]})


def cancel_job(job_id: str) -> Response:
    """Cancel a job; 200 once it is cancelled, 202 while its server has not confirmed."""
    job = mounted_queue().cancel(job_id)
    if job.status is JobStatus.CANCELLED:
        return json_answer({"message": "Job cancelled successfully.", "job": _shown(job)})
    if job.status.ended:
        # It ended while its server was asked to stop it.
        raise JobNotCancellable(job.id, job.status, JobStatus.CANCELLED)
    body = {
        "message": "The cancel is requested; the server has not confirmed it yet.",
        "job": _shown(job),
        "status": job.status.value,
        "cancel_requested": job.cancel_requested,
    }
    return json_answer(body, 202)


def retry_job(job_id: str) -> Response:
    """Run a failed or cancelled job again."""
    job = mounted_queue().retry(job_id)
    return json_answer({"message": "Job queued again.", "job": _shown(job)}, 202)


def hold_job(job_id: str) -> Response:
    """Let a pending job not start until it is released."""
    job = mounted_queue().hold(job_id)
    return json_answer({"message": "Job held.", "job": _shown(job)})


def release_job(job_id: str) -> Response:
    """Let a job start that was held."""
    job = mounted_queue().release(job_id)
    return json_answer({"message": "Job released.", "job": _shown(job)})


def move_job(job_id: str) -> Response:
    """Let a pending job go before all others of its priority."""
    job = mounted_queue().move_to_front(job_id)
    return json_answer({"message": "Job moved to the front.", "job": _shown(job)})


def delete_job(job_id: str) -> Response:
    """Forget a job."""
    query = QueryReader(request.args)
    delete_images = query.flag("delete_images")
    query.check()
    mounted_queue().delete(job_id, delete_images=delete_images)
    return json_answer({"message": f"Job {job_id} deleted successfully."})


ROUTES = (
    ("POST", "/generate", generate),
    ("GET", "/queue/jobs", list_jobs),
    ("GET", "/queue/jobs/<job_id>", job_status),
    ("GET", "/queue/jobs/<job_id>/status", job_status),
    ("POST", "/queue/jobs/<job_id>/cancel", cancel_job),
    ("POST", "/queue/jobs/<job_id>/retry", retry_job),
    ("POST", "/queue/jobs/<job_id>/hold", hold_job),
    ("POST", "/queue/jobs/<job_id>/release", release_job),
    ("POST", "/queue/jobs/<job_id>/front", move_job),
    ("DELETE", "/queue/jobs/<job_id>", delete_job),
)


def _shown(job: Job) -> dict[str, Any]:
    return job_shown(mounted_queue(), job)
