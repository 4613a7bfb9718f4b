"""A bell: threads sleep until somebody rings, and no ring between two looks is missed."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Bell:
    """Counts its rings, so that a sleeper can say how many it has heard.

    Args:
        awaited: called each time somebody begins to wait, before he sleeps: whoever rings for
            others may begin to listen for them then.

    Example::

        heard = bell.rings
        while not something_to_do():
            heard = bell.wait(heard, timeout=30)
    """

    def __init__(self, awaited: Callable[[], None] | None = None) -> None:
        self._awaited = awaited
        self._condition = threading.Condition()
        self._rings = 0

    @property
    def rings(self) -> int:
        """How often the bell has rung; read it *before* looking for work."""
        return self._rings

    def ring(self) -> None:
        """Wake every sleeper."""
        with self._condition:
            self._rings += 1
            self._condition.notify_all()

    def wait(self, heard: int, timeout: float | None) -> int:
        """Sleep until the bell has rung more than ``heard`` times, or for ``timeout`` seconds.

        Returns:
            the number of rings so far.
        """
        if self._awaited is not None:
            self._awaited()
        with self._condition:
            self._condition.wait_for(lambda: self._rings > heard, timeout)
            return self._rings
