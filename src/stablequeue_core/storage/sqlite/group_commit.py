"""Several threads' changes in one commit: a disk takes as long for ten of them as for one."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from stablequeue_core.errors import QueueClosed, StorageError
from stablequeue_core.storage.sqlite.faults import told, translated

MOST = 64
"""So many changes share a commit at most: none shall wait long for those behind it."""

PATIENCE = 0.05
"""Seconds after which a waiting thread looks whether those behind it were held up."""


class _Group:
    """Changes that are made, but not committed yet."""

    def __init__(self) -> None:
        self.size = 0
        self.settled = threading.Event()
        self.error: StorageError | None = None

    def settle(self, error: StorageError | None = None) -> None:
        self.error = error
        self.settled.set()


class GroupCommit:
    """Lets threads take turns on one connection. Safe to use from several threads.

    While one thread waits for the disk, others queue up; each of them then makes its change in the
    same transaction, and the last one commits for all. A change that fails is undone alone.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._turn = threading.Lock()
        self._counting = threading.Lock()
        self._queueing = 0
        self._group: _Group | None = None
        self._closed = False

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """A change; kept when this returns, undone if the block raises.

        Raises:
            StorageError: it could not be made, or not be committed; nothing of it was kept.
            QueueClosed: :meth:`close` was called before.
        """
        group = self._take_turn()
        try:
            try:
                yield self._connection
            except BaseException as error:
                self._undo(group, error)
                raise
            group.size += 1
            self._commit_if_last(group)
        except sqlite3.Error as error:
            raise told(error) from error
        finally:
            self._turn.release()
        while not group.settled.wait(PATIENCE):
            with self._turn:
                if self._group is group:
                    self._commit(group)
        if group.error:
            raise group.error

    @contextmanager
    def alone(self) -> Iterator[sqlite3.Connection]:
        """The connection, outside of any transaction, for a statement that is one by itself.

        Raises:
            StorageError: the statement failed; nothing of it was kept.
            QueueClosed: :meth:`close` was called before.
        """
        with self._turn:
            if self._closed:
                raise QueueClosed
            if self._group:
                self._commit(self._group)
            with translated():
                yield self._connection

    def close(self) -> None:
        """Commit what is open, then close the connection; safe to call again."""
        with self._turn:
            if self._closed:
                return
            self._closed = True
            if self._group:
                self._commit(self._group)
            self._connection.close()

    def _take_turn(self) -> _Group:
        """Wait for the connection; the group that the change is to be a part of."""
        with self._counting:
            self._queueing += 1
        try:
            self._turn.acquire()
        finally:
            with self._counting:
                self._queueing -= 1
        try:
            if self._closed:
                raise QueueClosed
            if self._group is None:
                self._connection.execute("BEGIN IMMEDIATE")
                self._group = _Group()
            else:
                self._connection.execute("SAVEPOINT change")
        except BaseException as error:
            self._turn.release()
            if isinstance(error, sqlite3.Error):
                raise told(error) from error
            raise
        return self._group

    def _commit_if_last(self, group: _Group) -> None:
        """Leave the commit to those who queue up behind, if there are any."""
        if self._queueing == 0 or group.size >= MOST:
            self._commit(group)

    def _commit(self, group: _Group) -> None:
        self._group = None
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            group.settle(told(error))
        else:
            group.settle()

    def _undo(self, group: _Group, error: BaseException) -> None:
        """Undo this change; the others of its group stay, unless SQLite has undone them too."""
        if group.size and self._connection.in_transaction:
            self._connection.execute("ROLLBACK TO change")
            self._commit_if_last(group)
            return
        self._roll_back()
        self._group = None
        # Alone it has nobody to tell; the others lose their changes to what SQLite ran into.
        group.settle(told(error) if isinstance(error, sqlite3.Error) else None)

    def _roll_back(self) -> None:
        # SQLite has undone it already after some errors, such as a full disk.
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
