"""Other processes change the same file: somebody looks, as long as anybody here waits."""

from __future__ import annotations

import logging
import threading

from stablequeue_core.errors import QueueClosed, StorageError
from stablequeue_core.outage import Outage
from stablequeue_core.storage.sqlite.connection import Database

EVERY = 0.045
"""Seconds between two looks: most of their cost is waking up.

The time of the write-ahead log would be cheaper to look at, but it tells too early: a writer
changes that, waits for the disk, and only then lets others see what it has written.
"""

AFTER_A_FAULT = 1.0
"""Seconds until the next look when the file could not be read."""

_log = logging.getLogger(__name__)


class Watcher:
    """Rings the bells of one database for what other processes have told of."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._guard = threading.Lock()
        self._is_closed = False
        self._thread: threading.Thread | None = None
        self._outage = Outage(
            _log,
            "Changes by other processes are noticed late",
            "Changes by other processes are noticed at once again.",
        )
        # Held until the end. Waiting for a lock costs half of what waiting for an Event does.
        self._end = threading.Lock()
        self._end.acquire()

    def start(self) -> None:
        """Look from now on, on a thread of its own; harmless when it does so already."""
        with self._guard:
            if self._thread is None and not self._is_closed:
                self._thread = threading.Thread(
                    target=self._watch, name="stablequeue-watcher", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """Stop looking; safe to call again."""
        with self._guard:
            if not self._is_closed:
                self._is_closed = True
                self._end.release()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _watch(self) -> None:
        pause = EVERY
        while not self._end.acquire(timeout=pause):
            try:
                told = self._database.news()
            except QueueClosed:
                return
            except StorageError as error:
                self._outage.goes_on(error)
                pause = AFTER_A_FAULT
                continue
            pause = EVERY
            self._outage.is_over()
            if told:
                self._database.bells.ring(told)
