"""The right to send jobs to one server: one process at a time has it."""

from __future__ import annotations

import random
import threading
import time

from stablequeue_core.dispatch.lanes.fleet import Standing
from stablequeue_core.dispatch.links.reporter import Reporter
from stablequeue_core.errors import StorageError
from stablequeue_core.storage import ProcessLock

TAKEOVER = 3.0
"""Seconds, more or less, between two tries to get what another process holds."""


class Tenure:
    """One lane's right to its server. Used by the lane only, but for what says otherwise.

    Whoever comes first has it, until it ends: a lane costs next to nothing while its server works,
    so nobody hands servers over to even things out. Those of a process that died are spread, as
    each of the others tries at moments of its own.

    Args:
        lock: of the storage, for this server.
        standing: is told whether we have it.
        reporter: tells of the server while we do.
    """

    def __init__(self, lock: ProcessLock, standing: Standing, reporter: Reporter) -> None:
        self._lock = lock
        self._standing = standing
        self._reporter = reporter
        self._try_at = 0.0
        self._guard = threading.Lock()
        self._told_in: int | None = None
        self._has_ended = False

    @property
    def term(self) -> int:
        """Grows when it was lost for a moment: others may have had the server in between."""
        return self._lock.term

    @property
    def try_in(self) -> float:
        """Seconds until it is tried for again."""
        return max(0.01, self._try_at - time.monotonic())

    def take(self) -> bool:
        """Whether we have it, now; if another process did lately, nobody is asked.

        Raises:
            StorageError: that cannot be found out.
        """
        now = time.monotonic()
        if not self._standing.is_held and now < self._try_at:
            return False
        if self._has():
            self._standing.is_held = True
            return True
        self._lose()
        self._try_at = now + TAKEOVER * random.uniform(0.7, 1.3)
        return False

    def look(self) -> bool:
        """Whether nothing has changed about it; if so, the lane need not be woken.

        Any thread may ask: a lane that rests does not notice by itself that it has lost its server,
        or had for a moment.

        Raises:
            StorageError: that cannot be found out.
        """
        with self._guard:
            if self._has_ended or not self._standing.is_held:
                return True
            self._standing.is_held = self._lock.try_acquire()
            return self._standing.is_held and self._lock.term == self._told_in

    def end(self) -> None:
        """Leave it to others."""
        with self._guard:
            # From here on nobody takes it by looking.
            self._has_ended = True
            was_held, self._standing.is_held = self._standing.is_held, False
        try:
            # While we still hold it: it must not be told over what the next holder tells.
            if was_held and self._is_still_ours():
                self._reporter.leave()
            else:
                self._reporter.end()
        finally:
            self._lock.release()

    def _has(self) -> bool:
        """Whether we have it, now; what others may have told in between is told over."""
        if not self._lock.try_acquire():
            return False
        if self._told_in != (term := self._lock.term):
            self._reporter.begin()
            self._told_in = term
        return True

    def _is_still_ours(self) -> bool:
        try:
            return self._has()
        except StorageError:
            # Nobody can be told now; what holds the lock is lost, or will be with us.
            return False

    def _lose(self) -> None:
        """Others have it."""
        self._standing.is_held = False
        self._reporter.end()
