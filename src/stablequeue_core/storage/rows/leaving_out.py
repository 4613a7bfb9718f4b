"""Passing over the jobs that cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from stablequeue_core.errors import UnreadableJob
from stablequeue_core.jobs import Job
from stablequeue_core.storage.rows.jobs import Row, job_of

MOST_NAMED = 5
"""So many of them are named by an examination; what is to be done is the same for all."""

logger = logging.getLogger(__name__)


class LeftOut:
    """The unreadable jobs of one storage, over which all who look for work pass.

    Each is told of once in the log. Safe to use from several threads.

    Attributes:
        ids: of those that were met so far.
    """

    def __init__(self) -> None:
        self.ids: set[str] = set()

    def add(self, error: UnreadableJob) -> None:
        """One was met."""
        if error.job_id not in self.ids:
            self.ids.add(error.job_id)
            logger.error("Until StableQueue is started again, a job is left out. %s", error)

    def readable(self, found: Iterable[Row]) -> list[Job]:
        """The jobs of all the rows that can be read."""
        jobs = []
        for row in found:
            try:
                jobs.append(job_of(row))
            except UnreadableJob as error:
                self.add(error)
        return jobs


def unreadable_ones(found: Iterable[Row]) -> list[str]:
    """Which of these rows cannot be read, in sentences that say what to do."""
    sentences: list[str] = []
    more = 0
    for row in found:
        try:
            job_of(row)
        except UnreadableJob as error:
            if len(sentences) < MOST_NAMED:
                sentences.append(error.message)
            else:
                more += 1
    if more:
        sentences.append(
            f"So it is with {more} more of the jobs. Put a backup back, or do as with the others; "
            "the next examination names them."
        )
    return sentences
