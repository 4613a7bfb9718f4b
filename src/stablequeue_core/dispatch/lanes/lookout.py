"""Whose line may have a job, known for all lanes of this process together."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from attrs import frozen

from stablequeue_core.clock import Clock

Mark = tuple[int, ...]
"""How often each of some targets had been called when somebody looked at their line."""


@frozen
class _Empty:
    """A target whose line was found empty."""

    calls: int
    until: datetime | None


class Lookout:
    """Knows which lines are empty, so that no lane looks at one in vain. Thread-safe.

    A target is called when one of its jobs may have become free to run. The first lane that finds
    a line empty says so here, and all the others are spared the look until the next call: one job
    that is submitted does not make a hundred lanes ask the database.

    Attributes:
        turn: held by the lane that looks, so that the others learn from it rather than look at the
            same time.
    """

    def __init__(self, clock: Clock) -> None:
        self.turn = threading.Lock()
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._calls_for_all = 0
        self._empty: dict[str, _Empty] = {}

    def call(self, target: str) -> None:
        """A job of this target may have become free to run."""
        with self._lock:
            self._calls[target] += 1

    def call_all(self) -> None:
        """Jobs of any target may have become free to run."""
        with self._lock:
            self._calls_for_all += 1

    def mark(self, targets: Sequence[str]) -> Mark:
        """How often these were called; take it *before* looking at their line."""
        with self._lock:
            return tuple(self._calls_of(target) for target in targets)

    def found_empty(self, targets: Sequence[str], mark: Mark, until: datetime | None) -> None:
        """Nothing was in the line of these targets.

        Args:
            targets: all that were looked at.
            mark: as it was before.
            until: when the next of their jobs that waits for a time may run; None: none waits.
        """
        with self._lock:
            for target, calls in zip(targets, mark, strict=True):
                self._empty[target] = _Empty(calls, until)

    def is_quiet(self, targets: Sequence[str]) -> bool:
        """Whether the line of these targets was found empty, and nobody was called since."""
        now = self._clock.now()
        with self._lock:
            return all(self._is_quiet(target, now) for target in targets)

    def until(self, targets: Sequence[str]) -> datetime | None:
        """When the line of these targets, found empty, has to be looked at again; None: never."""
        with self._lock:
            found = [self._empty.get(target) for target in targets]
        return min((each.until for each in found if each and each.until), default=None)

    def _calls_of(self, target: str) -> int:
        return self._calls[target] + self._calls_for_all

    def _is_quiet(self, target: str, now: datetime) -> bool:
        found = self._empty.get(target)
        if found is None or found.calls != self._calls_of(target):
            return False
        return found.until is None or now < found.until
