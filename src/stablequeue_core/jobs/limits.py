"""How much one job may ask for, by the settings in force."""

from __future__ import annotations

from stablequeue_core.errors import FieldProblem
from stablequeue_core.generation import ParamLimits
from stablequeue_core.settings import Settings

MAX_PRIORITY = 1_000_000
"""In either direction; far more than anybody needs, and every database can hold it."""


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
