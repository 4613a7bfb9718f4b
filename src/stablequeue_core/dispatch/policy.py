"""Which job a server takes next. A function of values: it asks nobody and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from stablequeue_core.generation import Requirements
from stablequeue_core.jobs import AUTO, Candidate


def choose(
    candidates: Sequence[Candidate],
    *,
    now: datetime,
    bound: timedelta,
    is_loaded: Callable[[str | None], bool],
    can_run: Callable[[Requirements], bool],
) -> Candidate | None:
    """The next job among ``candidates``, which come highest priority first, then oldest.

    Priority decides. Within it a job whose checkpoint the server has loaded goes first, because a
    switch costs more than a picture; but once the oldest job has waited for ``bound``, it goes.

    Args:
        candidates: jobs that may run now, on this server or on any.
        now: the time.
        bound: how long a job may wait because others fit the loaded checkpoint better.
        is_loaded: whether the server has this checkpoint (or, for None, any) in its memory.
        can_run: whether the server has all that a job for any server needs.

    Returns:
        one of them; None when none can run here.
    """
    oldest: Candidate | None = None
    for candidate in candidates:
        if oldest is not None and candidate.priority != oldest.priority:
            break
        if not _may_run(candidate, can_run):
            continue
        if oldest is None:
            oldest = candidate
            if now - oldest.created_at >= bound:
                break
        if is_loaded(candidate.checkpoint):
            return candidate
    return oldest


def _may_run(candidate: Candidate, can_run: Callable[[Requirements], bool]) -> bool:
    """Whoever named a server has chosen; a job for any goes where all is there that it needs."""
    return (
        candidate.target != AUTO
        or candidate.requirements is None
        or can_run(candidate.requirements)
    )
