"""Tells listeners what happened: each on a thread of its own, from any point of the log."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Self

from stablequeue_core.bell import Bell
from stablequeue_core.deadline import Deadline
from stablequeue_core.errors import StorageError
from stablequeue_core.events import Event, EventLog, Listener

logger = logging.getLogger(__name__)

ANOTHER_PROCESS_SECONDS = 1.0
"""How late we may hear of what another process has written."""


LAST_WORDS = 5.0
"""Seconds for a listener to come back; one that does not is left alone."""


class Subscription:
    """One listener's place in the log; close it to hear no more. A context manager."""

    def __init__(self, listener: Listener, log: EventLog, changes: Bell, after: int) -> None:
        self._listener = listener
        self._log = log
        self._changes = changes
        self._sequence = after
        self._passing: deque[Event] = deque(maxlen=1000)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="stablequeue-listener", daemon=True)
        self._thread.start()

    @property
    def sequence(self) -> int:
        """The number of the last event that the listener has heard of; go on from here later."""
        return self._sequence

    def close(self) -> None:
        """Tell the listener nothing more; waits for the call that is under way."""
        self.stop()
        self.join(Deadline(LAST_WORDS))

    def stop(self) -> None:
        """Tell the listener nothing more; does not wait."""
        self._closed = True
        self._changes.ring()

    def join(self, deadline: Deadline) -> None:
        """Wait for the call that is under way; who is called himself does not wait for that."""
        if threading.current_thread() is not self._thread:
            deadline.join(self._thread)

    def pass_on(self, event: Event) -> None:
        """Tell an event that is not in the log."""
        self._passing.append(event)

    def _run(self) -> None:
        while not self._closed:
            heard = self._changes.rings
            if not self._deliver():
                self._changes.wait(heard, ANOTHER_PROCESS_SECONDS)

    def _deliver(self) -> bool:
        """Tell what there is to tell; whether there was anything."""
        try:
            written = self._log.read(after=self._sequence)
        except Exception as error:
            if isinstance(error, StorageError):
                logger.warning("The event log cannot be read now: %s", error)
            else:
                logger.exception("The event log cannot be read now; will try again.")
            self._changes.wait(self._changes.rings, ANOTHER_PROCESS_SECONDS)
            return False
        # What is passing was announced before we looked at the log, so it comes first.
        passing = [self._passing.popleft() for _ in range(len(self._passing))]
        for event in (*passing, *written):
            if self._closed:
                break
            self._tell(event)
            self._sequence = event.sequence or self._sequence
        return bool(written)

    def _tell(self, event: Event) -> None:
        try:
            self._listener(event)
        except Exception:
            logger.exception("A listener failed on %s; the queue goes on.", event.kind)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Announcer:
    """Keeps the subscriptions, and passes on what is announced but not written."""

    def __init__(self, log: EventLog, changes: Bell) -> None:
        self._log = log
        self._changes = changes
        self._lock = threading.Lock()
        self._subscriptions: list[Subscription] = []

    def subscribe(self, listener: Listener, *, after: int | None = None) -> Subscription:
        """Tell ``listener`` every event after the one numbered ``after``; None: from now on."""
        start = self._log.last() if after is None else after
        subscription = Subscription(listener, self._log, self._changes, start)
        with self._lock:
            self._subscriptions = [s for s in self._subscriptions if not s._closed]
            self._subscriptions.append(subscription)
        return subscription

    def announce(self, event: Event) -> None:
        """Pass on an event that is not worth writing down, and ring the bell for it."""
        with self._lock:
            subscriptions = list(self._subscriptions)
        for subscription in subscriptions:
            subscription.pass_on(event)
        self._changes.ring()

    def close(self) -> None:
        """End every subscription."""
        with self._lock:
            subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            subscription.stop()
        deadline = Deadline(LAST_WORDS)
        for subscription in subscriptions:
            subscription.join(deadline)
