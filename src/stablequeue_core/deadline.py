"""A time until which several things may take, all of them together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Deadline:
    """So many seconds from now, by the computer's own clock.

    Args:
        seconds: how many.

    Example::

        deadline = Deadline(5.0)
        have_ended = [deadline.join(thread) for thread in threads]
    """

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until then; 0 when it has passed."""
        return max(0.0, self._at - time.monotonic())

    def join(self, thread: threading.Thread) -> bool:
        """Wait for the end of a thread; whether it has ended."""
        if thread.is_alive():
            thread.join(self.left)
        return not thread.is_alive()

    def see_to(self, work: Callable[[], object]) -> bool:
        """Do what may never come back, on a thread of its own; whether it was done in time."""
        thread = threading.Thread(target=work, name="stablequeue-last-words", daemon=True)
        thread.start()
        return self.join(thread)
