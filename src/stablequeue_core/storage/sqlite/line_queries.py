"""What is asked of the line of those who may be claimed.

Every SELECT reads an index in its order and stops when its reader does: SQLite merges one for each
target without sorting. `target IN (...)` would read every pending job first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from stablequeue_core.jobs import MOST_COUNTED
from stablequeue_core.storage.sqlite.places import CANDIDATE, PLACE

# Who is ready has had his time, but by the clock of whoever found out.
_IS_DUE = "(not_before IS NULL OR not_before <= :now)"


@cache
def in_order(targets: int) -> str:
    """The candidates for so many targets, ``:target0`` and so on."""
    return _merged(
        targets,
        lambda target: (
            f"""
            SELECT {", ".join(CANDIDATE)} FROM jobs INDEXED BY jobs_to_claim
            WHERE ready = 1 AND target = {target} AND {_IS_DUE}
        """
        ),
        order="priority DESC, place, number",
    )


@cache
def of_checkpoint(targets: int) -> str:
    """Those of one ``:priority`` and ``:checkpoint``."""
    return _merged(
        targets,
        lambda target: (
            f"""
            SELECT {", ".join(CANDIDATE)} FROM jobs INDEXED BY jobs_by_checkpoint
            WHERE ready = 1 AND target = {target} AND priority = :priority
            AND checkpoint IS :checkpoint AND {_IS_DUE}
        """
        ),
        order="place, number",
    )


@cache
def anything_due(targets: int) -> str:
    """Whether one is ready, and whether one that waited for a time has become so."""
    names = ", ".join(f":target{place}" for place in range(targets))
    return f"""
        SELECT EXISTS (
            SELECT 1 FROM jobs INDEXED BY jobs_to_claim
            WHERE ready = 1 AND target IN ({names}) AND {_IS_DUE}
        ), EXISTS (
            SELECT 1 FROM jobs INDEXED BY jobs_with_a_time
            WHERE ready = 0 AND target IN ({names}) AND not_before <= :now
        )
    """


@cache
def make_ready(targets: int) -> str:
    """Let those into the line whose time has come."""
    names = ", ".join(f":target{place}" for place in range(targets))
    return f"""
        UPDATE jobs INDEXED BY jobs_with_a_time SET ready = 1
        WHERE ready = 0 AND target IN ({names}) AND not_before <= :now
    """


_OF_ONE_TARGET = "FROM jobs INDEXED BY jobs_by_checkpoint WHERE ready = 1 AND target = :target"
_OF_KNOWN = f"{_OF_ONE_TARGET} AND priority = :priority AND checkpoint IS known.checkpoint"

# Steps from one checkpoint to the next in the index; that of the jobs that name none comes first.
BACKLOGS = f"""
    WITH RECURSIVE known (checkpoint, step) AS (
        SELECT NULL, 0
        UNION ALL
        SELECT CASE step WHEN 0 THEN (
            SELECT min(checkpoint) {_OF_ONE_TARGET} AND priority = :priority
        ) ELSE (
            SELECT min(checkpoint) {_OF_ONE_TARGET} AND priority = :priority
            AND checkpoint > known.checkpoint
        ) END, step + 1
        FROM known WHERE step = 0 OR checkpoint IS NOT NULL
    )
    SELECT checkpoint,
        (SELECT count(*) FROM (SELECT 1 {_OF_KNOWN} AND {_IS_DUE} LIMIT {MOST_COUNTED})),
        (SELECT {PLACE} {_OF_KNOWN} AND {_IS_DUE} ORDER BY {PLACE} LIMIT 1)
    FROM known WHERE step = 0 OR checkpoint IS NOT NULL
"""


def _merged(targets: int, select: Callable[[str], str], *, order: str) -> str:
    selects = (select(f":target{place}") for place in range(targets))
    return f"{' UNION ALL '.join(selects)} ORDER BY {order}"
