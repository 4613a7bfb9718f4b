"""Tidies up beside everything else: giving room back may take minutes."""

from __future__ import annotations

import logging
import threading

from stablequeue_core.deadline import Deadline
from stablequeue_core.dispatch.upkeep.tidying import Tidying

logger = logging.getLogger(__name__)

REST = 2.0
"""Seconds between two looks at the clock, at most."""

SHORTEST_REST = 0.05
"""Seconds between two steps, at least."""


class Caretaker:
    """Makes one step of tidying up after the other, on a thread of its own.

    Args:
        tidying: knows what is to be done, and when.
    """

    def __init__(self, tidying: Tidying) -> None:
        self._tidying = tidying
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stablequeue-tidying", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Make no more steps; the one that is under way goes on."""
        self._stopping.set()

    def join(self, deadline: Deadline) -> bool:
        """Wait for the end of that step; whether another process may tidy up now."""
        return deadline.join(self._thread)

    def _run(self) -> None:
        try:
            while not self._stopping.wait(max(SHORTEST_REST, min(REST, self._tidying.due_in))):
                try:
                    self._tidying.settle()
                except Exception:
                    logger.exception("Tidying up stumbled; it goes on.")
        finally:
            self._tidying.close()
