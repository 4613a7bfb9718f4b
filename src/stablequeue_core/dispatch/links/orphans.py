"""Tasks of ours that a server may still be working on although nobody waits for them any more."""

from __future__ import annotations

import logging
from collections.abc import Callable

from stablequeue_core.backends import Backend, TaskState
from stablequeue_core.jobs import AttemptOutcome, Job
from stablequeue_core.transport import Abort

logger = logging.getLogger(__name__)


def orphan_of(job: Job) -> str | None:
    """The task that an earlier attempt on the same server may have left running there.

    An attempt that found the server unreachable ran nothing, so the one before it counts.
    """
    here = job.server
    for attempt in reversed(job.attempts[:-1]):
        if attempt.server == here and attempt.outcome is not AttemptOutcome.UNREACHABLE:
            return attempt.task_id if attempt.outcome is AttemptOutcome.LOST else None
    return None


def has_stopped(backend: Backend, task_id: str) -> bool:
    """Whether the server works on ``task_id`` no more; one look, and an interrupt if it does.

    Raises:
        BackendError: the server cannot be asked now.
    """
    state = backend.task(task_id).state
    if state is TaskState.ACTIVE and backend.interrupt(task_id):
        logger.info("Interrupted task %s, for which nobody waits any more.", task_id)
    return state in (TaskState.COMPLETED, TaskState.UNKNOWN)


def settle(
    backend: Backend,
    task_id: str,
    *,
    poll: float,
    abort: Abort,
    is_vain: Callable[[], bool] = lambda: False,
) -> None:
    """Return when the server works on ``task_id`` no more: interrupted, or never heard of.

    Its pictures are lost to us in any case, so it is interrupted rather than waited for; only
    while it is the active task, so that nobody else's job is hit. While it waits in the server's
    own queue, we wait too.

    Args:
        backend: speaks with the server.
        task_id: the task that was left behind.
        poll: seconds between two looks.
        abort: makes it return at once.
        is_vain: whether nobody wants to know any more; asked before each look.

    Raises:
        ServerUnreachable: the server cannot be asked now.
    """
    while not (abort.pulled or is_vain()):
        if has_stopped(backend, task_id):
            return
        abort.wait(poll)
