"""Whether somebody else has interrupted a job: Forge answers as if nothing had happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stablequeue_core.backends.forge.tasks import Tasks
from stablequeue_core.errors import AnswerLost, BackendError, ForeignInterrupt, WrongResult
from stablequeue_core.transport import Abort

_LOOKS = 3
_PAUSE = 0.2
"""So often, and after so many seconds, a server that has just made a picture is asked again."""


class Interrupts:
    """What was seen of interrupts on one server. Safe to use from several threads at once."""

    def __init__(self, tasks: Tasks, server: str) -> None:
        self._tasks = tasks
        self._server = server
        self._seen: set[str] = set()

    def look(self, task_id: str) -> None:
        """Look for the mark of an interrupt, while this task is the active one.

        The mark is gone as soon as the next job begins.

        Raises:
            ServerUnreachable: the server cannot be asked now.
        """
        if _is_interrupted(self._tasks.state()):
            self._seen.add(task_id)

    def check(
        self,
        images: Sequence[str],
        info: Mapping[str, Any],
        count: int,
        task_id: str,
        abort: Abort,
    ) -> None:
        """An interrupted run answers 200 with unfinished pictures, or too few, and no mark.

        Raises:
            ForeignInterrupt: somebody pressed Interrupt.
            WrongResult: there are too few pictures, whoever it was.
            AnswerLost: the server cannot be asked.
        """
        state = self._state_afterwards(abort)
        ours = state.get("job_timestamp") == info.get("job_timestamp")
        seen = task_id in self._seen
        self._seen.discard(task_id)
        if seen or (ours and _is_interrupted(state)):
            raise ForeignInterrupt(
                f"Somebody interrupted the job on server {self._server!r}; its unfinished "
                "picture was thrown away."
            )
        if len(images) < count:
            raise WrongResult(
                "missing_images",
                f"Server {self._server!r} answered with {len(images)} of {count} pictures; "
                "perhaps somebody interrupted it.",
                count,
                len(images),
            )

    def _state_afterwards(self, abort: Abort) -> Mapping[str, Any]:
        """The server's state after a run; what cannot be asked is unknown, never all right."""
        for _ in range(_LOOKS):
            try:
                return self._tasks.state()
            except BackendError:
                abort.wait(_PAUSE)
        raise AnswerLost(
            f"Server {self._server!r} answered, but could not be asked whether somebody had "
            "interrupted the job."
        )


def _is_interrupted(state: Mapping[str, Any]) -> bool:
    return bool(state.get("interrupted") or state.get("skipped"))
