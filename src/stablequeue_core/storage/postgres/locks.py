"""Locks of processes: advisory locks of one connection, freed with it when the process dies.

The server notices within ten seconds that a computer was lost, or a network cut, and we notice it
earlier (see :mod:`~stablequeue_core.storage.postgres.connecting`): whoever has lost the connection
knows that the locks are lost before somebody else can have them.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Sequence

import psycopg

from stablequeue_core.errors import QueueClosed, StorageError
from stablequeue_core.storage.base import ProcessLock
from stablequeue_core.storage.postgres.connecting import Address, Connected
from stablequeue_core.storage.postgres.database import is_cut_off
from stablequeue_core.storage.postgres.faults import told

SURE_SECONDS = 1.0
"""So long the word of the database counts that the connection lives."""

REFUSED_SECONDS = 1.0
"""So long after a connection could not be made nobody waits for another attempt."""

HANGS_SECONDS = 1.0
"""So long an answer is waited for at the end: a database that hangs gives none."""

HEAD_START = 3.0
"""Seconds after a lost connection in which a lock can be had only by who had it before."""


class LockKeeper:
    """All locks of one storage. Safe to use from several threads.

    When the database was away, everybody has lost all locks at once, and whoever came first would
    have them: work that goes on elsewhere would be taken for an orphan. So each takes first what it
    had, all of it with the new connection, and what it had not a little later.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._guard = threading.Lock()
        # Held by whoever makes a connection, which takes a while; all others wait for that one.
        self._connecting = threading.Lock()
        self._refused: StorageError | None = None
        self._refused_until = 0.0
        self._connection: Connected | None = None
        self._sure_until = 0.0
        self._holders: dict[str, PostgresLock] = {}
        self._had: dict[str, PostgresLock] = {}
        self._is_first = True
        self._only_had_until = 0.0
        self._is_closed = False

    def lock(self, name: str) -> PostgresLock:
        """The lock of this name; not yet taken."""
        return PostgresLock(self, name)

    def try_acquire(self, lock: PostgresLock) -> bool:
        """Whether ``lock`` is held now, by itself and nobody else of this process or another."""
        while True:
            with self._guard:
                if self._is_closed:
                    raise QueueClosed
                connection = self._living()
                if connection is not None:
                    holder = self._holders.get(lock.name)
                    if holder is None and time.monotonic() >= self._only_had_until:
                        self._take([lock], connection)
                        holder = self._holders.get(lock.name)
                    return holder is lock
            self._connect()

    def release(self, lock: PostgresLock) -> None:
        """Let others have it; harmless when ``lock`` is not held."""
        with self._guard:
            if self._had.get(lock.name) is lock:
                del self._had[lock.name]
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
        self._is_closed = True
        if not self._guard.acquire(timeout=HANGS_SECONDS):
            self._hang_up()
            if not self._guard.acquire(timeout=HANGS_SECONDS):
                return
        try:
            self._forget()
        finally:
            self._guard.release()

    def _hang_up(self) -> None:
        """Cut the line at our end: who waits for an answer on it gets an error instead."""
        connection = self._connection
        if connection is None:
            return
        with contextlib.suppress(psycopg.Error, OSError):
            line = socket.socket(fileno=connection.fileno())
            try:
                line.shutdown(socket.SHUT_RDWR)
            finally:
                # It is psycopg's to close.
                line.detach()

    def _number(self, lock: PostgresLock) -> int:
        return self._address.number_of(f"lock {lock.name}")

    def _living(self) -> Connected | None:
        """The connection; None: there is none, or it was lost, and with it every lock."""
        connection = self._connection
        if connection is not None and is_cut_off(connection):
            self._forget()
        elif connection is not None and time.monotonic() > self._sure_until:
            try:
                connection.execute("SELECT 1")
                self._sure_until = time.monotonic() + SURE_SECONDS
            except psycopg.Error:
                self._forget()
        return self._connection

    def _connect(self) -> None:
        """Make a connection, and take on it what was lost with the last one.

        Raises:
            StorageError: none can be had now, or none could a moment ago.
        """
        with self._connecting:
            if self._connection is not None:
                # Somebody was faster.
                return
            if self._refused is not None and time.monotonic() < self._refused_until:
                raise type(self._refused)(self._refused.message) from self._refused
            is_first, self._is_first = self._is_first, False
            try:
                connection = self._address.connect()
            except StorageError as error:
                self._refused = error
                self._refused_until = time.monotonic() + REFUSED_SECONDS
                raise
            with self._guard:
                self._begin(connection, is_first=is_first)

    def _begin(self, connection: Connected, *, is_first: bool) -> None:
        if self._is_closed:
            connection.close()
            raise QueueClosed
        now = time.monotonic()
        self._connection = connection
        self._sure_until = now + SURE_SECONDS
        if not is_first:
            self._only_had_until = now + HEAD_START
        if self._had:
            self._take(list(self._had.values()), connection)
            self._had.clear()

    def _take(self, locks: Sequence[PostgresLock], connection: Connected) -> None:
        """Take those of these that nobody holds."""
        named = {self._number(lock): lock for lock in locks}
        try:
            found = connection.execute(
                "SELECT number, pg_try_advisory_lock(number) FROM unnest(%s::bigint[]) AS number",
                (list(named),),
            ).fetchall()
        except psycopg.Error as error:
            self._forget()
            raise told(error) from error
        for number, is_ours in found:
            if is_ours:
                lock = named[number]
                self._holders[lock.name] = lock
                lock.term += 1

    def _forget(self) -> None:
        self._had |= self._holders
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
