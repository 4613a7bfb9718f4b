"""Keeps jobs away from a server that was found unreachable, and lets it be asked now and then."""

from __future__ import annotations

from stablequeue_core.clock import Clock
from stablequeue_core.settings import Settings


class Circuit:
    """Open after a failure, for a time that doubles; then one question is let through.

    Used by one lane only; any thread may ask how long it is open.
    """

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._failures = 0
        self._opens_at = 0.0

    @property
    def wait(self) -> float:
        """Seconds until the server may be asked again; 0 when it may be asked now."""
        return max(0.0, self._opens_at - self._clock.monotonic()) if self._failures else 0.0

    def failed(self) -> None:
        """The server was found unreachable (again)."""
        longest = min(
            self._settings.circuit_cap, self._settings.circuit_base * 2.0 ** min(self._failures, 20)
        )
        self._failures += 1
        self._opens_at = self._clock.monotonic() + longest

    def starts(self) -> None:
        """The server was found starting: it will be well soon, so it is asked again soon."""
        self._failures = 1
        self._opens_at = self._clock.monotonic() + self._settings.circuit_base

    def succeeded(self) -> None:
        """The server is well."""
        self._failures = 0
