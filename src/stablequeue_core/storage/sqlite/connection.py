"""One file, one writer, as many readers as ask at once."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from stablequeue_core.errors import QueueClosed, StorageError
from stablequeue_core.events import Event, EventKind
from stablequeue_core.serialization import to_millis
from stablequeue_core.storage.ringing import Bells
from stablequeue_core.storage.rows.events import kind_of
from stablequeue_core.storage.rows.text import to_json
from stablequeue_core.storage.sqlite import schema
from stablequeue_core.storage.sqlite.faults import (
    not_ours,
    primary_code,
    read_only,
    told,
    translated,
)

CACHE_KIB = 16 * 1024
"""Pages kept in memory by each connection; the index of ids is read all over the place."""

PAGE_BYTES = 1024
"""A commit writes every page it has touched, most of them for a single row: small ones are quicker.

Counts only when a file is made.
"""

CHECKPOINT_PAGES = 4000
"""How many pages gather in the write-ahead log before they are moved to the file."""

Row = tuple[Any, ...]
Values = tuple[Any, ...] | dict[str, Any]

GLANCE_MS = 3
"""Within so many milliseconds SQLite looks twice whether another process has stopped writing.

Those who look more often take turns with each transaction, and have to read every time what the
other has written: that makes both of them slower.
"""

SMALLEST_DATABASE = 512
"""Bytes in the smallest page that SQLite knows; a database has at least one."""

_TELL = "INSERT INTO events (kind, at, job_id, server, data) VALUES (?, ?, ?, ?, ?)"
_LAST = "SELECT coalesce(max(sequence), 0) FROM events"
_KINDS = "SELECT kind, count(*) FROM events WHERE sequence > ? GROUP BY kind"


class Database:
    """The connections to one SQLite file. Safe to use from several threads.

    Attributes:
        path: the file.
        bells: ring after each change that was told.
    """

    def __init__(self, path: Path, bells: Bells, *, busy_timeout: float) -> None:
        self.path = path
        self.bells = bells
        self._busy_timeout = busy_timeout
        self._writing = threading.Lock()
        self._readers_guard = threading.Lock()
        self._idle_readers: list[sqlite3.Connection] = []
        self._closed = False
        _ensure_file(path)
        with translated():
            self._writer = self._open_writer()
            self._version = _version(self._writer)
            ((self._last_told,),) = self._writer.execute(_LAST)
        self._telling: list[EventKind] = []
        self._own: Counter[EventKind] = Counter()

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction that changes something; kept when the block ends, undone if it raises.

        The bells ring for what was told in it.

        Args:
            lasting: whether it must survive a power cut at once, and not only the end of the
                process.

        Raises:
            StorageError: see :mod:`~stablequeue_core.storage.sqlite.faults`.
            QueueClosed: :meth:`close` was called before.
        """
        with self._one_writer() as writer:
            self._telling = []
            with _synchronous(writer, lasting), _transaction(writer, self._begin_to_write):
                yield writer
            told = self._telling
            self._own.update(told)
        if told:
            self.bells.ring(told)

    @contextmanager
    def alone(self) -> Iterator[sqlite3.Connection]:
        """The connection that writes, outside of any transaction: for upkeep.

        Raises:
            StorageError, QueueClosed: as :meth:`write`.
        """
        with self._one_writer() as writer, translated():
            writer.execute(f"PRAGMA busy_timeout = {int(self._busy_timeout * 1000)}")
            try:
                yield writer
            finally:
                writer.execute(f"PRAGMA busy_timeout = {GLANCE_MS}")

    @contextmanager
    def apart(self) -> Iterator[sqlite3.Connection]:
        """A transaction on a connection of its own; as long as it lasts, nobody else can write.

        It is kept when the block ends, and undone if it raises or the process dies. All can read.

        Raises:
            StorageError, QueueClosed: as :meth:`write`.
        """
        if self._closed:
            raise QueueClosed
        with translated():
            connection = self._connect()
        try:
            with translated():
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute(f"PRAGMA busy_timeout = {GLANCE_MS}")
            begin = partial(connection.execute, "BEGIN IMMEDIATE")
            with _transaction(connection, lambda: self._when_free(begin)):
                yield connection
        finally:
            connection.close()

    def tell(self, event: Event) -> None:
        """Write an event into the log, in the transaction of the change that it tells of."""
        at, data = to_millis(event.at), to_json(event.data)
        self._writer.execute(_TELL, (event.kind.value, at, event.job_id, event.server, data))
        self._telling.append(event.kind)

    def was_told(self, kind: EventKind, count: int) -> None:
        """In the transaction under way, the database itself has told of so many things."""
        self._telling += [kind] * count

    def write_at_once(self, statement: str, values: Values, told: Sequence[EventKind] = ()) -> int:
        """Make a change that is one statement, and so a transaction by itself.

        Args:
            statement: what is to be done.
            values: for it.
            told: what the database itself tells of it.

        Returns:
            the number of the last row that it has inserted.

        Raises:
            StorageError, QueueClosed: as :meth:`write`.
        """
        with self._one_writer() as writer, translated():
            last = self._when_free(lambda: writer.execute(statement, values)).lastrowid or 0
            self._own.update(told)
        self.bells.ring(told)
        return last

    def news(self) -> Sequence[EventKind]:
        """What others have told of since we were last asked, or since the file was opened.

        Raises:
            StorageError, QueueClosed: as :meth:`write`.
        """
        if not self._is_news():
            return ()
        with self._one_writer() as writer, _transaction(writer):
            self._version = _version(writer)
            kinds = writer.execute(_KINDS, (self._last_told,)).fetchall()
            ((self._last_told,),) = writer.execute(_LAST)
            counted: Counter[EventKind] = Counter()
            for kind, count in kinds:
                counted[kind_of(kind)] += count
            others = counted - self._own
            self._own.clear()
        return list(others)

    def fetch(self, select: str, values: Values = ()) -> list[Row]:
        """The rows of one SELECT, which sees one moment; waits for no writer.

        Raises:
            StorageError, QueueClosed: as :meth:`write`.
        """
        reader = self._take_reader()
        try:
            with translated():
                return reader.execute(select, values).fetchall()
        finally:
            self._give_reader_back(reader)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A view of one moment, for several SELECTs; waits for no writer.

        Raises:
            StorageError, QueueClosed: as :meth:`write`.
        """
        reader = self._take_reader()
        try:
            with _transaction(reader):
                yield reader
        finally:
            self._give_reader_back(reader)

    def _is_news(self) -> bool:
        """Whether anything has changed. Asked many times a second, so it does no more than that."""
        with self._writing:
            if self._closed:
                raise QueueClosed
            try:
                return bool(self._own) or _version(self._writer) != self._version
            except sqlite3.Error as error:
                raise told(error) from error

    def close(self) -> None:
        """Close every connection, the last of which empties the write-ahead log."""
        with self._writing, self._readers_guard:
            if self._closed:
                return
            self._closed = True
            for connection in (*self._idle_readers, self._writer):
                connection.close()
            self._idle_readers.clear()

    @contextmanager
    def _one_writer(self) -> Iterator[sqlite3.Connection]:
        with self._writing:
            if self._closed:
                raise QueueClosed
            yield self._writer

    def _begin_to_write(self) -> None:
        self._when_free(lambda: self._writer.execute("BEGIN IMMEDIATE"))

    def _when_free(self, do: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor:
        """Do it as soon as no other process writes.

        SQLite itself would look less and less often, until it sleeps for 100 ms at a time, while
        the others write again and again.
        """
        deadline = time.monotonic() + self._busy_timeout
        while True:
            try:
                return do()
            except sqlite3.OperationalError as error:
                if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise

    def _take_reader(self) -> sqlite3.Connection:
        with self._readers_guard:
            if self._closed:
                raise QueueClosed
            if self._idle_readers:
                return self._idle_readers.pop()
        with translated():
            reader = self._connect()
            reader.execute("PRAGMA query_only = ON")
        return reader

    def _give_reader_back(self, reader: sqlite3.Connection) -> None:
        with self._readers_guard:
            if not self._closed:
                self._idle_readers.append(reader)
                return
        reader.close()

    def _open_writer(self) -> sqlite3.Connection:
        writer = self._connect()
        try:
            with _transaction(writer):
                found = schema.check(writer)
            writer.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            if found == 0:
                # Lets the file shrink little by little.
                writer.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._enter_wal(writer)
            writer.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            writer.execute("PRAGMA synchronous = FULL")
            writer.execute("PRAGMA foreign_keys = ON")
            if found < schema.VERSION:
                with _transaction(writer, lambda: writer.execute("BEGIN IMMEDIATE")):
                    schema.migrate(writer)
            writer.execute(f"PRAGMA busy_timeout = {GLANCE_MS}")
        except BaseException:
            writer.close()
            raise
        return writer

    def _connect(self) -> sqlite3.Connection:
        # Each connection is used by one thread at a time, but not always by the same one.
        connection = sqlite3.connect(
            self.path, timeout=self._busy_timeout, isolation_level=None, check_same_thread=False
        )
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return connection

    def _enter_wal(self, connection: sqlite3.Connection) -> None:
        """Switch to the write-ahead log, which SQLite refuses at once while others look."""
        deadline = time.monotonic() + self._busy_timeout
        while True:
            try:
                (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
                break
            except sqlite3.OperationalError as error:
                if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        if mode != "wal":
            raise StorageError(
                "The queue database cannot keep a write-ahead log here. "
                "Put the data folder on a local disk, not on a network drive."
            )


@contextmanager
def _transaction(
    connection: sqlite3.Connection, begin: Callable[[], object] | None = None
) -> Iterator[None]:
    try:
        begin() if begin else connection.execute("BEGIN")
        yield
        connection.execute("COMMIT")
    except BaseException as error:
        # SQLite has undone it already after some errors, such as a full disk.
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        if isinstance(error, (sqlite3.Error, UnicodeEncodeError)):
            raise told(error) from error
        raise


@contextmanager
def _synchronous(connection: sqlite3.Connection, lasting: bool) -> Iterator[None]:
    """Whether what is committed meanwhile waits for the disk."""
    if lasting:
        yield
        return
    with translated():
        connection.execute("PRAGMA synchronous = NORMAL")
    try:
        yield
    finally:
        with translated():
            connection.execute("PRAGMA synchronous = FULL")


def _version(connection: sqlite3.Connection) -> int:
    """A number that changes when anybody but this connection has changed the file."""
    ((version,),) = connection.execute("PRAGMA data_version")
    return int(version)


def _ensure_file(path: Path) -> None:
    """Make the file if need be: it holds passwords, so nobody but its owner may read it."""
    if str(path) == ":memory:" or str(path).startswith("file:"):
        raise StorageError(
            "SqliteStorage needs the path of a file. For a queue that forgets everything at the "
            "end, use MemoryStorage."
        )
    # A file that is there already must not be opened here: closing it again would drop the locks
    # that SQLite holds on it for another storage of this process (POSIX has them per process).
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        size = path.stat().st_size
    except OSError as error:
        raise told(error) from error
    # SQLite would take a very short file for an empty one, and write over it.
    if 0 < size < SMALLEST_DATABASE:
        raise not_ours()
    # It would open a protected file for reading only, and complain when the first job comes.
    if not os.access(path, os.W_OK):
        raise read_only()
