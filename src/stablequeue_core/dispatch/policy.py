"""Which job a server takes next. Functions of values: they ask nobody and change nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
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
    may_fetch: Callable[[Requirements], bool],
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
        may_fetch: whether what it lacks is to be fetched, see :func:`lacks_least`; asked only for
            a job that allows it.

    Returns:
        one of them; None when none can run here.
    """
    oldest: Candidate | None = None
    for candidate in candidates:
        if oldest is not None and candidate.priority != oldest.priority:
            break
        if not _may_run(candidate, can_run, may_fetch):
            continue
        if oldest is None:
            oldest = candidate
            if now - oldest.created_at >= bound:
                break
        if is_loaded(candidate.checkpoint):
            return candidate
    return oldest


def lacks_least(server: str, shortages: Mapping[str, float | None]) -> bool:
    """Whether a job for any server, which none can run, shall have its models fetched for this one.

    Args:
        server: its alias.
        shortages: for each server, how many files it lacks: 0 when it can run the job, infinity
            when it lacks something that is no file, None when that is not known.

    Example:
        >>> lacks_least("Laptop", {"Laptop": 1, "Desktop": 2})
        True
        >>> lacks_least("Laptop", {"Laptop": 1, "Desktop": None})
        False
    """
    known = [shortage for shortage in shortages.values() if shortage is not None]
    # A server of which that is not known may be the one that can run it.
    if len(known) < len(shortages):
        return False
    least = min(known, default=0.0)
    return 0 < least < math.inf and shortages.get(server) == least


def _may_run(
    candidate: Candidate,
    can_run: Callable[[Requirements], bool],
    may_fetch: Callable[[Requirements], bool],
) -> bool:
    """Whoever named a server has chosen; a job for any goes where all is there that it needs."""
    needs = candidate.requirements
    if candidate.target != AUTO or needs is None:
        return True
    return can_run(needs) or (needs.may_fetch and may_fetch(needs))
