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
    eligible = [
        candidate
        for candidate in candidates
        if candidate.target != AUTO
        or candidate.requirements is None
        or can_run(candidate.requirements)
    ]
    if not eligible:
        return None
    oldest = eligible[0]
    if now - oldest.created_at >= bound:
        return oldest
    for candidate in eligible:
        if candidate.priority != oldest.priority:
            break
        if is_loaded(candidate.checkpoint):
            return candidate
    return oldest
