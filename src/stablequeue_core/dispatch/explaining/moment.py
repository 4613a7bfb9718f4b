"""All that an explanation is made of, as it was in one moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attrs import frozen

from stablequeue_core.dispatch.explaining.estimates import Capacity
from stablequeue_core.dispatch.explaining.overview import ServerView
from stablequeue_core.jobs import Job, runs_on


@frozen
class Moment:
    """All that is seen at once, so that one answer does not contradict itself.

    Attributes:
        now: when that is.
        views: the servers.
        fleet: the same, as an estimate sees them; nobody where none is asked for.
        is_paused: whether the whole queue is.
        is_anybody_at_work: whether any process runs jobs.
    """

    now: datetime
    views: Sequence[ServerView]
    fleet: Sequence[Capacity]
    is_paused: bool
    is_anybody_at_work: bool

    def view_of(self, job: Job) -> ServerView | None:
        """The server that runs the job."""
        return next((view for view in self.views if view.alias == runs_on(job)), None)

    def may_start(self, job: Job) -> bool:
        """Whether its turn can come without anybody doing something about it or the queue."""
        return not (job.held or job.waits_for or job.parts or self.is_paused)
