"""The right to send jobs to one server: one process at a time has it."""

from __future__ import annotations

import random
import time

from stablequeue_core.dispatch.lanes.fleet import Standing
from stablequeue_core.dispatch.links.reporter import Reporter
from stablequeue_core.storage import ProcessLock

TAKEOVER = 3.0
"""Seconds, more or less, between two tries to get what another process holds."""


class Tenure:
    """One lane's right to its server. Used by the lane only.

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
        if self._lock.try_acquire():
            if not self._standing.is_held:
                self._reporter.begin()
                self._standing.is_held = True
            return True
        self._lose()
        self._try_at = now + TAKEOVER * random.uniform(0.7, 1.3)
        return False

    def end(self) -> None:
        """Leave it to others."""
        self._standing.is_held = False
        try:
            # While we still hold it: it must not be told over what the next holder tells.
            self._reporter.leave()
        finally:
            self._lock.release()

    def _lose(self) -> None:
        """Others have it."""
        self._standing.is_held = False
        self._reporter.end()
