"""Time as a parameter: whoever needs the time is given a clock."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime


class Clock(ABC):
    """Tells the time. Tests hand in a FakeClock and move it by hand."""

    @abstractmethod
    def now(self) -> datetime:
        """The time of day, in UTC, cut to whole milliseconds (what the API can show)."""

    @abstractmethod
    def monotonic(self) -> float:
        """Seconds since some moment in the past; never goes back."""

    def wait(self, seconds: float, ended: Callable[[float], bool]) -> bool:
        """Let so much time pass, or less if somebody puts an end to it; whether somebody did.

        Args:
            seconds: how long.
            ended: waits for so many real seconds, and tells that: ``Event.wait``, ``Abort.wait``.
        """
        return ended(seconds)


class SystemClock(Clock):
    """The computer's own clock."""

    def now(self) -> datetime:
        """The computer's time of day, in UTC, cut to whole milliseconds."""
        moment = datetime.now(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        """Seconds since the computer (or the process) started."""
        return time.monotonic()
