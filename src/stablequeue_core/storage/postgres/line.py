"""The line of those who may be claimed, in PostgreSQL: read piece by piece, all of one moment."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Any, Self

from psycopg import RawCursor

from stablequeue_core.jobs import Backlog, Candidate, Line
from stablequeue_core.jobs.line import MOST_COUNTED
from stablequeue_core.storage.postgres import line_queries as queries
from stablequeue_core.storage.postgres.connecting import Connected
from stablequeue_core.storage.postgres.database import BEGIN_MOMENT, Row, end_moment
from stablequeue_core.storage.postgres.line_queries import FIRST_LOOK
from stablequeue_core.storage.rows.jobs import ALL, CANDIDATE, candidate_of

MORE_AT_A_TIME = 4
"""With each further look so many times as many as before."""

MOST_AT_A_TIME = 512

_WIDTH = len(CANDIDATE)


class LineMoved(Exception):
    """Somebody has changed the line while it was looked at: it has to be looked at again."""


class PostgresLine(Line):
    """The line for some targets, as it stands in one moment.

    Mostly the first few are all that anybody wants to see: one question, which needs no
    transaction. Only if more is asked for, one is begun; and if the first few are not what they
    were by then, :class:`LineMoved` is raised out of the question.

    Used as a context manager: afterwards no transaction is open.

    Attributes:
        head: the row of the first of all, None when nobody waits.
        is_held: whether there is a transaction.
        has_read_on: whether more was asked for than the first few.
    """

    def __init__(
        self,
        connection: Connected,
        targets: Sequence[str],
        now: int,
        without: Container[str],
        *,
        hold: bool,
    ) -> None:
        """Look at the head of the line.

        Args:
            connection: not in a transaction yet.
            targets: of the jobs.
            now: in milliseconds.
            without: the ids of those that somebody else has just taken.
            hold: whether to begin the transaction at once: more will be asked for.
        """
        self._connection = connection
        self._without = without
        self._count = len(targets)
        self._values = {"now": now} | {f"target{n}": target for n, target in enumerate(targets)}
        self.is_held = hold
        self.has_read_on = False
        if hold:
            connection.execute(BEGIN_MOMENT, prepare=False)
        self._beginning = self._look()
        # Between the two stands the turn.
        self._first = [row[:_WIDTH] for row in self._beginning]
        self.head = self._beginning[0][_WIDTH + 1 :] if self._beginning else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.is_held:
            end_moment(self._connection, failed=kind is not None)

    @property
    def head_id(self) -> str | None:
        """The id of the first of all."""
        return None if self.head is None else self.head[ALL.index("id")]

    def in_order(self) -> Iterator[Candidate]:
        """Highest priority first, then by place."""
        statement = queries.in_order(self._count)
        return self._all(self._first, statement, {})

    def backlogs(self, priority: int) -> Sequence[Backlog]:
        """What waits at this priority, by checkpoint, in no order."""
        waiting: dict[str | None, Backlog] = {}
        self._hold()
        values = {**self._values, "priority": priority}
        # For each target by itself: they are added up here.
        for checkpoint, count, first in self._connection.execute(
            queries.backlogs(self._count), values
        ):
            if count:
                known = waiting.get(checkpoint)
                waiting[checkpoint] = Backlog(
                    checkpoint=checkpoint,
                    count=min(count + (known.count if known else 0), MOST_COUNTED),
                    first=min(first, known.first) if known else first,
                )
        return list(waiting.values())

    def of_checkpoint(self, checkpoint: str | None, priority: int) -> Iterator[Candidate]:
        """Those of this priority that name this checkpoint, letter by letter, by place."""
        more = {"priority": priority, "checkpoint": checkpoint}
        return self._all(None, queries.of_checkpoint(self._count, checkpoint is not None), more)

    def row_of(self, picked: Candidate) -> Row | None:
        """The whole row of one that was seen in the line; None: it is not there any more.

        Without a transaction this is a later moment, in which its user may have held it.
        """
        values = {"id": picked.id, "target": picked.target, "now": self._values["now"]}
        return self._connection.execute(queries.STILL_THERE, values).fetchone()

    def _look(self) -> list[Row]:
        values = tuple(self._values.values())
        return (
            RawCursor(self._connection).execute(queries.beginning(self._count), values).fetchall()
        )

    def _hold(self) -> None:
        """What is read from here on is of the same moment as what was read before."""
        self.has_read_on = True
        if not self.is_held:
            self._connection.execute(BEGIN_MOMENT, prepare=False)
            self.is_held = True
            if self._look() != self._beginning:
                raise LineMoved

    def _all(
        self, first: Sequence[Row] | None, statement: str, more: dict[str, Any]
    ) -> Iterator[Candidate]:
        limit, offset, found = FIRST_LOOK, 0, first
        while True:
            if found is None:
                self._hold()
                values = {**self._values, **more, "limit": limit, "offset": offset}
                found = self._connection.execute(statement, values).fetchall()
            for row in found:
                if row[0] not in self._without:
                    yield candidate_of(row)
            if len(found) < limit:
                return
            offset += limit
            limit = min(limit * MORE_AT_A_TIME, MOST_AT_A_TIME)
            found = None
