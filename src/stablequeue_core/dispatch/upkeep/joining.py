"""Joins the jobs that were made in parts, and keeps those in step that are being made."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.upkeep.pacing import Pace
from stablequeue_core.errors import JobNotFound, StorageError, UnreadableJob
from stablequeue_core.generation import Phase, Progress
from stablequeue_core.jobs import Job, JobStatus, JobStore, Wholes

logger = logging.getLogger(__name__)

MOST_TIME = 0.2
"""So much of the time, at most, is spent on looking through jobs that need nothing."""


class Joining:
    """Looks after the jobs that are made in parts. Used by one thread.

    Several processes may do so for the same jobs at once, and as often as they like. What one of
    them left half done when it died, any other finishes.
    """

    def __init__(self, jobs: JobStore, clock: Clock) -> None:
        self._jobs = jobs
        self._wholes = Wholes(jobs, clock)
        self._pace = Pace(clock, MOST_TIME)
        self._told: set[str] = set()

    @property
    def due_in(self) -> float:
        """Seconds until a look that came too soon is to be made good; infinity when none did."""
        return self._pace.due_in

    def settle(self) -> None:
        """Let each job stand as its parts do: begun, joined, failed. Cheap while there is none."""
        if not self._pace.may_begin():
            return
        has_changed = False
        for whole in self._jobs.in_parts():
            try:
                settled = self._wholes.settle(whole)
            except JobNotFound:
                # It may be deleted at any moment.
                continue
            except UnreadableJob as error:
                # One of its parts cannot be read: without it there is nothing to join.
                if whole.id not in self._told:
                    self._told.add(whole.id)
                    logger.error("Job %s, made in parts, stays as it is. %s", whole.id, error)
                continue
            except StorageError:
                raise
            except Exception:
                # Those behind it must not wait for it.
                logger.exception("Job %s, made in parts, met a defect of StableQueue.", whole.id)
                continue
            has_changed |= settled.revision != whole.revision
            if settled.status is not whole.status:
                logger.info("Job %s, made in parts, is %s.", settled.id, settled.status)
        # Where there was something to do, there may be more in a moment.
        if not has_changed:
            self._pace.rest()


def progress_together(
    parts: Sequence[Job], progress_of: Callable[[str], Progress | None]
) -> Progress | None:
    """How far a job is that is made in parts; None while nothing of it is made.

    Args:
        parts: all of them.
        progress_of: how far a part is that runs; None where nobody knows.
    """
    done, phases = 0.0, set()
    for part in parts:
        count = len(part.pictures or ())
        if part.status is JobStatus.COMPLETED:
            done += count
            phases.add(Phase.SAMPLING)
        elif part.status is JobStatus.PROCESSING and (progress := progress_of(part.id)):
            done += count * progress.fraction
            phases.add(progress.phase)
    if not phases:
        return None
    # Once a picture was begun the whole is no more loading, whatever another server does.
    begun = phases & {Phase.SAMPLING, Phase.FINISHED}
    waiting = Phase.LOADING if Phase.LOADING in phases else Phase.QUEUED
    pictures = sum(len(part.pictures or ()) for part in parts)
    return Progress(fraction=done / pictures, phase=Phase.SAMPLING if begun else waiting)
