"""A clock that stands still until it is moved by hand, or by who waits by it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from stablequeue_core.clock import Clock

NOON = datetime(2025, 1, 1, 12, 0, tzinfo=UTC)


class FakeClock(Clock):
    """Tells the time it was told. Safe to use, and to move, from several threads.

    Args:
        start: the time of day to begin with.

    Example:
        >>> clock = FakeClock()
        >>> clock.advance(1.5)
        >>> clock.now().isoformat()
        '2025-01-01T12:00:01.500000+00:00'
        >>> clock.monotonic()
        1.5
    """

    def __init__(self, start: datetime = NOON) -> None:
        self._lock = threading.Lock()
        self._start = start
        self._passed = timedelta()

    def now(self) -> datetime:
        """The time of day, cut to whole milliseconds."""
        with self._lock:
            moment = self._start + self._passed
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        """Seconds that were let pass since the clock was made."""
        with self._lock:
            return self._passed.total_seconds()

    def wait(self, seconds: float, ended: Callable[[float], bool]) -> bool:
        """Who waits by this clock moves it, and is done at once."""
        if ended(0):
            return True
        self.advance(max(seconds, 0))
        return False

    def advance(self, seconds: float) -> None:
        """Let time pass; it never goes back."""
        if seconds < 0:
            raise ValueError("time does not go back")
        with self._lock:
            self._passed += timedelta(seconds=seconds)
