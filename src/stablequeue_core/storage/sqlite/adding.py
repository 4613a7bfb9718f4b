"""New jobs of several threads, written by one of them in one statement.

A web server's threads all add jobs at once. Each statement gives Python's lock away and has to win
it back from all the others, and each commit waits for the disk; so the thread that comes first
writes for those that come meanwhile, with one statement that is a transaction by itself.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from itertools import chain, takewhile

from attrs import define, evolve

from stablequeue_core.errors import IdempotencyKeyReused, StorageError
from stablequeue_core.events import EventKind
from stablequeue_core.jobs import IdempotencyKey, Job, JobStatus
from stablequeue_core.storage.rows import jobs as rows
from stablequeue_core.storage.sqlite import queries
from stablequeue_core.storage.sqlite.connection import Database, Row

MOST = 64
"""So many jobs go into one statement at most; SQLite prepares the one for each number but once."""


@define(eq=False)
class _Call:
    """The jobs of one call, and what came of them.

    Attributes:
        fair: whether their clients take turns.
        kept: the jobs as they are kept now, None until they are.
        error: why they are not.
        turn: set when the jobs are settled, or when it is this call's turn to write; None for
            the call that writes at once.
    """

    jobs: Sequence[Job]
    rows: Sequence[Row]
    key: IdempotencyKey | None
    fair: bool
    kept: Sequence[Job] | None = None
    error: Exception | None = None
    turn: threading.Event | None = None

    @property
    def is_settled(self) -> bool:
        return self.kept is not None or self.error is not None

    @property
    def goes_alone(self) -> bool:
        """Whether something has to be looked up first, so that one statement is not enough."""
        return self.key is not None or self.fair

    @property
    def pending(self) -> int:
        """How many of the jobs are new; the database tells of each."""
        return sum(job.status is JobStatus.PENDING for job in self.jobs)

    def settle(self, first: int) -> None:
        """The jobs are kept, with numbers from ``first`` on, and stand there."""
        self.kept = [
            evolve(job, number=number, place=number, revision=1)
            for number, job in enumerate(self.jobs, first)
        ]


class Adding:
    """Adds jobs to one database. Safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._guard = threading.Lock()
        self._waiting: list[_Call] = []
        self._somebody_writes = False

    def add(self, jobs: Sequence[Job], key: IdempotencyKey | None, *, fair: bool) -> Sequence[Job]:
        """Keep new jobs; see the port."""
        # Everything that can be prepared is, so that the one who writes has little to do.
        values = [(*rows.fixed(job), *rows.changing(job, 1)) for job in jobs]
        call = _Call(jobs, values, key, fair)
        with self._guard:
            self._waiting.append(call)
            if self._somebody_writes:
                call.turn = threading.Event()
            self._somebody_writes = True
        if call.turn is not None:
            try:
                call.turn.wait()
            except BaseException:
                self._withdraw(call)
                raise
        if not call.is_settled:
            self._write_for_all()
        if call.error is not None:
            raise call.error
        return call.kept or ()

    def _write_for_all(self) -> None:
        """Write what waits, the caller's own first; then it is somebody else's turn."""
        with self._guard:
            calls = _that_fit_together(self._waiting)
            del self._waiting[: len(calls)]
        try:
            self._write(calls)
        except BaseException:
            # Ctrl-C, most likely, and only for this thread: the others must not wait for ever.
            for call in calls:
                call.error = call.error or _interrupted()
            raise
        finally:
            for call in calls:
                if call.turn is not None:
                    call.turn.set()
            with self._guard:
                self._pass_on()

    def _withdraw(self, call: _Call) -> None:
        """Its thread was interrupted while it waited: nobody else must wait for it to write."""
        with self._guard:
            if call in self._waiting:
                self._waiting.remove(call)
                if call.turn is not None and call.turn.is_set():
                    self._pass_on()

    def _pass_on(self) -> None:
        """Let the first of those who wait write; the caller holds the guard."""
        self._somebody_writes = bool(self._waiting)
        if self._waiting:
            following = self._waiting[0].turn
            if following is not None:
                following.set()

    def _write(self, calls: Sequence[_Call]) -> None:
        try:
            if len(calls) == 1:
                self._write_alone(calls[0])
            else:
                self._write_together(calls)
        except Exception as error:  # noqa: BLE001 (it is raised by those whom it concerns)
            if len(calls) == 1 or isinstance(error, StorageError):
                for call in calls:
                    call.error = error
                return
            # One of them cannot be stored; it alone shall be told.
            for call in calls:
                self._write([call])

    def _write_together(self, calls: Sequence[_Call]) -> None:
        values = [row for call in calls for row in call.rows]
        told = [EventKind.JOB_SUBMITTED] * sum(call.pending for call in calls)
        number = self._database.write_at_once(*_insert(values), told) - len(values) + 1
        for call in calls:
            call.settle(number)
            number += len(call.jobs)

    def _write_alone(self, call: _Call) -> None:
        if not call.goes_alone and 0 < len(call.rows) <= MOST:
            self._write_together([call])
            return
        with self._database.write() as connection:
            if call.key is None or not _is_answered(connection, call, call.key):
                _keep_in_turn(connection, call) if call.fair else _keep(connection, call)
                _keep_key(connection, call)
                self._database.was_told(EventKind.JOB_SUBMITTED, call.pending)


def _interrupted() -> StorageError:
    return StorageError(
        "The thread that was writing the job was interrupted. "
        "Look whether the job is there before you submit it again."
    )


def _that_fit_together(waiting: Sequence[_Call]) -> list[_Call]:
    """The first of the calls that wait, and those behind it that fit into the same statement.

    A call with many jobs, or one for which something has to be looked up, goes alone.
    """
    together = list(
        takewhile(lambda call: not call.goes_alone and len(call.jobs) == 1, waiting[:MOST])
    )
    return together or list(waiting[:1])


def _keep(connection: sqlite3.Connection, call: _Call) -> None:
    last = 0
    for start in range(0, len(call.rows), MOST):
        last = connection.execute(*_insert(call.rows[start : start + MOST])).lastrowid or 0
    call.settle(last - len(call.jobs) + 1)


def _keep_in_turn(connection: sqlite3.Connection, call: _Call) -> None:
    """Each job behind the last one of its client, and behind the first of all."""
    connection.execute(queries.CATCH_UP)
    kept = []
    for job, row in zip(call.jobs, call.rows, strict=True):
        turn = None
        if job.status is JobStatus.PENDING:
            client = {"priority": job.priority, "client_id": job.client_id}
            (turn,) = connection.execute(queries.FAIR_TURN, client).fetchone()
        number = connection.execute(queries.ADD_IN_TURN, (turn, *row)).lastrowid or 0
        if turn is None:
            connection.execute(queries.TURN_IS_NUMBER, (number,))
        kept.append(evolve(job, number=number, place=turn or number, revision=1))
    connection.execute(queries.CAUGHT_UP)
    call.kept = kept


def _keep_key(connection: sqlite3.Connection, call: _Call) -> None:
    if call.key is not None and call.kept:
        first, last = call.kept[0].number, call.kept[-1].number
        connection.execute(queries.ADD_KEY, (first, last, call.key.key, call.key.digest))


def _is_answered(connection: sqlite3.Connection, call: _Call, key: IdempotencyKey) -> bool:
    """Whether the key was used before; then that is what the call is told."""
    found = connection.execute(queries.FIND_KEY, (key.key,)).fetchone()
    if found is None:
        return False
    first, last, digest = found
    if digest != key.digest:
        raise IdempotencyKeyReused(key.key)
    earlier = connection.execute(queries.NUMBERED, (first, last))
    call.kept = [rows.job_of(row) for row in earlier]
    return True


def _insert(values: Sequence[Row]) -> tuple[str, Row]:
    """The statement that inserts so many rows, and its values."""
    return queries.add_jobs(len(values)), tuple(chain.from_iterable(values))
