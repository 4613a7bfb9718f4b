"""The time of the database: the one that all processes can agree on, wherever they run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection

from stablequeue_core.clock import Clock

SAMPLES = 5
"""So often is the database asked for one measurement; the quickest answer counts."""

SMALL_STEP = 1.0
"""Seconds: a clock that is behind by less is waited for, so that time does not go back."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ASK = "SELECT extract(epoch FROM clock_timestamp())::float8"


class DatabaseClock(Clock):
    """Counts on from what the database's clock was, by the computer's steady seconds.

    The computer's own time of day plays no part: it may be wrong by hours. Asking the time asks
    nobody.

    Args:
        steady: the seconds to count by.
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._lock = threading.Lock()
        self._ahead = 0.0
        self._latest = float("-inf")

    def now(self) -> datetime:
        """The database's time of day, in UTC, cut to whole milliseconds."""
        with self._lock:
            seconds = self._steady() + self._ahead
            if self._latest - SMALL_STEP < seconds < self._latest:
                seconds = self._latest
            self._latest = seconds
        return _EPOCH + timedelta(milliseconds=int(seconds * 1000))

    def monotonic(self) -> float:
        """Seconds since some moment in the past; never goes back."""
        return self._steady()

    def measure(self, connection: Connection[tuple[Any, ...]]) -> None:
        """Ask the database for its time, a few times: the less an answer takes, the surer it is."""
        measured = []
        for _ in range(SAMPLES):
            asked = self._steady()
            row = connection.execute(_ASK).fetchone()
            answered = self._steady()
            assert row is not None
            measured.append((answered - asked, row[0] - (asked + answered) / 2))
        with self._lock:
            _, self._ahead = min(measured)

    def is_off(self, seconds: float, *, asked: float, answered: float) -> bool:
        """Whether ``seconds``, which the database told meanwhile, cannot be our time."""
        with self._lock:
            ahead = self._ahead
        return not asked + ahead - SMALL_STEP <= seconds <= answered + ahead + SMALL_STEP
