"""The line of those who may be claimed, read from the indices while it is looked at."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence, Set
from contextlib import ExitStack, closing
from datetime import datetime
from typing import Any, Self

from stablequeue_core.jobs import MOST_COUNTED, Backlog, Candidate, Line
from stablequeue_core.serialization import to_millis
from stablequeue_core.storage.rows.jobs import candidate_of
from stablequeue_core.storage.sqlite import line_queries as queries
from stablequeue_core.storage.sqlite.connection import Database


class Asked:
    """Whose line, and when: the values of the queries."""

    def __init__(self, targets: Sequence[str], now: datetime) -> None:
        self.targets = tuple(dict.fromkeys(targets))
        self.now = to_millis(now)
        self.values: dict[str, Any] = {
            **{f"target{place}": target for place, target in enumerate(self.targets)},
            "now": self.now,
        }

    def anything_due(self, database: Database) -> tuple[bool, bool]:
        """Whether one is ready, and whether one that waited for a time has become so."""
        if not self.targets:
            return False, False
        found = database.fetch(queries.anything_due(len(self.targets)), self.values)
        ((ready, has_become_ready),) = found
        return bool(ready), bool(has_become_ready)

    def make_ready(self, connection: sqlite3.Connection) -> None:
        """Let those into the line whose time has come."""
        connection.execute(queries.make_ready(len(self.targets)), self.values)


class SqliteLine(Line):
    """The line for some targets, in the transaction of whoever chooses.

    Used as a context manager: afterwards nothing is being read any more.

    Args:
        connection: in the transaction.
        asked: whose line.
        without: the ids of those that are not to be shown.
    """

    def __init__(
        self, connection: sqlite3.Connection, asked: Asked, without: Set[str] = frozenset()
    ) -> None:
        self._connection = connection
        self._asked = asked
        self._without = without
        self._reading = ExitStack()

    def in_order(self) -> Iterator[Candidate]:
        """Highest priority first, then by place."""
        return self._read(queries.in_order(len(self._asked.targets)), self._asked.values)

    def backlogs(self, priority: int) -> Sequence[Backlog]:
        """What waits at this priority, by checkpoint, in no order."""
        found: dict[str | None, Backlog] = {}
        for target in self._asked.targets:
            values = {"target": target, "priority": priority, "now": self._asked.now}
            for checkpoint, count, first in self._connection.execute(queries.BACKLOGS, values):
                if count:
                    known = found.get(checkpoint)
                    found[checkpoint] = Backlog(
                        checkpoint=checkpoint,
                        count=min(count + (known.count if known else 0), MOST_COUNTED),
                        first=min(first, known.first) if known else first,
                    )
        return list(found.values())

    def of_checkpoint(self, checkpoint: str | None, priority: int) -> Iterator[Candidate]:
        """Those of this priority that name this checkpoint, letter by letter, by place."""
        values = {**self._asked.values, "checkpoint": checkpoint, "priority": priority}
        return self._read(queries.of_checkpoint(len(self._asked.targets)), values)

    def _read(self, select: str, values: dict[str, Any]) -> Iterator[Candidate]:
        found = self._reading.enter_context(closing(self._connection.execute(select, values)))
        without = self._without
        if not without:
            return map(candidate_of, found)
        return (candidate_of(row) for row in found if row[0] not in without)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._reading.close()
