"""How a job is claimed: nothing is locked while it is chosen; of two who chose it, one gets it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from attrs import define

from stablequeue_core.errors import UnreadableJob
from stablequeue_core.jobs import Choose, Claim, Job
from stablequeue_core.serialization import to_millis
from stablequeue_core.storage.postgres import job_queries as queries
from stablequeue_core.storage.postgres.connecting import Connected
from stablequeue_core.storage.postgres.database import Database, Row
from stablequeue_core.storage.postgres.job_change import JobChange, were_kept
from stablequeue_core.storage.postgres.line import LineMoved, PostgresLine
from stablequeue_core.storage.rows import jobs as rows
from stablequeue_core.storage.rows.leaving_out import LeftOut

ROUNDS = 3
"""So often a claim begins anew when all that was left in the line was taken by others."""

LONGEST_TURN = 0.5
"""Seconds; then the next one chooses beside, perhaps in vain."""

MOST_MISSES = 3
"""So many jobs may be lost to others before the end of the one before is kept alone."""


class Occupied(Exception):
    """Others are about to change what is to be changed."""


@define
class _Asked:
    """What is claimed, and which jobs are not to be had.

    Attributes:
        without: the ids of those that others have taken meanwhile, and that cannot be read.
        was_late: whether others have taken any.
    """

    targets: Sequence[str]
    now: int
    choose: Choose
    without: set[str]
    was_late: bool = False

    def miss(self, job_id: str) -> None:
        """Somebody else was faster."""
        self.without.add(job_id)
        self.was_late = True


class Claiming:
    """Claims jobs of one database. Safe to use from several threads.

    The threads of a process take turns: they would choose the same job, and all but one in vain.
    Other processes are not waited for. Where two have chosen the same job, one of them finds the
    row locked or changed, and chooses again without it.
    """

    def __init__(self, database: Database, left_out: LeftOut) -> None:
        self._database = database
        self._left_out = left_out
        self._turn = threading.Lock()
        self._reads_on = False

    def claim(self, wanted: Claim) -> JobChange | None:
        """Begin one pending job for whoever wants one; None: nothing to do. See the port."""
        return self._first_taken(
            wanted, (), lambda begun: self._change(queries.CLAIM, begun.values, begun.was_kept)
        )

    def follow(self, ended: JobChange, wanted: Claim) -> JobChange | None:
        """Keep the end of a job, and begin the next for whoever wants one; None: neither was done.

        Raises:
            Occupied: the same, as somebody else has changed the job that ended, or is about to; or
                as nearly everything in the line is being changed.
        """
        misses = 0

        def take(begun: JobChange) -> list[Row]:
            values = (
                *begun.expected, *ended.expected, *ended.columns, *begun.columns,
                *ended.told, *begun.told,
            )  # fmt: skip
            found = self._change(queries.FINISH_AND_CLAIM, values, lambda: were_kept(ended, begun))
            nonlocal misses
            misses += not found
            if found == [(None,)] or misses == MOST_MISSES:
                raise Occupied
            return found

        return self._first_taken(wanted, (ended.kept.id,), take)

    def _first_taken(
        self, wanted: Claim, without: Iterable[str], take: Callable[[JobChange], list[Row]]
    ) -> JobChange | None:
        """The first of those that are chosen that is taken; no rows: somebody else was faster."""
        for _ in range(ROUNDS):
            asked = self._asked(wanted, without)
            with self._my_turn():
                while (job := self._chosen(asked)) is not None:
                    begun = JobChange(self._database, *wanted.begin(job))
                    if take(begun):
                        return begun
                    asked.miss(job.id)
            if not asked.was_late:
                break
        return None

    def _change(
        self, statement: str, values: Row, was_kept: Callable[[], list[Row] | None]
    ) -> list[Row]:
        return self._database.change(statement, values, was_kept=was_kept, waits=False)

    def _asked(self, wanted: Claim, without: Iterable[str]) -> _Asked:
        targets = tuple(dict.fromkeys(wanted.targets))
        return _Asked(
            targets, to_millis(wanted.now), wanted.choose, {*self._left_out.ids, *without}
        )

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        """Wait for those before us, but not for long: they may wait for a database that is away."""
        is_ours = self._turn.acquire(timeout=LONGEST_TURN)
        try:
            yield
        finally:
            if is_ours:
                self._turn.release()

    def _chosen(self, asked: _Asked) -> Job | None:
        while asked.targets:
            try:
                row = self._database.outside(lambda connection: self._chosen_row(connection, asked))
                return None if row is None else rows.job_of(row)
            except LineMoved:
                # From its beginning it is held now, so this happens once.
                self._reads_on = True
            except UnreadableJob as error:
                # Those behind it are not to wait for it.
                self._left_out.add(error)
                asked.without.add(error.job_id)
        return None

    def _chosen_row(self, connection: Connected, asked: _Asked) -> Row | None:
        with PostgresLine(
            connection, asked.targets, asked.now, asked.without, hold=self._reads_on
        ) as line:
            if line.head is None:
                return None
            picked = asked.choose(line)
            # Whoever read on this time is likely to do so the next time.
            self._reads_on = line.has_read_on
            if picked is None:
                return None
            if picked.id == line.head_id:
                return line.head
            row = line.row_of(picked)
            if row is None:
                # Somebody was faster.
                asked.miss(picked.id)
                raise LineMoved
            return row
