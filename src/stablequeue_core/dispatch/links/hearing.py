"""Whether a server answers what it is asked about the job that it works on."""

from __future__ import annotations

import math

from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.links.reporter import Reporter
from stablequeue_core.errors import BackendError
from stablequeue_core.jobs import Job
from stablequeue_core.quantities import seconds_text
from stablequeue_core.serialization import to_iso
from stablequeue_core.settings import Settings


class Hearing:
    """What is heard of one run from its server. Used by its monitor only.

    A server that is busy may miss a question or two. After the time in which it has to answer all
    else, it is told that it does not answer; the job goes on, for it may wake up.

    Args:
        job: the one that it works on.
        reporter: is told what was heard.
        clock, settings: the time, and how long an answer may take.
    """

    def __init__(self, job: Job, reporter: Reporter, clock: Clock, settings: Settings) -> None:
        self._job = job
        self._reporter = reporter
        self._clock = clock
        self._settings = settings
        self._since = clock.now()
        self._at = clock.monotonic()

    def answered(self) -> None:
        """It has answered a question about the run."""
        self._since, self._at = self._clock.now(), self._clock.monotonic()
        self._reporter.heard()

    def missed(self, error: BackendError, stall_limit: float) -> None:
        """It has not.

        Args:
            error: why not, as far as was seen.
            stall_limit: after so many seconds without progress the run is given up.
        """
        if self._clock.monotonic() - self._at < self._settings.answer_timeout:
            return
        end = ""
        if stall_limit < math.inf:
            end = f" The job is given up after {seconds_text(stall_limit)} without progress."
        self._reporter.misses(
            self._since,
            f"Server {self._job.server!r} has not answered since {to_iso(self._since)}, though it "
            f"works on job {self._job.id}: {error.message}{end}",
        )
