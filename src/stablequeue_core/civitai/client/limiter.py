"""How fast Civitai is asked: one limiter for all threads, which learns from its answers."""

from __future__ import annotations

import threading

from attrs import frozen

from stablequeue_core.civitai.client.patience import LONGEST_WAIT
from stablequeue_core.clock import Clock
from stablequeue_core.errors import CivitaiUnavailable, TransferAborted
from stablequeue_core.transport import Abort

_STEPS = 50  # so many good answers bring the rate from nothing back to its full height
_FRACTION = 1 / 32  # of the full rate: never slower
_SHORTEST_WAIT = 0.001


@frozen
class Turn:
    """A request that was let through: how often the rate had been halved by then."""

    slowdowns: int


class Limiter:
    """A bucket of turns that fills at a rate; each request takes one. For any number of threads.

    The rate is halved when the server says that it is too high, and climbs again slowly, by the
    same step with each good answer. Requests that were under way together count as one complaint.

    Args:
        clock: the time.
        rate: turns a second, at most.
        burst: so many may be taken at once after a while of silence.

    Example::

        turn = limiter.take(abort)
        limiter.slow_down(turn, retry_after=7)    # the answer was 429
    """

    def __init__(self, clock: Clock, *, rate: float, burst: int) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._full = rate
        self._burst = float(burst)
        self._rate = rate
        self._turns = float(burst)
        self._filled_at = clock.monotonic()
        self._slowdowns = 0

    @property
    def rate(self) -> float:
        """Turns a second, at present."""
        with self._lock:
            return self._rate

    def take(self, abort: Abort) -> Turn:
        """Wait for a turn.

        Raises:
            TransferAborted: the wait was given up.
            CivitaiUnavailable: it would take longer than anybody should be made to wait.
        """
        while True:
            if abort.pulled:
                raise TransferAborted
            taken = self._take()
            if isinstance(taken, Turn):
                return taken
            if taken > LONGEST_WAIT:
                raise CivitaiUnavailable(
                    f"Civitai asked for a pause, which lasts another {taken:.0f} seconds. "
                    "Try again after that.",
                    {"retry_after": taken},
                )
            self._clock.wait(max(taken, _SHORTEST_WAIT), abort.wait)

    def slow_down(self, turn: Turn, retry_after: float | None) -> None:
        """The server complained about the rate.

        Args:
            turn: of the request that it complained about.
            retry_after: seconds that it asked to wait; None where it did not.
        """
        with self._lock:
            if turn.slowdowns == self._slowdowns:
                self._fill()
                self._slowdowns += 1
                self._rate = max(self._rate / 2, self._full * _FRACTION)
                self._turns = min(self._turns, 0.0)
        self.hold(retry_after or 0.0)

    def hold(self, seconds: float) -> None:
        """Let nobody through for so long."""
        with self._lock:
            self._fill()
            until = self._clock.monotonic() + seconds
            if until > self._filled_at:
                # Nothing fills up meanwhile, or all who wait would come at once at its end.
                self._filled_at = until
                self._turns = min(self._turns, 1.0)

    def went_well(self) -> None:
        """The server answered as it should."""
        with self._lock:
            if self._rate < self._full:
                self._fill()
                self._rate = min(self._full, self._rate + self._full / _STEPS)

    def _take(self) -> Turn | float:
        """A turn, or for how many seconds there will be none."""
        with self._lock:
            self._fill()
            held = self._filled_at - self._clock.monotonic()
            if held <= 0 and self._turns >= 1:
                self._turns -= 1
                return Turn(self._slowdowns)
            return max(held, 0.0) + max(1 - self._turns, 0.0) / self._rate

    def _fill(self) -> None:
        now = self._clock.monotonic()
        if now > self._filled_at:
            grown = self._turns + (now - self._filled_at) * self._rate
            self._turns, self._filled_at = min(self._burst, grown), now
