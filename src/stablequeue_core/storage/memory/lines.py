"""The line of those who may be claimed, in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from stablequeue_core.jobs import Backlog, Candidate, Job, Line
from stablequeue_core.jobs.line import MOST_COUNTED
from stablequeue_core.servers import is_for_any
from stablequeue_core.storage.memory.state import Memory, is_due, standing


class MemoryLine(Line):
    """The line for some targets; it is looked at while the memory is locked.

    Args:
        memory: locked.
        targets: of the jobs.
        now: the time.
        without: a job that is about to leave the line.
    """

    def __init__(
        self, memory: Memory, targets: Sequence[str], now: datetime, without: Job | None
    ) -> None:
        waiting = memory.in_line(*targets) if targets else ()
        due = (job for job in waiting if is_due(job, now))
        gone = without.id if without else None
        self._jobs = sorted((job for job in due if job.id != gone), key=standing)

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def in_order(self) -> Iterator[Candidate]:
        """Highest priority first, then by place."""
        return map(_candidate, self._jobs)

    def backlogs(self, priority: int) -> Sequence[Backlog]:
        """What waits at this priority, by checkpoint, in no order."""
        waiting: dict[str | None, list[Job]] = defaultdict(list)
        for job in self._jobs:
            if job.priority == priority:
                waiting[job.checkpoint].append(job)
        return [
            Backlog(checkpoint=checkpoint, count=min(len(jobs), MOST_COUNTED), first=jobs[0].place)
            for checkpoint, jobs in waiting.items()
        ]

    def of_checkpoint(self, checkpoint: str | None, priority: int) -> Iterator[Candidate]:
        """Those of this priority that name this checkpoint, letter by letter, by place."""
        return (
            _candidate(job)
            for job in self._jobs
            if (job.priority, job.checkpoint) == (priority, checkpoint)
        )


def _candidate(job: Job) -> Candidate:
    return Candidate(
        id=job.id,
        target=job.target,
        priority=job.priority,
        number=job.number,
        created_at=job.created_at,
        checkpoint=job.checkpoint,
        place=job.place,
        effort=job.effort,
        client_id=job.client_id,
        requirements=job.requirements if is_for_any(job.target) else None,
        avoids=job.avoids,
    )
