"""A server works on a job, and does not answer what it is asked about that: what becomes of it."""

from __future__ import annotations

from attrs import frozen

from stablequeue_core.dispatch.explaining.telling import about
from stablequeue_core.jobs import Job
from stablequeue_core.quantities import seconds_text


@frozen(kw_only=True)
class Unanswered:
    """A server that works on a job does not answer.

    Attributes:
        seconds: for how long.
        left: seconds until the job is given up there, if that goes on; None: nobody can tell.
    """

    seconds: float
    left: float | None = None

    @property
    def of_server(self) -> str:
        """What is said of the server, after its name."""
        if self.left is None:
            return f"{self._silent}; if that goes on, the job that it runs is given up there."
        return f"{self._silent}; the job that it runs is given up there {self._when}."

    def of_job(self, job: Job, fraction: float | None) -> str:
        """What is said of the job that it runs.

        Args:
            job: processing.
            fraction: how far it was when that was told last; None: nobody has told.
        """
        told = f"It runs on server {job.server!r}"
        if fraction is not None:
            told += f", {fraction:.0%} done when that was told last"
        told += f", but the server {self._silent}: "
        told += f"the job is given up there {self._when}." if self._when else "it may hang."
        return f"{told} It is cancelled once the server answers." if job.cancel_requested else told

    @property
    def _silent(self) -> str:
        return f"has not answered for {seconds_text(self.seconds)}"

    @property
    def _when(self) -> str:
        """When the job is given up."""
        if self.left is None:
            return ""
        return f"in {about(self.left)}" if self.left > 0 else "in a moment"
