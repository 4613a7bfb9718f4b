"""The time of day, but that it never goes back: a computer's clock may be put right at any time."""

from __future__ import annotations

from datetime import UTC, datetime

OUT_OF_TURN = 1.0
"""Seconds by which one who asks may be late, because he had to wait; more is a clock put back."""


class SteadyTime:
    """Seconds since 1970 that go on when the clock is put back, as if it had not been.

    Not safe to use from several threads at once.

    Example:
        >>> time, noon = SteadyTime(), datetime(2026, 1, 1, 12, tzinfo=UTC)
        >>> before = time.pass_to(noon)
        >>> time.pass_to(noon.replace(hour=11)) - before
        0.0
        >>> time.pass_to(noon.replace(hour=11, second=5)) - before
        5.0
    """

    def __init__(self) -> None:
        self._last = float("-inf")
        self._ahead = 0.0

    def pass_to(self, now: datetime) -> float:
        """It is now so late by the clock."""
        moment = self.at(now)
        if moment < self._last - OUT_OF_TURN:
            self._ahead += self._last - moment
        self._last = max(self._last, moment)
        return self._last

    def at(self, moment: datetime) -> float:
        """A moment that the clock has told lately."""
        return moment.timestamp() + self._ahead

    def by_the_clock(self, seconds: float) -> datetime:
        """What the clock tells, or would have told, at such a moment."""
        return datetime.fromtimestamp(seconds - self._ahead, UTC)
