"""How far each running job of this process is."""

from __future__ import annotations

import threading
from typing import Any

from attrs import evolve

from stablequeue_core.announcer import Announcer
from stablequeue_core.clock import Clock
from stablequeue_core.events import Event, EventKind
from stablequeue_core.generation import Phase, Progress
from stablequeue_core.jobs import Job


class ProgressBoard:
    """How far each running job is; tells listeners when it changes. Safe for several threads."""

    def __init__(self, announcer: Announcer, clock: Clock) -> None:
        self._announcer = announcer
        self._clock = clock
        self._lock = threading.Lock()
        self._progress: dict[str, Progress] = {}

    def of(self, job_id: str) -> Progress | None:
        """How far the job is; None when it does not run here."""
        return self._progress.get(job_id)

    def put(self, job: Job, progress: Progress) -> bool:
        """Write down what was seen; whether the job has moved on since the last time.

        For one attempt the fraction never goes back: the server's returns to zero between two
        pictures and at the end.
        """
        with self._lock:
            before = self._progress.get(job.id)
            if before is not None and progress.fraction < before.fraction:
                progress = evolve(progress, fraction=before.fraction)
            self._progress[job.id] = progress
        if before is not None and (before.fraction, before.phase) == (
            progress.fraction,
            progress.phase,
        ):
            return False
        self._tell(job, progress)
        return True

    def finish(self, job: Job) -> None:
        """The job's pictures are there: tell the last of it."""
        if job.id in self._progress:
            self._tell(job, Progress(fraction=1.0, phase=Phase.FINISHED))

    def remove(self, job_id: str) -> None:
        """The job does not run here any more."""
        with self._lock:
            self._progress.pop(job_id, None)

    def _tell(self, job: Job, progress: Progress) -> None:
        data: dict[str, Any] = {
            "fraction": progress.fraction,
            "phase": progress.phase.value,
            "eta_seconds": progress.eta_seconds,
        }
        if job.part_of is not None:
            data["part_of"] = job.part_of
        self._announcer.announce(
            Event(
                kind=EventKind.JOB_PROGRESS,
                at=self._clock.now(),
                job_id=job.id,
                server=job.server,
                data=data,
            )
        )
