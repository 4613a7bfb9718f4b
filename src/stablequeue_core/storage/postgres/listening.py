"""Hears at once what other processes have changed, and tells them of our changes."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
import uuid

import psycopg
from attrs import define

from stablequeue_core.errors import StorageError
from stablequeue_core.storage.postgres.clock import DatabaseClock
from stablequeue_core.storage.postgres.connecting import Address, Connected, quoted
from stablequeue_core.storage.postgres.queue_row import queue_row
from stablequeue_core.storage.postgres.ringing import SharedBells

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
"""So often it is looked whether the connection lives, and whether something was missed."""

MEASURE_SECONDS = 60.0
"""So often the clock is measured."""

BREATH_SECONDS = 0.01
"""Between two messages to the others: what happens meanwhile is told with the next one."""

LONG_BREATH_SECONDS = 0.05
"""The same, while none of it gives anybody work: a message costs as much as half a job."""

AGAIN_SECONDS = 0.5
"""Between two attempts to reach a database that is away."""

_LAST_WORDS = 5.0
_WORK, _CHANGES = "work", "changes"

_TELL = """
    SELECT sequence, pg_notify(%s, concat_ws(' ', %s::text, %s::text, sequence)) FROM queue
"""
_LOOK = "SELECT sequence, extract(epoch FROM clock_timestamp())::float8 FROM queue"


@define
class _Untold:
    """What the others have not been told yet."""

    anything: bool = False
    work: bool = False


class Listener:
    """One connection that listens and tells, on a thread of its own.

    Who makes a change does not wait until the others are told, and many changes in a row are told
    in one message. What a process could not tell any more because it died is found by looking at
    the log now and then. After the database was away, both bells ring.

    Attributes:
        bells: ring for the changes of all.
    """

    def __init__(self, address: Address, clock: DatabaseClock, connection: Connected) -> None:
        """Begin to listen before anything can happen that must be heard.

        Args:
            address: of the database.
            clock: measured now, and every minute.
            connection: to listen on for as long as it lives; another is made then.
        """
        self.bells = SharedBells(self._tell)
        self._address = address
        self._clock = clock
        self._channel = address.name_of("bells")
        self._name = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._untold = _Untold()
        self._told_at = self._looked_at = self._measured_at = 0.0
        self._known = 0
        self._closing = threading.Event()
        self._begin(connection)
        self._mouth, self._ear = socket.socketpair()
        self._mouth.setblocking(False)
        self._ear.setblocking(False)
        self._thread = threading.Thread(
            target=self._run, args=(connection,), name="stablequeue-postgres", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Tell what is to be told, and stop listening; safe to call again."""
        self._closing.set()
        self._wake()
        self._thread.join(_LAST_WORDS)

    def _tell(self, for_work: bool) -> None:
        with self._lock:
            is_sooner = not self._untold.anything or (for_work and not self._untold.work)
            self._untold.anything = True
            self._untold.work |= for_work
        if is_sooner:
            self._wake()

    def _wake(self) -> None:
        # A full socket has woken it already, and one that is closed has nobody to wake.
        with contextlib.suppress(OSError):
            self._mouth.send(b".")

    def _run(self, connection: Connected) -> None:
        while True:
            try:
                with contextlib.closing(connection):
                    self._listen(connection)
                break
            except psycopg.Error:
                logger.warning("The connection that listens to the database was lost.")
            except StorageError as error:
                logger.warning("The database cannot be listened to for now. %s", error)
            except Exception:
                # Without this thread, all that others do is noticed late, and for good.
                logger.exception("Listening to the database broke off; it begins anew.")
            if (found := self._another()) is None:
                break
            connection = found
            # Nobody knows what happened meanwhile.
            self.bells.ring_here(for_work=True)
        self._mouth.close()
        self._ear.close()

    def _another(self) -> Connected | None:
        """Another connection, as soon as there is one; None when it is time to go."""
        while not self._closing.wait(AGAIN_SECONDS):
            try:
                connection = self._address.connect()
            except StorageError:
                continue
            try:
                self._begin(connection)
            except (psycopg.Error, StorageError):
                connection.close()
                continue
            logger.info("The connection that listens to the database is back.")
            return connection
        return None

    def _begin(self, connection: Connected) -> None:
        # What is told here is nothing that has to survive a power cut.
        connection.execute("SET synchronous_commit = off")
        # What comes while something is asked is handed over with the answer.
        connection.add_notify_handler(lambda message: self._heed(message.payload))
        connection.execute(b"LISTEN " + quoted(self._channel).as_bytes(connection))
        self._clock.measure(connection)
        self._known, _ = queue_row(connection.execute(_LOOK).fetchone())
        self._looked_at = self._measured_at = time.monotonic()

    def _listen(self, connection: Connected) -> None:
        with selectors.DefaultSelector() as either:
            either.register(connection.fileno(), selectors.EVENT_READ)
            either.register(self._ear, selectors.EVENT_READ)
            while not self._closing.is_set():
                either.select(self._until_next())
                with contextlib.suppress(BlockingIOError):
                    self._ear.recv(4096)
                self._tell_others(connection)
                if time.monotonic() >= self._looked_at + LOOK_SECONDS:
                    self._look(connection)
                self._hear(connection)
        self._told_at = 0.0
        self._tell_others(connection)

    def _until_next(self) -> float:
        """How long there is nothing to do, unless somebody calls."""
        next_at = self._looked_at + LOOK_SECONDS
        if self._untold.anything:
            next_at = min(next_at, self._next_telling())
        return max(next_at - time.monotonic(), 0.0)

    def _next_telling(self) -> float:
        return self._told_at + (BREATH_SECONDS if self._untold.work else LONG_BREATH_SECONDS)

    def _tell_others(self, connection: Connected) -> None:
        with self._lock:
            if not self._untold.anything or time.monotonic() < self._next_telling():
                return
            untold, self._untold = self._untold, _Untold()
        bell = _WORK if untold.work else _CHANGES
        try:
            row = connection.execute(_TELL, (self._channel, self._name, bell)).fetchone()
        except psycopg.Error:
            with self._lock:
                self._untold.anything = True
                self._untold.work |= untold.work
            raise
        self._known = max(self._known, queue_row(row)[0])
        self._told_at = time.monotonic()

    def _hear(self, connection: Connected) -> None:
        """Ring for what was told on this connection so far."""
        connection.pgconn.consume_input()
        while message := connection.pgconn.notifies():
            self._heed(message.extra.decode(errors="replace"))

    def _heed(self, message: str) -> None:
        """Ring for one message."""
        try:
            sender, bell, sequence = message.split()
            self._known = max(self._known, int(sequence))
        except ValueError:
            # Anybody may send one here: a newer version of ours, too. Something has happened.
            sender, bell = "", _WORK
        if sender != self._name:
            self.bells.ring_here(for_work=bell != _CHANGES)

    def _look(self, connection: Connected) -> None:
        """Look whether the database is there, whether we know its time, and what is new."""
        asked = time.monotonic()
        last, seconds = queue_row(connection.execute(_LOOK).fetchone())
        answered = self._looked_at = time.monotonic()
        is_off = self._clock.is_off(seconds, asked=asked, answered=answered)
        if is_off or answered >= self._measured_at + MEASURE_SECONDS:
            self._clock.measure(connection)
            self._measured_at = answered
        if last != self._known:
            # Somebody died before telling it; or told of more than there is.
            self._known = last
            self.bells.ring_here(for_work=True)
