"""The root of the family, and the branches that reach through all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from attrs import frozen

MOST_NAMES = 3
"""A sentence names no more; the details have them all."""

MOST_CANDIDATES = 10
"""Of things that fit equally well, among which the user has to find theirs."""


@frozen
class FieldProblem:
    """One thing wrong with one field: where it is and what to do about it."""

    path: str
    message: str


class StableQueueError(Exception):
    """The root of the family.

    Attributes:
        code: a stable snake_case name for programs.
        details: data for programs; never holds a secret or a path of the machine.
    """

    code: str = "error"

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.details: dict[str, Any] = dict(details or {})

    @property
    def message(self) -> str:
        """The sentence for people."""
        return str(self.args[0])


class InvalidFields(StableQueueError):
    """Fields that cannot be used; ``problems`` lists every one. Raised as one of its children."""

    _subject: ClassVar[str]

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        super().__init__(
            f"{self._subject} {first.path}: {first.message}{more}",
            {"fields": [{"path": p.path, "message": p.message} for p in self.problems]},
        )


class InvalidSettings(InvalidFields):
    """A setting cannot be used; ``problems`` lists every bad one."""

    code = "invalid_settings"
    _subject = "Invalid setting"


class NotFound(StableQueueError):
    """What was named does not exist."""

    code = "not_found"


class Conflict(StableQueueError):
    """The request is sound, but the present state forbids it."""

    code = "conflict"


class QueueClosed(StableQueueError):
    """The queue was closed; open it again."""

    code = "queue_closed"

    def __init__(self) -> None:
        super().__init__("This queue is closed; open it again with StableQueue.open(...).")


class InternalError(StableQueueError):
    """A defect of StableQueue itself; the log has the traceback."""

    code = "internal_error"

    def __init__(self, cause: BaseException) -> None:
        super().__init__(
            f"StableQueue itself failed ({type(cause).__name__}); its log has the details. "
            "Please report this."
        )
