"""Tells the log that somebody has to wait: when it begins, now and then, and when it is over."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

from stablequeue_core.errors import StorageError

AGAIN_AFTER = 60.0
"""Seconds after which it is told again, though nothing has changed."""


class Outage:
    """Something that a thread cannot do for now, and tries again and again.

    Args:
        logger: who is told.
        what: the beginning of a sentence, as "The dispatcher has to wait".
        over: the sentence that tells of its end, as "The dispatcher goes on.".
        steady: seconds that never go back.

    Example::

        while not stopping.wait(1.0):
            try:
                look()
            except StorageError as error:
                outage.goes_on(error)
            else:
                outage.is_over()
    """

    def __init__(
        self,
        logger: logging.Logger,
        what: str,
        over: str,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logger = logger
        self._what = what
        self._over = over
        self._steady = steady
        self._told: str | None = None
        self._told_at = -math.inf

    def goes_on(self, error: StorageError) -> None:
        """It was tried, in vain."""
        now = self._steady()
        if error.code != self._told or now - self._told_at >= AGAIN_AFTER:
            self._logger.warning("%s: %s", self._what, error)
            self._told, self._told_at = error.code, now

    def is_over(self) -> None:
        """It was done. Costs next to nothing where nothing was amiss."""
        if self._told is not None:
            self._logger.info("%s", self._over)
            self._told = None
