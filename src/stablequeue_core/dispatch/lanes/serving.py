"""How a lane runs jobs on its server: one after the other, for as long as nothing intervenes."""

from __future__ import annotations

import logging

from stablequeue_core.dispatch.lanes.claims import Claims
from stablequeue_core.dispatch.lanes.fleet import Standing
from stablequeue_core.dispatch.lanes.tenure import Tenure
from stablequeue_core.dispatch.links.link import Link
from stablequeue_core.dispatch.running.recovery import Recovery
from stablequeue_core.dispatch.running.runner import Runner
from stablequeue_core.errors import (
    JobNotFound,
    QueueClosed,
    ServerNotFound,
    StaleJob,
    StorageError,
)
from stablequeue_core.events import Event
from stablequeue_core.jobs import Job
from stablequeue_core.storage import Storage

logger = logging.getLogger(__name__)


class Serving:
    """Runs jobs on one server. Used by its lane only.

    The end of a job is kept together with the claim of the next one: that halves what the lane
    waits for the disk.

    Args:
        storage: who remembers.
        standing: what others see of the lane.
        tenure: its right to the server.
        claims: takes jobs.
        runner: sees them through.
        recovery: is told of the jobs whose end could not be kept.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        standing: Standing,
        tenure: Tenure,
        claims: Claims,
        runner: Runner,
        recovery: Recovery,
    ) -> None:
        self._storage = storage
        self._standing = standing
        self._tenure = tenure
        self._claims = claims
        self._runner = runner
        self._recovery = recovery
        self._follower: Job | None = None

    def serve(self, link: Link) -> bool:
        """Run the next job, and those that follow it at once; whether there was one.

        Raises:
            StorageError: what came of a job could not be kept; it is still processing.
        """
        job = self._claims.next(link)
        if job is None:
            return False
        while job is not None:
            self._follower = None
            self._run(job, link)
            job = self._follower
        return True

    def _run(self, job: Job, link: Link) -> None:
        try:
            self._runner.run(job, link, write=lambda done, event: self._write(done, event, link))
        except Exception as error:
            self._recovery.could_not_keep(job, error)
            self._follower = None
            raise
        finally:
            self._standing.job = self._follower
        if job.part_of is not None:
            # Of the whole, too, there may be something to tell now.
            self._storage.work.ring()

    def _write(self, done: Job, event: Event, link: Link) -> Job:
        """Keep the end of a job; if the lane can go on at once, with the claim of another.

        What came of a job is not lost over the choice of the next: where that fails, it is kept
        alone, and the lane meets what is wrong when it looks for its next job.
        """
        following = self._follow(done, event, link) if self._can_go_on(link) else None
        if following is None:
            return self._storage.jobs.replace(done, event)
        kept, self._follower = following
        return kept

    def _follow(self, done: Job, event: Event, link: Link) -> tuple[Job, Job | None] | None:
        try:
            return self._claims.follow(done, event, link)
        except (StaleJob, JobNotFound, QueueClosed):
            # Perhaps an earlier try has changed the job: it was kept, and a follower was begun.
            self._recovery.again()
            raise
        except (StorageError, ServerNotFound) as error:
            logger.info("Job %s is to be kept alone. %s", done.id, error.message)
        except Exception:
            logger.exception("Job %s is to be kept alone: choosing the next failed.", done.id)
        # One may have been begun, although the storage was lost before it could say so.
        self._recovery.again()
        self._claims.look_again()
        return None

    def _can_go_on(self, link: Link) -> bool:
        """Whether the lane, if it went its whole round, would have nothing to do but to claim."""
        if link.has_questions or not link.is_well:
            return False
        try:
            return self._tenure.take() and self._recovery.is_done_in(self._tenure.term)
        except StorageError:
            return False
