"""The server's one global ``state``, its task ids, and the arithmetic of progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field

REMEMBERED_TASKS = 16
STEPS_BETWEEN_PREVIEWS = 10


@define
class ProgressState:
    """What ``GET /sdapi/v1/progress`` shows; most of it stays as the last job left it."""

    skipped: bool = False
    interrupted: bool = False
    job: str = ""
    job_count: int = 0
    job_timestamp: str = "0"
    job_no: int = 0
    sampling_step: int = 0
    sampling_steps: int = 0
    started_at: float | None = None
    preview_step: int = 0
    previews: int = 0
    preview: str | None = None

    def begin(self, job: str, timestamp: str, now: float) -> None:
        """A job begins: an interrupt that came before it is forgotten."""
        self.skipped = False
        self.interrupted = False
        self.job = job
        self.job_count = -1
        self.job_timestamp = timestamp
        self.job_no = 0
        self.sampling_step = 0
        self.started_at = now
        self.preview_step = 0
        self.previews = 0
        self.preview = None

    def next_job(self) -> None:
        """One pass of the job is done."""
        self.job_no += 1
        self.sampling_step = 0
        self.preview_step = 0

    def end(self) -> None:
        """The job is over; only these two are reset."""
        self.job = ""
        self.job_count = 0

    def look(self, paint: Callable[[int], str]) -> None:
        """Paint a new live preview, if enough steps have been made since the last one."""
        if self.sampling_step - self.preview_step >= STEPS_BETWEEN_PREVIEWS:
            self.preview_step = self.sampling_step
            self.previews += 1
            self.preview = paint(self.previews)

    def fraction(self) -> float:
        """How much of the job's passes is done, from 0 to 1; 0 while the model is loading."""
        if self.job_count <= 0:
            return 0.0
        done = self.job_no / self.job_count
        if self.sampling_steps > 0:
            done += 1 / self.job_count * self.sampling_step / self.sampling_steps
        return min(done, 1)

    def eta(self, progress: float, now: float) -> float | None:
        """Seconds that are left, by a rule of three that is rubbish at the start."""
        if not progress or self.started_at is None:
            return None
        elapsed = now - self.started_at
        return elapsed / progress - elapsed

    def as_json(self, now: float, current_image: str | None) -> dict[str, Any]:
        """The answer of ``GET /sdapi/v1/progress``; it never names a task."""
        running = self.job_count != 0
        progress = min(0.01 + self.fraction(), 1) if running else 0.0
        return {
            "progress": progress,
            "eta_relative": (self.eta(progress, now) or 0.0) if running else 0.0,
            "state": {
                "skipped": self.skipped,
                "interrupted": self.interrupted,
                "stopping_generation": False,
                "job": self.job,
                "job_count": self.job_count,
                "job_timestamp": self.job_timestamp,
                "job_no": self.job_no,
                "sampling_step": self.sampling_step,
                "sampling_steps": self.sampling_steps,
            },
            "current_image": current_image if running else None,
            "textinfo": None,
        }


@define
class TaskIds:
    """Which task is queued, active or completed, as far as Forge remembers."""

    current: str | None = None
    pending: dict[str, None] = field(factory=dict)
    finished: list[str] = field(factory=list)

    def enqueue(self, task_id: str) -> None:
        """A request waits for its turn."""
        self.pending[task_id] = None

    def start(self, task_id: str) -> None:
        """Its turn has come."""
        self.current = task_id
        self.pending.pop(task_id, None)

    def finish(self, task_id: str) -> None:
        """It is done; never called for a failed task, which stays ``current``."""
        if self.current == task_id:
            self.current = None
        self.finished.append(task_id)
        del self.finished[:-REMEMBERED_TASKS]

    def status(self, task_id: str | None) -> dict[str, Any]:
        """The part of ``POST /internal/progress`` that is about the task alone."""
        queued = task_id in self.pending
        place = list(self.pending).index(str(task_id)) + 1 if queued else 0
        return {
            "active": task_id == self.current,
            "queued": queued,
            "completed": task_id in self.finished,
            "progress": None,
            "eta": None,
            "live_preview": None,
            "id_live_preview": -1,
            "textinfo": f"In queue: {place}/{len(self.pending)}" if queued else "Waiting...",
        }
