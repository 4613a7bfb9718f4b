"""Keeps in hand what came of a job while the storage is away, until it can be kept there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from stablequeue_core.backends import Backend
from stablequeue_core.dispatch.links.monitor import Monitor, Run
from stablequeue_core.errors import (
    StorageBusy,
    StorageError,
    StorageFull,
    StorageReadOnly,
    StorageUnreachable,
)
from stablequeue_core.jobs import Job
from stablequeue_core.outage import Outage

logger = logging.getLogger(__name__)

Done = TypeVar("Done")

PASSING: tuple[type[StorageError], ...] = (
    StorageBusy,
    StorageFull,
    StorageReadOnly,
    StorageUnreachable,
)
"""What is over one day without a change of the program; all else would be refused again."""

FIRST_PAUSE = 0.05
"""Seconds until it is tried again; the pause doubles each time ..."""

LONGEST_PAUSE = 1.0
"""... up to this: other processes may take the job for an orphan once the storage is back."""


class Patience:
    """Does for one lane what the storage is needed for, for as long as that takes.

    A picture may have taken minutes, and the storage is away for seconds. Meanwhile the lane takes
    no other job, and the monitor sees to it that nobody else takes this one.

    Args:
        monitor: watches meanwhile, and knows when we are to give up.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def until_done(self, job: Job, backend: Backend, do: Callable[[], Done]) -> Done:
        """Do it, again and again while the storage is away.

        Args:
            job: what it is done for; its server has answered.
            backend: speaks with that server.
            do: may be called again after it has raised an error of the storage.

        Raises:
            StorageError: the storage is still away, and we are closing; or it will not pass.
        """
        try:
            return do()
        except PASSING as error:
            return self._again(Run(job, backend, is_answered=True), do, error)

    def _again(self, run: Run, do: Callable[[], Done], error: StorageError) -> Done:
        closing, pause = self._monitor.closing, FIRST_PAUSE
        outage = Outage(
            logger,
            f"Server {run.job.server!r} stays idle: keeping what came of job {run.job.id} "
            "has to wait",
            f"What came of job {run.job.id} is kept now; server {run.job.server!r} goes on.",
        )
        with self._monitor.watching(run):
            while True:
                outage.goes_on(error)
                closing.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                try:
                    done = do()
                except PASSING as again:
                    if closing.is_set():
                        raise
                    error = again
                else:
                    outage.is_over()
                    return done
