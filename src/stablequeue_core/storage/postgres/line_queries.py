"""What is asked of the line of those who may be claimed, for so many targets at once."""

from __future__ import annotations

from functools import cache

from stablequeue_core.jobs.line import MOST_COUNTED
from stablequeue_core.storage.postgres.placeholders import by_position
from stablequeue_core.storage.rows.jobs import ALL, CANDIDATE

FIRST_LOOK = 4
"""So many candidates are read at first: mostly one of them is taken."""

_CANDIDATE = ", ".join(CANDIDATE)

_IN_LINE = """
    ready IS NOT NULL AND (not_before IS NULL OR not_before <= %(now)s) AND target = {target}
"""
_ORDER = "priority DESC, place, number"

# Hops from one checkpoint to the next inside the index, and counts no further than it needs to.
_BACKLOGS = f"""
    WITH RECURSIVE hop (checkpoint) AS (
        (
            SELECT checkpoint FROM jobs
            WHERE ready IS NOT NULL AND target = {{target}} AND priority = %(priority)s
            ORDER BY checkpoint LIMIT 1
        )
        UNION ALL
        SELECT (
            SELECT jobs.checkpoint FROM jobs
            WHERE ready IS NOT NULL AND target = {{target}} AND priority = %(priority)s
            AND jobs.checkpoint > hop.checkpoint ORDER BY jobs.checkpoint LIMIT 1
        ) FROM hop WHERE hop.checkpoint IS NOT NULL
    ), named AS (
        SELECT checkpoint FROM hop WHERE checkpoint IS NOT NULL
    )
    SELECT named.checkpoint, waiting.* FROM named CROSS JOIN LATERAL (
        SELECT count(*), min(place) FROM (
            SELECT place FROM jobs
            WHERE {_IN_LINE} AND priority = %(priority)s AND jobs.checkpoint = named.checkpoint
            ORDER BY place LIMIT {MOST_COUNTED}
        ) AS some_of_them
    ) AS waiting
    UNION ALL
    SELECT NULL, count(*), min(place) FROM (
        SELECT place FROM jobs
        WHERE {_IN_LINE} AND priority = %(priority)s AND checkpoint IS NULL
        ORDER BY checkpoint, place LIMIT {MOST_COUNTED}
    ) AS some_of_them
"""


# Each target's part is read in the order of an index, and no further than the whole needs.


@cache
def in_order(targets: int) -> str:
    """Highest priority first, then by place."""
    return _merged(targets, "")


@cache
def beginning(targets: int) -> str:
    """The first few, and of the very first the whole row: mostly that one is taken.

    The values have numbers: the time, and each target.
    """
    columns = ", ".join(f"head.{name}" for name in ALL)
    # The limit itself, so that PostgreSQL knows how few they are when it plans. For all but the
    # first it looks for the number NULL, which needs no look into the table.
    line = _merged(targets, "", most=str(FIRST_LOOK), page=f"LIMIT {FIRST_LOOK}")
    statement = f"""
        SELECT line.*, {columns} FROM (
            SELECT *, row_number() OVER (ORDER BY {_ORDER}) AS turn FROM ({line}) AS first_ones
        ) AS line LEFT JOIN jobs AS head
        ON head.number = CASE line.turn WHEN 1 THEN line.number END
        ORDER BY line.turn
    """
    return by_position(statement, ("now", *(f"target{n}" for n in range(targets))))


STILL_THERE = f"""
    SELECT {", ".join(ALL)} FROM jobs WHERE id = %(id)s AND {_IN_LINE.format(target="%(target)s")}
"""
"""One that was in the line, if it has not left it meanwhile, for another target or for none."""


@cache
def of_checkpoint(targets: int, is_named: bool) -> str:
    """Those of one priority that name one checkpoint, or none."""
    if is_named:
        same, order = "checkpoint = %(checkpoint)s", _ORDER
    else:
        # They are all alike; it is said so that PostgreSQL sees the order of its index in it.
        same, order = "checkpoint IS NULL", "priority DESC, checkpoint, place, number"
    return _merged(targets, f"AND priority = %(priority)s AND {same}", order=order)


@cache
def backlogs(targets: int) -> str:
    """How many of one priority name each checkpoint, and the place of the first; by target."""
    return " UNION ALL ".join(
        f"({_BACKLOGS.format(target=f'%(target{n})s')})" for n in range(targets)
    )


def _merged(
    targets: int,
    condition: str,
    *,
    order: str = _ORDER,
    most: str = "%(limit)s::int8 + %(offset)s::int8",
    page: str = "LIMIT %(limit)s OFFSET %(offset)s",
) -> str:
    parts = " UNION ALL ".join(
        f"(SELECT {_CANDIDATE} FROM jobs WHERE {_IN_LINE.format(target=f'%(target{n})s')} "
        f"{condition} ORDER BY {order} LIMIT {most})"
        for n in range(targets)
    )
    return f"SELECT * FROM ({parts}) AS line ORDER BY {order} {page}"
