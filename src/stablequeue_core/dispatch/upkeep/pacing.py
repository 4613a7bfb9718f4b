"""Keeps a duty from taking more than a share of the time, and loses none of its turns."""

from __future__ import annotations

import math

from stablequeue_core.clock import Clock


class Pace:
    """How often a duty is done that takes the longer the more there is of it. For one thread.

    A turn that comes too soon is put off, not left out: what it was for would wait until somebody
    happens to ring again.

    Args:
        clock: the time.
        most_time: so much of it, at most, is spent on the duty.

    Example::

        if pace.may_begin():
            look_through_everything()
            pace.rest()
    """

    def __init__(self, clock: Clock, most_time: float) -> None:
        self._clock = clock
        self._most_time = most_time
        self._began_at = self._rests_until = -math.inf
        self._was_put_off = False

    @property
    def due_in(self) -> float:
        """Seconds until a turn that was put off is to be made good; infinity when none was."""
        if not self._was_put_off:
            return math.inf
        return max(0.0, self._rests_until - self._clock.monotonic())

    def may_begin(self) -> bool:
        """Whether the duty may be done now; if not, it is due as soon as it may."""
        self._began_at = self._clock.monotonic()
        self._was_put_off = self._began_at < self._rests_until
        return not self._was_put_off

    def rest(self) -> None:
        """The duty was done: the longer it took, the longer it rests."""
        now = self._clock.monotonic()
        self._rests_until = now + (now - self._began_at) / self._most_time
