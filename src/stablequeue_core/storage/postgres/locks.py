"""Locks of processes: advisory locks of one connection, freed with it when the process dies.

The server notices within ten seconds that a computer was lost, or a network cut, and we notice it
earlier (see :mod:`~stablequeue_core.storage.postgres.connecting`): whoever has lost the connection
knows that the locks are lost before somebody else can have them.
"""

from __future__ import annotations

import threading
import time

import psycopg

from stablequeue_core.errors import QueueClosed
from stablequeue_core.storage.base import ProcessLock
from stablequeue_core.storage.postgres.connecting import Address, Connected
from stablequeue_core.storage.postgres.database import is_cut_off
from stablequeue_core.storage.postgres.faults import told

SURE_SECONDS = 1.0
"""So long the word of the database counts that the connection lives."""

HEAD_START = 3.0
"""Seconds after a lost connection in which a lock can be had only by who had it before."""


class LockKeeper:
    """All locks of one storage. Safe to use from several threads.

    When the database was away, everybody has lost all locks at once, and whoever came first would
    have them: work that goes on elsewhere would be taken for an orphan. So each takes first what it
    had, and what it had not a little later.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._guard = threading.Lock()
        self._connection: Connected | None = None
        self._sure_until = 0.0
        self._holders: dict[str, PostgresLock] = {}
        self._had: set[str] = set()
        self._is_first = True
        self._only_had_until = 0.0
        self._is_closed = False

    def lock(self, name: str) -> PostgresLock:
        """The lock of this name; not yet taken."""
        return PostgresLock(self, name)

    def try_acquire(self, lock: PostgresLock) -> bool:
        """Whether ``lock`` is held now, by itself and nobody else of this process or another."""
        with self._guard:
            if self._is_closed:
                raise QueueClosed
            connection = self._living()
            holder = self._holders.get(lock.name)
            if holder is not None:
                return holder is lock
            if lock.name not in self._had and time.monotonic() < self._only_had_until:
                return False
            try:
                row = connection.execute(
                    "SELECT pg_try_advisory_lock(%s)", (self._number(lock),)
                ).fetchone()
            except psycopg.Error as error:
                self._forget()
                raise told(error) from error
            self._had.discard(lock.name)
            if row == (True,):
                self._holders[lock.name] = lock
            return row == (True,)

    def release(self, lock: PostgresLock) -> None:
        """Let others have it; harmless when ``lock`` is not held."""
        with self._guard:
            self._had.discard(lock.name)
            if self._holders.get(lock.name) is not lock:
                return
            del self._holders[lock.name]
            if self._connection is None:
                return
            try:
                self._connection.execute("SELECT pg_advisory_unlock(%s)", (self._number(lock),))
            except psycopg.Error:
                # It went with the connection.
                self._forget()

    def close(self) -> None:
        """Let go of all locks; safe to call again."""
        with self._guard:
            self._is_closed = True
            self._forget()

    def _number(self, lock: PostgresLock) -> int:
        return self._address.number_of(f"lock {lock.name}")

    def _living(self) -> Connected:
        """The connection; another one where it was lost, and with it every lock."""
        connection = self._connection
        if connection is not None and is_cut_off(connection):
            self._forget()
        elif connection is not None and time.monotonic() > self._sure_until:
            try:
                connection.execute("SELECT 1")
                self._sure_until = time.monotonic() + SURE_SECONDS
            except psycopg.Error:
                self._forget()
        if self._connection is None:
            self._connection = self._connect()
            self._sure_until = time.monotonic() + SURE_SECONDS
        return self._connection

    def _connect(self) -> Connected:
        is_first, self._is_first = self._is_first, False
        connection = self._address.connect()
        if not is_first:
            self._only_had_until = time.monotonic() + HEAD_START
        return connection

    def _forget(self) -> None:
        self._had |= self._holders.keys()
        self._holders.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class PostgresLock(ProcessLock):
    """A lock that is held by whoever holds an advisory lock of the database."""

    def __init__(self, keeper: LockKeeper, name: str) -> None:
        self.name = name
        self._keeper = keeper

    def try_acquire(self) -> bool:
        """Take the lock if nobody holds it; True when we hold it now. Does not wait."""
        return self._keeper.try_acquire(self)

    def release(self) -> None:
        """Give the lock up; harmless when we do not hold it."""
        self._keeper.release(self)
