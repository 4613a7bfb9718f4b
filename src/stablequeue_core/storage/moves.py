"""That a queue was moved to another storage, and how a database says so to whoever writes to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from attrs import frozen

from stablequeue_core.errors import StorageMoved
from stablequeue_core.serialization import from_iso, to_iso

MOVED_BY = "moved"
"""What the triggers are called that refuse every change, and the table that says why."""

_SENTENCE = re.compile(r"This queue was moved at (?P<at>\S+) to (?P<to>.+)\.", re.DOTALL)


@frozen(kw_only=True)
class Move:
    """Where a queue went.

    Attributes:
        to: a name for people, without user, password and path.
        at: when.
    """

    to: str
    at: datetime

    @property
    def sentence(self) -> str:
        """What the database says to whoever would change it: an older program repeats it."""
        return f"This queue was moved at {to_iso(self.at)} to {self.to}."

    def error(self) -> StorageMoved:
        """What whoever would change it is told."""
        return StorageMoved(self.to, to_iso(self.at))


Leave = Callable[[Move], None]
"""Marks a fenced storage, whose queue was moved, once the block of the fence has ended."""

Fence = AbstractContextManager[Leave]
"""Keeps everybody from changing a storage."""


def move_in(said: str | None) -> Move | None:
    """The move of which a database spoke; None: it spoke of something else."""
    found = _SENTENCE.search(said or "")
    return Move(to=found["to"], at=from_iso(found["at"])) if found else None
