"""What stands in the body of ``POST /generate``: checked as a whole, with every problem told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from stablequeue_core.errors import FieldProblem, InvalidParams
from stablequeue_core.generation import GENERATION_INFO, parse_params
from stablequeue_core.jobs import (
    Submission,
    client_problem,
    hold_problem,
    key_problem,
    limits_in,
    not_before_problem,
    priority_problem,
)
from stablequeue_core.settings import Settings
from stablequeue_flask.errors import InvalidRequest
from stablequeue_flask.unread import Unread, unread_in

_PARAMS = "generation_params"
_FIELDS = (
    "target_server_alias",
    _PARAMS,
    GENERATION_INFO,
    "priority",
    "client_id",
    "not_before",
    "hold",
)


def submission_in(body: Mapping[str, Any], key: str | None, settings: Settings) -> Submission:
    """The job that the body describes. Its parameters are checked by the core.

    Args:
        body: of the request.
        key: its ``Idempotency-Key``; None where it has none.
        settings: with the limits in force.

    Raises:
        InvalidRequest: lists every bad field, those of the parameters included.
    """
    params = _params_of(body)
    target, hold = body.get("target_server_alias"), body.get("hold", False)
    not_before = _moment(body.get("not_before"))
    found = [
        *unread(body).misspelled,
        _target_problem(target),
        _params_problem(params, body),
        priority_problem(body.get("priority", 0)),
        client_problem(body.get("client_id")),
        not_before_problem(not_before),
        hold_problem(hold),
        _key_problem(key),
    ]
    problems = [problem for problem in found if problem is not None]
    if problems:
        raise InvalidRequest([*problems, *_problems_of(params, body, settings)])
    return Submission(
        target=str(target),
        params=params,
        priority=body.get("priority", 0),
        client_id=body.get("client_id"),
        not_before=not_before,
        hold=hold,
    )


def unread(body: Mapping[str, Any]) -> Unread:
    """What stands beside the fields that have a meaning."""
    return unread_in(body, _FIELDS)


def in_body(error: InvalidParams, body: Mapping[str, Any]) -> InvalidParams:
    """The same error, with paths as they are in the request's body."""
    beside = {GENERATION_INFO} if body.get(GENERATION_INFO) is not None else set()
    return InvalidParams(
        [
            FieldProblem(p.path if p.path in beside else f"{_PARAMS}.{p.path}", p.message)
            for p in error.problems
        ]
    )


def _params_of(body: Mapping[str, Any]) -> Any:
    """The parameters; an infotext that stands beside them is one of them."""
    infotext, params = body.get(GENERATION_INFO), body.get(_PARAMS)
    if infotext is None:
        return params
    if params is None:
        return {GENERATION_INFO: infotext}
    return {**params, GENERATION_INFO: infotext} if isinstance(params, dict) else params


def _moment(text: object) -> Any:
    """The moment that a text in ISO 8601 tells; what is none, as it is."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else text
    except ValueError:
        return text


def _target_problem(target: object) -> FieldProblem | None:
    if isinstance(target, str) and target:
        return None
    return FieldProblem(
        "target_server_alias", "is required: the alias of a server, `auto`, or `auto:<tag>`."
    )


def _params_problem(params: object, body: Mapping[str, Any]) -> FieldProblem | None:
    if not isinstance(params, dict):
        return FieldProblem(_PARAMS, "is required, and must be a JSON object.")
    beside = body.get(GENERATION_INFO)
    among = (body.get(_PARAMS) or {}).get(GENERATION_INFO)
    if beside is not None and among is not None and beside != among:
        return FieldProblem(GENERATION_INFO, f"is not the one in `{_PARAMS}`; give one of them.")
    return None


def _key_problem(key: str | None) -> FieldProblem | None:
    problem = None if key is None else key_problem(key)
    return None if problem is None else FieldProblem("Idempotency-Key", problem.message)


def _problems_of(
    params: object, body: Mapping[str, Any], settings: Settings
) -> Sequence[FieldProblem]:
    """What the core would complain of, if it were asked."""
    try:
        parse_params(params, limits_in(settings))
    except InvalidParams as error:
        return in_body(error, body).problems if isinstance(params, dict) else ()
    return ()
