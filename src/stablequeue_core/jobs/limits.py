"""How much one job may ask for, by the settings in force."""

from __future__ import annotations

from datetime import UTC, datetime

from stablequeue_core.errors import FieldProblem
from stablequeue_core.generation import ParamLimits
from stablequeue_core.generation.plain_json import unfit_for_json
from stablequeue_core.settings import Settings

MAX_PRIORITY = 1_000_000
"""In either direction; far more than anybody needs, and every database can hold it."""

MAX_CLIENT_CHARS = 255
MAX_KEY_CHARS = 255


def limits_in(settings: Settings) -> ParamLimits:
    """The limits on one job's parameters; the same when it is submitted and when it is run.

    Example:
        >>> limits_in(Settings(max_images=4)).max_images
        4
    """
    return ParamLimits(max_images=settings.max_images, max_prompt_chars=settings.max_prompt_chars)


def priority_problem(priority: object) -> FieldProblem | None:
    """What is wrong with a job's priority; None when nothing is.

    Example:
        >>> priority_problem(5) is None
        True
    """
    if isinstance(priority, bool) or not isinstance(priority, int) or abs(priority) > MAX_PRIORITY:
        message = f"must be a whole number from {-MAX_PRIORITY} to {MAX_PRIORITY}."
        return FieldProblem("priority", message)
    return None


def client_problem(client_id: object) -> FieldProblem | None:
    """What is wrong with the name of whom a job is submitted for; None when nothing is.

    Example:
        >>> client_problem("studio-7") is None, client_problem(None) is None
        (True, True)
    """
    if client_id is None:
        return None
    is_text = isinstance(client_id, str) and client_id.isprintable()
    if not is_text or not 1 <= len(str(client_id)) <= MAX_CLIENT_CHARS:
        message = f"must be text of 1 to {MAX_CLIENT_CHARS} characters that can be shown."
        return FieldProblem("client_id", message)
    return None


def not_before_problem(moment: object) -> FieldProblem | None:
    """What is wrong with the moment before which a job may not start; None when nothing is.

    Example:
        >>> not_before_problem(datetime(2031, 5, 1)).message
        'must be a moment with its time zone, as 2031-05-01T08:00:00Z.'
    """
    if moment is None:
        return None
    try:
        # Where the year would not have four digits in UTC, it is no moment for us.
        if isinstance(moment, datetime) and moment.utcoffset() is not None:
            moment.astimezone(UTC)
            return None
    except OverflowError:
        pass
    return FieldProblem(
        "not_before", "must be a moment with its time zone, as 2031-05-01T08:00:00Z."
    )


def hold_problem(hold: object) -> FieldProblem | None:
    """What is wrong with the wish to hold a job; None when nothing is.

    Example:
        >>> hold_problem("yes").message
        'must be true or false.'
    """
    return None if isinstance(hold, bool) else FieldProblem("hold", "must be true or false.")


def key_problem(key: object) -> FieldProblem | None:
    """What is wrong with an idempotency key; None when nothing is.

    Example:
        >>> key_problem("order-4711") is None, key_problem("") is None
        (True, False)
    """
    is_text = isinstance(key, str) and not unfit_for_json({"key": key}, "key")
    if is_text and 1 <= len(str(key)) <= MAX_KEY_CHARS:
        return None
    return FieldProblem("idempotency_key", f"must be text of 1 to {MAX_KEY_CHARS} characters.")
