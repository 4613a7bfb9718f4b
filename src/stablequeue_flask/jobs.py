"""Jobs over HTTP: submit, look, cancel, retry, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, request

from stablequeue_core import Job, JobStatus
from stablequeue_core.errors import (
    DownloadNotFound,
    FieldProblem,
    InvalidParams,
    JobNotCancellable,
)
from stablequeue_core.generation import GENERATION_INFO, parse_params
from stablequeue_core.jobs import limits_in, priority_problem
from stablequeue_flask.answers import json_answer
from stablequeue_flask.bodies import job_body
from stablequeue_flask.download_bodies import waited_for_body
from stablequeue_flask.errors import InvalidRequest
from stablequeue_flask.mounted import mounted_queue
from stablequeue_flask.reading import QueryReader, json_object

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 1000
LONGEST_KEY = 255

_STATUSES = {status.value: status for status in JobStatus}
_NEWEST_FIRST = {"desc": True, "asc": False}
_PARAMS = "generation_params"


def generate() -> Response:
    """Accept a job."""
    body = json_object()
    key = request.headers.get("Idempotency-Key")
    params = _params_of(body)
    _check_submission(body, params, key)
    try:
        job = mounted_queue().submit(
            body["target_server_alias"],
            params,
            priority=body.get("priority", 0),
            idempotency_key=key,
        )
    except InvalidParams as error:
        raise _in_body(error, body) from error
    return json_answer({"stablequeue_job_id": job.id}, 202)


def job_status(job_id: str) -> Response:
    """One job."""
    queue = mounted_queue()
    job = queue.get(job_id)
    body = {
        **_shown(job),
        "waiting_reason": queue.waiting_reason(job),
        "queue_position": queue.position(job),
        "waits_for": [_waited_for(download_id) for download_id in job.waits_for],
    }
    return json_answer(body)


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
    ("DELETE", "/queue/jobs/<job_id>", delete_job),
)


def _shown(job: Job) -> dict[str, Any]:
    running = job.status is JobStatus.PROCESSING
    return job_body(job, mounted_queue().progress(job.id) if running else None)


def _waited_for(download_id: str) -> dict[str, Any]:
    downloads = mounted_queue().downloads
    try:
        return waited_for_body(downloads.get(download_id), downloads.progress(download_id))
    except DownloadNotFound:
        return {"downloadId": download_id}


def _params_of(body: dict[str, Any]) -> Any:
    """The parameters; an infotext that stands beside them is one of them."""
    infotext, params = body.get(GENERATION_INFO), body.get(_PARAMS)
    if infotext is None:
        return params
    if params is None:
        return {GENERATION_INFO: infotext}
    return {**params, GENERATION_INFO: infotext} if isinstance(params, dict) else params


def _check_submission(body: dict[str, Any], params: Any, key: str | None) -> None:
    """Check what surrounds the parameters; those are checked by the core.

    Raises:
        InvalidRequest: lists every bad field, those of the parameters included.
    """
    problems = []
    target = body.get("target_server_alias")
    if not isinstance(target, str) or not target:
        problems.append(
            FieldProblem("target_server_alias", "is required: the alias of a server, or `auto`.")
        )
    if not isinstance(params, dict):
        problems.append(FieldProblem(_PARAMS, "is required, and must be a JSON object."))
    elif _has_two_infotexts(body):
        problems.append(
            FieldProblem(GENERATION_INFO, f"is not the one in `{_PARAMS}`; give one of them.")
        )
    wrong_priority = priority_problem(body.get("priority", 0))
    if wrong_priority is not None:
        problems.append(wrong_priority)
    if key is not None and not 1 <= len(key) <= LONGEST_KEY:
        problems.append(
            FieldProblem("Idempotency-Key", f"must have 1 to {LONGEST_KEY} characters.")
        )
    if problems:
        raise InvalidRequest([*problems, *_problems_of(params, body)])


def _has_two_infotexts(body: dict[str, Any]) -> bool:
    beside = body.get(GENERATION_INFO)
    among = (body.get(_PARAMS) or {}).get(GENERATION_INFO)
    return beside is not None and among is not None and beside != among


def _problems_of(params: object, body: dict[str, Any]) -> Sequence[FieldProblem]:
    """What the core would complain of, if it were asked."""
    try:
        parse_params(params, limits_in(mounted_queue().settings))
    except InvalidParams as error:
        return _in_body(error, body).problems if isinstance(params, dict) else ()
    return ()


def _in_body(error: InvalidParams, body: dict[str, Any]) -> InvalidParams:
    """The same error, with paths as they are in the request's body."""
    beside = {GENERATION_INFO} if body.get(GENERATION_INFO) is not None else set()
    return InvalidParams(
        [
            FieldProblem(p.path if p.path in beside else f"{_PARAMS}.{p.path}", p.message)
            for p in error.problems
        ]
    )
