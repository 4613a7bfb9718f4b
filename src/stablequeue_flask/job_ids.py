"""The ids of jobs as people type them: their beginnings, which the names of pictures begin with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import click

from stablequeue_core import Job, StableQueue
from stablequeue_core.errors import JobNotFound
from stablequeue_core.serialization import to_iso
from stablequeue_flask.plain_text import printable

SHORTEST = 4
"""So many characters of an id must be given."""

SHOWN = 8
"""So many are shown, as in the names of pictures."""

MOST_CANDIDATES = 5
_PAGE = 1000
_LENGTHS = (SHOWN, 13, 18, 23)
"""After which an id can be cut: where its dashes are."""


class JobFinder:
    """Finds jobs by the beginnings of their ids.

    Args:
        queue: whose jobs.
    """

    def __init__(self, queue: StableQueue) -> None:
        self._queue = queue
        self._ids: Sequence[str] | None = None

    def find(self, text: str) -> Job:
        """The job with this id, or the only one whose id begins so.

        Raises:
            JobNotFound: there is none.
            click.ClickException: several begin so, or the beginning is too short.
        """
        try:
            return self._queue.get(text)
        except JobNotFound:
            if len(text) < SHORTEST:
                raise click.ClickException(
                    f"{printable(text)!r} is too short: give at least the first {SHORTEST} "
                    "characters of a job's id."
                ) from None
            if self._ids is None:
                self._ids = list(dict.fromkeys(_ids(self._queue)))
            matches = [each for each in self._ids if each.startswith(text.lower())]
            if not matches:
                raise
        if len(matches) > 1:
            raise click.ClickException(_which(text, matches, self._queue))
        return self._queue.get(matches[0])


def short_id(job_id: str) -> str:
    """As much of an id as people need."""
    return job_id[:SHOWN]


def short_ids(job_ids: Iterable[str]) -> Sequence[str]:
    """The same of several that are shown together, long enough to tell them apart.

    Example:
        >>> short_ids(["88615c9d-71ec-4803", "067c2def-0b3b-4ef1"])
        ['88615c9d', '067c2def']
        >>> short_ids(["88615c9d-71ec-4803", "88615c9d-0b3b-4ef1"])
        ['88615c9d-71ec', '88615c9d-0b3b']
    """
    ids = list(job_ids)
    for length in _LENGTHS:
        if len({each[:length] for each in ids}) == len(ids):
            return [each[:length] for each in ids]
    return ids


def _ids(queue: StableQueue) -> Iterator[str]:
    """Every id; some of them twice if jobs are submitted meanwhile."""
    offset = 0
    while jobs := queue.list(limit=_PAGE, offset=offset).jobs:
        yield from (job.id for job in jobs)
        # Newest first: what is new moves the others on, and none is passed by.
        offset += len(jobs)


def _which(text: str, matches: Sequence[str], queue: StableQueue) -> str:
    jobs = [queue.get(each) for each in matches[:MOST_CANDIDATES]]
    named = ", ".join(f"{each.id} ({each.status}, {to_iso(each.created_at)})" for each in jobs)
    more = len(matches) - MOST_CANDIDATES
    others = f" and {more:,} more" if more > 0 else ""
    return (
        f"The ids of several jobs begin with {printable(text)!r}: {named}{others}. "
        "Give more of the id."
    )
