"""What stands in a body and is not read: told to the client, and refused where it is misspelled."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from attrs import frozen

from stablequeue_core.errors import FieldProblem
from stablequeue_core.spelling import did_you_mean


@frozen
class Unread:
    """Fields of a body that have no meaning there.

    Clients may send more than we read. But one who has mistyped a field believes that it counts.

    Attributes:
        ignored: their paths; they were accepted, and nothing was done with them.
        misspelled: those that are plainly meant to be others.
    """

    ignored: Sequence[str] = ()
    misspelled: Sequence[FieldProblem] = ()

    def __add__(self, other: Unread) -> Unread:
        return Unread((*self.ignored, *other.ignored), (*self.misspelled, *other.misspelled))

    @property
    def shown(self) -> Mapping[str, Any]:
        """A part of the answer; empty where everything was read."""
        return {"ignored_fields": list(self.ignored)} if self.ignored else {}


def unread_in(body: Mapping[str, Any], known: Collection[str], *, below: str = "") -> Unread:
    """Look for fields without a meaning.

    Args:
        body: the fields.
        known: those that have one.
        below: the path of ``body``, with a dot at its end.

    Example:
        >>> unread_in({"hold": True, "notbefore": "x", "app": 1}, ["hold", "not_before"])
        Unread(ignored=('app',), misspelled=(FieldProblem(path='notbefore', \
message='is not known; did you mean not_before?'),))
    """
    told = {name: did_you_mean(name, known) for name in body if name not in known}
    return Unread(
        tuple(f"{below}{name}" for name, advice in told.items() if advice is None),
        tuple(FieldProblem(f"{below}{name}", advice) for name, advice in told.items() if advice),
    )
