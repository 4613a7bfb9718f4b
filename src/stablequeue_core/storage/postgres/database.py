"""The connections to one database: lent out by psycopg's pool, replaced when they are lost."""

from __future__ import annotations

import contextlib
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg import Connection, RawCursor, errors
from psycopg_pool import PoolClosed, PoolTimeout

from stablequeue_core.errors import QueueClosed, StorageError
from stablequeue_core.storage.postgres.connecting import Address, Connected
from stablequeue_core.storage.postgres.faults import away, cut, is_lost, told
from stablequeue_core.storage.postgres.placeholders import numbered
from stablequeue_core.storage.postgres.pooling import Pooled, Refusals, made_pool

MOST_CONNECTIONS = 12
"""So many threads of a process speak with the database at the same time; others wait their turn."""

PATIENCE = 3.0
"""Seconds that a call waits for a database that is away: it may only be starting again."""

BEGIN_MOMENT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
"""All that is read from here to the end of the transaction is as it was in one moment."""

_TIMES = 3
"""So often is a change tried that others got in the way of; nothing of it was kept."""

Row = tuple[Any, ...]
Values = tuple[Any, ...] | dict[str, Any]
Result = TypeVar("Result")


class Database:
    """The connections to one database. Safe to use from several threads.

    A connection that is found lost is replaced without a word. What was asked on it is asked once
    more if it only reads, or if nothing of it can have been kept.

    Attributes:
        address: where it is.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._refusals = Refusals()
        self._pool = made_pool(address, self._refusals, most=MOST_CONNECTIONS, patience=PATIENCE)

    def fetch(self, select_: str, values: Values = ()) -> list[Row]:
        """The rows of one SELECT, which sees one moment.

        Raises:
            StorageError: see :mod:`~stablequeue_core.storage.postgres.faults`.
            QueueClosed: :meth:`close` was called before.
        """
        return self._twice(lambda connection: connection.execute(select_, values).fetchall())

    def read(self, work: Callable[[Connected], Result]) -> Result:
        """A view of one moment, for several SELECTs.

        Raises:
            StorageError, QueueClosed: as :meth:`fetch`.
        """

        def look(connection: Connected) -> Result:
            with one_moment(connection):
                return work(connection)

        return self._twice(look)

    def change(
        self,
        statement: str,
        values: Values,
        *,
        was_kept: Callable[[], list[Row] | None] | None = None,
        waits: bool = True,
    ) -> list[Row]:
        """Make a change that is one statement, and so a transaction by itself; its rows.

        Args:
            statement: the change; it returns rows.
            values: in it.
            was_kept: looks whether the change was kept when the connection was lost before it was
                confirmed; what it would have returned, or None: it was not, and is made again.
            waits: whether the statement waits for whoever is in its way. If not, it may find
                nothing when it is made again because of itself: the first one is still under way.

        Raises:
            StorageError, QueueClosed: as :meth:`fetch`.
        """
        try:
            return self._change(statement, values)
        except psycopg.Error as error:
            if not is_lost(error):
                raise told(error) from error
            if was_kept is None:
                raise cut() from error
        kept = _found_out(was_kept)
        if kept is not None:
            return kept
        try:
            found = self._change(statement, values)
        except (psycopg.Error, StorageError) as error:
            # Whatever became of this one: the first may still be under way.
            raise cut() from error
        # The server may have been in the midst of it when it was looked, and be done with it now.
        found = found or _found_out(was_kept) or []
        if not (found or waits):
            raise cut()
        return found

    def transact(
        self,
        work: Callable[[Connected], Result],
        *,
        was_kept: Callable[[], Result | None] | None = None,
    ) -> Result:
        """Make a change of several statements; kept when ``work`` returns, undone if it raises.

        Args:
            work: may be called again: when the connection was lost before all was done, and when
                another process was in the way. Nothing has been kept then.
            was_kept: as for :meth:`change`.

        Raises:
            StorageError, QueueClosed: as :meth:`fetch`.
        """
        is_uncertain = False
        for last in (False,) * (_TIMES - 1) + (True,):
            with self._lent() as connection:
                try:
                    connection.execute("BEGIN", prepare=False)
                    result = work(connection)
                except psycopg.Error as error:
                    _undo(connection)
                    in_the_way = isinstance(error, errors.TransactionRollback)
                    if last or not (in_the_way or is_lost(error)):
                        raise (cut() if is_uncertain else told(error)) from error
                    continue
                except BaseException:
                    _undo(connection)
                    raise
                try:
                    connection.execute("COMMIT", prepare=False)
                    return result
                except psycopg.Error as error:
                    if not is_lost(error):
                        raise told(error) from error
                    if last or was_kept is None:
                        raise cut() from error
            if (kept := _found_out(was_kept)) is not None:
                return kept
            is_uncertain = True
        raise away()

    def outside(self, work: Callable[[Connected], Result]) -> Result:
        """Do what cannot be done in a transaction, and may be done again.

        Raises:
            StorageError, QueueClosed: as :meth:`fetch`.
        """
        return self._twice(work)

    def close(self) -> None:
        """Close every connection; safe to call again."""
        self._pool.close()

    def _change(self, statement: str, values: Values) -> list[Row]:
        for _ in range(_TIMES - 1):
            with self._lent() as connection, contextlib.suppress(errors.TransactionRollback):
                return _rows(connection, statement, values)
        with self._lent() as connection:
            return _rows(connection, statement, values)

    def _twice(self, work: Callable[[Connected], Result]) -> Result:
        """Do what changes nothing; if the connection is lost, on another one."""
        try:
            with self._lent() as connection:
                return work(connection)
        except psycopg.Error as error:
            if not is_lost(error):
                raise told(error) from error
        try:
            with self._lent() as connection:
                return work(connection)
        except psycopg.Error as error:
            raise told(error) from error

    @contextmanager
    def _lent(self) -> Iterator[Connected]:
        connection = self._take()
        try:
            yield connection
        finally:
            self._pool.putconn(connection)

    def _take(self) -> Pooled:
        """A connection that is well as far as can be seen from here, which costs no time."""
        try:
            while True:
                connection = self._pool.getconn()
                if not is_cut_off(connection):
                    return connection
                connection.close()
                self._pool.putconn(connection)
        except PoolTimeout as error:
            raise self._refusals.reason(2 * PATIENCE) from error
        except PoolClosed:
            raise QueueClosed from None


@contextmanager
def one_moment(connection: Connected) -> Iterator[None]:
    """All that is read inside of the block is as it was when it began."""
    connection.execute(BEGIN_MOMENT, prepare=False)
    failed = True
    try:
        yield
        failed = False
    finally:
        end_moment(connection, failed=failed)


def end_moment(connection: Connected, *, failed: bool) -> None:
    """End the transaction, in which nothing was changed.

    Not with ROLLBACK if that can be helped: psycopg forgets every prepared statement after it.
    """
    if failed:
        _undo(connection)
    else:
        connection.execute("COMMIT", prepare=False)


def _rows(connection: Connected, statement: str, values: Values) -> list[Row]:
    if isinstance(values, dict):
        return connection.execute(statement, values).fetchall()
    return RawCursor(connection).execute(numbered(statement), values).fetchall()


def _found_out(was_kept: Callable[[], Result | None]) -> Result | None:
    try:
        return was_kept()
    except StorageError as error:
        raise cut() from error


def _undo(connection: Connection[Any]) -> None:
    with contextlib.suppress(psycopg.Error):
        connection.execute("ROLLBACK")


def is_cut_off(connection: Connected) -> bool:
    """Whether the server has hung up, or says unasked that it is about to, most likely."""
    try:
        descriptor = connection.fileno()
    except psycopg.OperationalError:
        return True
    if not hasattr(select, "poll"):
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
