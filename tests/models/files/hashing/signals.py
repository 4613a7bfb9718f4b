"""A stop signal whose waiting is only written down, while the clock is moved on."""

from __future__ import annotations

from collections.abc import Callable

from stablequeue_core.testing.clock import FakeClock


class CountedStop:
    """Set after it was looked at so many times; never, if it is not told when.

    Args:
        clock: moved on by each wait.
        after: how many times it says that there is no need to stop.
        on_wait: something that happens in the world during each wait.
    """

    def __init__(
        self,
        clock: FakeClock,
        *,
        after: int | None = None,
        on_wait: Callable[[], object] = lambda: None,
    ) -> None:
        self.waits: list[float] = []
        self._clock, self._left, self._on_wait = clock, after, on_wait

    def is_set(self) -> bool:
        if self._left is None:
            return False
        self._left -= 1
        return self._left < 0

    def wait(self, timeout: float) -> bool:
        self.waits.append(timeout)
        self._clock.advance(timeout)
        self._on_wait()
        return False
