"""Follows tasks on one server: where they are, what runs, and how to stop one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from stablequeue_core.backends.base import TaskReport, TaskState
from stablequeue_core.backends.forge.client import PROGRESS, TASK_PROGRESS, ForgeClient
from stablequeue_core.generation import Phase, Progress

LOADING_PROGRESS = 0.01
"""What Forge answers for the whole time of loading and hashing a model."""


class Tasks:
    """The tasks of one server. Safe to use from several threads at once."""

    def __init__(self, client: ForgeClient) -> None:
        self._client = client

    def report(self, task_id: str) -> TaskReport:
        """Where the server has this task.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """
        body = {"id_task": task_id, "live_preview": False}
        response = self._client.send("POST", TASK_PROGRESS, body)
        if response.status == 404:
            # With --nowebui there is no /internal: all that can be told is whether something runs.
            return self._without_ids()
        said = _object(self._client.read(response))
        if said.get("active"):
            return self._active(said)
        if said.get("queued"):
            return TaskReport(state=TaskState.QUEUED, progress=Progress(phase=Phase.QUEUED))
        if said.get("completed"):
            done = Progress(fraction=1.0, phase=Phase.FINISHED)
            return TaskReport(state=TaskState.COMPLETED, progress=done)
        # It never heard of it, or forgot: it remembers the last 16.
        return TaskReport(state=TaskState.UNKNOWN)

    def interrupt(self, task_id: str) -> bool:
        """Stop this task if it is the active one; whether an interrupt was sent.

        Forge's interrupt has no task id and hits whatever runs, so it is asked right before.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """
        if self.report(task_id).state is not TaskState.ACTIVE:
            return False
        self._client.post("/sdapi/v1/interrupt", {})
        return True

    def state(self) -> Mapping[str, Any]:
        """What the server says of the run that is under way, or of the last one.

        Raises:
            ServerUnreachable: it cannot be asked now.
        """
        return _object(_object(self._client.get(PROGRESS)).get("state"))

    def _active(self, said: Mapping[str, Any]) -> TaskReport:
        fraction = _number(said.get("progress"))
        # A task that failed stays "active, 0.0" until another one starts.
        if not fraction and not self.state().get("job"):
            return TaskReport(state=TaskState.UNKNOWN)
        progress = _progress(fraction)
        eta = _number(said.get("eta")) if progress.phase is Phase.SAMPLING else 0.0
        return TaskReport(
            state=TaskState.ACTIVE,
            progress=Progress(
                fraction=progress.fraction, phase=progress.phase, eta_seconds=eta or None
            ),
        )

    def _without_ids(self) -> TaskReport:
        said = _object(self._client.get(PROGRESS))
        if not _object(said.get("state")).get("job"):
            return TaskReport(state=TaskState.UNKNOWN)
        return TaskReport(state=TaskState.BUSY, progress=_progress(_number(said.get("progress"))))


def _progress(fraction: float) -> Progress:
    phase = Phase.LOADING if fraction <= LOADING_PROGRESS else Phase.SAMPLING
    return Progress(fraction=fraction, phase=phase)


def _object(said: object) -> Mapping[str, Any]:
    return said if isinstance(said, Mapping) else {}


def _number(value: object) -> float:
    """A number, also as text; 0 for all else."""
    try:
        number = float(value) if isinstance(value, int | float | str) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    return number if math.isfinite(number) else 0.0
