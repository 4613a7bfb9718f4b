"""Errors over HTTP: each class of error has its status here, and all are answered in one shape."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from stablequeue_core import errors as core
from stablequeue_core.errors import FieldProblem, StableQueueError
from stablequeue_flask.answers import json_answer

logger = logging.getLogger(__name__)


class InvalidRequest(StableQueueError):
    """The body or the query has fields that cannot be used; ``details`` lists every one."""

    code = "invalid_request"

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(
            f"Invalid {first.path}: {first.message}{more}",
            {"fields": [{"path": p.path, "message": p.message} for p in problems]},
        )


class InvalidJson(StableQueueError):
    """The body is not what we understand by a JSON object."""

    code = "invalid_json"


class ForeignOrigin(StableQueueError):
    """A page of somebody else has made a browser send a request that changes something."""

    code = "foreign_origin"

    def __init__(self, origin: str | None) -> None:
        named = "another site" if origin in (None, "null") else origin
        super().__init__(
            f"This request was made by a page of {named}, which may not change anything here. If "
            "you trust that page, serve it from the same host, or start StableQueue with "
            "--allow-origin (in Python: allowed_origins) and the page's origin.",
            {"origin": origin},
        )


class ForeignHost(StableQueueError):
    """The request calls us by a name that is not ours; it may have been pointed at us."""

    code = "foreign_host"

    def __init__(self, host: str) -> None:
        named = f"the host {host!r}" if host else "no host"
        super().__init__(
            f"This request is for {named}, which is not known as a name of this server. Use "
            "127.0.0.1 or localhost, or start StableQueue with --allow-host (in Python: "
            "allowed_hosts) and the host by which you reach it.",
            {"host": host},
        )


STATUS: Mapping[type[StableQueueError], int] = {
    InvalidRequest: 400,
    InvalidJson: 400,
    ForeignOrigin: 403,
    ForeignHost: 403,
    core.InvalidParams: 400,
    core.InvalidServer: 400,
    core.InvalidInfotext: 400,
    core.InvalidCivitaiLink: 400,
    core.InvalidDownload: 400,
    core.CivitaiRefused: 403,
    core.NotFound: 404,
    core.Conflict: 409,
    core.ModelNotSupplied: 409,
    core.Archived: 410,
    core.UnreadableModel: 422,
    core.TransportError: 502,
    core.BackendError: 502,
    core.CivitaiError: 502,
    core.DownloadError: 502,
    core.QueueClosed: 503,
    core.StorageBusy: 503,
    core.StorageMoved: 503,
    core.StorageUnreachable: 503,
    core.CivitaiUnavailable: 503,
    core.WaitTimedOut: 504,
    core.DownloadTimedOut: 504,
    core.StorageFull: 507,
    core.DiskFull: 507,
    core.NotEnoughSpace: 507,
    core.FileNotPlaced: 500,
    StableQueueError: 500,
}
"""The status of each class of error; one that is not listed has its parent's."""


def status_of(error: StableQueueError) -> int:
    """The HTTP status that tells of ``error``."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def error_body(
    code: str, message: str, details: Mapping[str, Any] | None = None
) -> dict[str, object]:
    """The one shape of every error."""
    return {"success": False, "error": code, "message": message, "details": details or {}}


def code_of(name: str) -> str:
    """HTTP's own name of a status as a code: ``Not Found`` is ``not_found``."""
    return name.lower().replace(" ", "_")


def answer_error(error: Exception) -> Response:
    """What the client is told of ``error``; what it must not know goes to the log."""
    if isinstance(error, StableQueueError):
        status = status_of(error)
        if status == 500:
            logger.error("%s %s: %s", request.method, request.path, error, exc_info=error)
        elif status > 500:  # a server that is off, a full disk: no defect that a traceback explains
            logger.warning("%s %s: %s", request.method, request.path, error)
        return json_answer(error_body(error.code, error.message, error.details), status)
    if isinstance(error, HTTPException) and error.code is not None:
        return _answer_http(error, error.code)
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    message = "Something broke inside StableQueue; its log says what. Please try again."
    return json_answer(error_body("internal_error", message), 500)


def _answer_http(error: HTTPException, status: int) -> Response:
    message = error.description or error.name
    details: dict[str, object] = {}
    if isinstance(error, NotFound):
        message = f"There is nothing at {request.path}."
    elif isinstance(error, MethodNotAllowed):
        allowed = sorted(set(error.valid_methods or ()) - {"HEAD", "OPTIONS"})
        message = f"{request.method} is not possible here; use {' or '.join(allowed)}."
        details = {"allowed": allowed}
    answer = json_answer(error_body(code_of(error.name), message, details), status)
    for name, value in error.get_headers(request.environ):
        # Allow, Retry-After, WWW-Authenticate ...; the type and the length are those of our body.
        if name.lower() not in ("content-type", "content-length"):
            answer.headers[name] = value
    return answer
