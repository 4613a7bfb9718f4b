"""What is asked of the table of jobs, as constant text: SQLite prepares each but once."""

from __future__ import annotations

from functools import cache

from stablequeue_core.jobs import JobStatus
from stablequeue_core.storage.rows.jobs import CHANGING, GIVEN
from stablequeue_core.storage.sqlite.places import ALL, PLACE

_COLUMNS = ", ".join(ALL)

# Whoever has changed once has his turn written down: see IN_TURN.
UPDATE = f"""
    UPDATE jobs SET {", ".join(f"{name} = ?" for name in CHANGING)}, turn = {PLACE}
    WHERE id = ? AND revision = ?
"""
DELETE = "DELETE FROM jobs WHERE id = ? AND revision = ?"
GET = f"SELECT {_COLUMNS} FROM jobs WHERE id = ?"
IS_THERE = "SELECT 1 FROM jobs WHERE id = ?"
NUMBERED = f"SELECT {_COLUMNS} FROM jobs WHERE number BETWEEN ? AND ? ORDER BY number"
PROCESSING = f"SELECT {_COLUMNS} FROM jobs WHERE status = 'processing' ORDER BY number"
# Four parts, because each has an index of its own.
OPEN_ON = f"""
    SELECT {_COLUMNS} FROM jobs INDEXED BY jobs_to_claim WHERE ready = 1 AND target = :target
    UNION ALL
    SELECT {_COLUMNS} FROM jobs INDEXED BY jobs_with_a_time
    WHERE ready = 0 AND target = :target AND not_before IS NOT NULL
    UNION ALL
    SELECT {_COLUMNS} FROM jobs INDEXED BY jobs_aside
    WHERE status = 'pending' AND ready IS NULL AND target = :target
    UNION ALL
    SELECT {_COLUMNS} FROM jobs WHERE status = 'processing' AND target = :target
    ORDER BY number
"""
WAITING = f"""
    SELECT {_COLUMNS} FROM jobs INDEXED BY jobs_unsupplied
    WHERE status = 'pending' AND waits_for IS NOT NULL ORDER BY number
"""
IN_PARTS = f"""
    SELECT {_COLUMNS} FROM jobs INDEXED BY jobs_in_parts
    WHERE parts IS NOT NULL AND status IN ('pending', 'processing') ORDER BY number
"""
RENEW = f"""
    UPDATE jobs SET leased_until = ? WHERE id = ? AND worker = ? AND status = 'processing'
    RETURNING {_COLUMNS}
"""
_EVERY_STATUS = ", ".join(f"'{status}'" for status in JobStatus)
PARTS_OF = f"""
    SELECT {_COLUMNS} FROM jobs INDEXED BY jobs_listed
    WHERE status IN ({_EVERY_STATUS}) AND part_of = ? ORDER BY number
"""

ADD_KEY = "INSERT INTO idempotency_keys (first, last, key, digest) VALUES (?, ?, ?, ?)"
FIND_KEY = "SELECT first, last, digest FROM idempotency_keys WHERE key = ?"
DELETE_KEY = """
    DELETE FROM idempotency_keys
    WHERE first = (SELECT max(first) FROM idempotency_keys WHERE first <= :number)
    AND last >= :number
"""

COUNTS = """
    SELECT name, value FROM queue
    UNION ALL
    SELECT 'processing', count(*) FROM jobs WHERE status = 'processing' AND part_of IS NULL
    UNION ALL
    SELECT 'last', coalesce(max(number), 0) FROM jobs
"""
PAUSED = "SELECT value FROM queue WHERE name = 'paused'"
SET_PAUSED = "UPDATE queue SET value = ? WHERE name = 'paused'"

NEXT_DUE = """
    SELECT min(not_before) FROM jobs INDEXED BY jobs_with_a_time
    WHERE ready = ? AND target = ? AND not_before IS NOT NULL
"""

# Where a new job stands when clients take turns: behind the last one of its client, and behind the
# first of all.
CATCH_UP = """
    UPDATE jobs SET turn = number
    WHERE number > (SELECT value FROM queue WHERE name = 'in_turn')
    AND status = 'pending' AND turn IS NULL
"""
CAUGHT_UP = """
    UPDATE queue SET value = (SELECT coalesce(max(number), 0) FROM jobs) WHERE name = 'in_turn'
"""
FAIR_TURN = """
    SELECT 1 + max(
        (
            SELECT min(turn) FROM jobs INDEXED BY jobs_in_turn
            WHERE status = 'pending' AND turn >= 1 AND priority = :priority
        ),
        coalesce((
            SELECT max(turn) FROM jobs INDEXED BY jobs_in_turn_of_client
            WHERE status = 'pending' AND turn >= 1 AND priority = :priority
            AND client_id IS :client_id
        ), 0)
    )
"""
ADD_IN_TURN = f"""
    INSERT INTO jobs (turn, {", ".join(GIVEN)}) VALUES (?, {", ".join("?" for _ in GIVEN)})
"""
TURN_IS_NUMBER = "UPDATE jobs SET turn = number WHERE number = ?"
MOVE_TO_FRONT = """
    UPDATE jobs SET revision = revision + 1, turn = coalesce((
        SELECT min(turn) FROM jobs INDEXED BY jobs_at_the_front WHERE turn < 1
    ), 1) - 1
    WHERE id = ? AND revision = ?
"""

# Who is ready is counted in an index; few wait for a time. By another clock, who is ready may have
# to wait all the same.
POSITION = """
    SELECT (
        SELECT count(*) FROM jobs AS higher INDEXED BY jobs_to_claim
        WHERE higher.ready = 1 AND higher.target = job.target AND higher.priority > job.priority
    ) + (
        SELECT count(*) FROM jobs AS older INDEXED BY jobs_to_claim
        WHERE older.ready = 1 AND older.target = job.target AND older.priority = job.priority
        AND coalesce(older.turn, older.number) < coalesce(job.turn, job.number)
    ) + (
        SELECT count(*) FROM jobs AS equal INDEXED BY jobs_to_claim
        WHERE equal.ready = 1 AND equal.target = job.target AND equal.priority = job.priority
        AND coalesce(equal.turn, equal.number) = coalesce(job.turn, job.number)
        AND equal.number < job.number
    ) + (
        SELECT count(*) FROM jobs AS later INDEXED BY jobs_with_a_time
        WHERE later.ready = 0 AND later.target = job.target
        AND later.not_before <= max(:now, coalesce(job.not_before, :now))
        AND (-later.priority, coalesce(later.turn, later.number), later.number)
            < (-job.priority, coalesce(job.turn, job.number), job.number)
    ) - (
        SELECT count(*) FROM jobs AS early INDEXED BY jobs_with_a_time
        WHERE early.ready = 1 AND early.target = job.target
        AND early.not_before > max(:now, coalesce(job.not_before, :now))
        AND (-early.priority, coalesce(early.turn, early.number), early.number)
            < (-job.priority, coalesce(job.turn, job.number), job.number)
    )
    FROM jobs AS job WHERE job.id = :id AND job.status = 'pending'
"""
_IS_BEFORE = f"(:place IS NULL OR (-priority, {PLACE}, number) < (-:priority, :place, :number))"
WORK_BEFORE = f"""
    SELECT target, checkpoint, count(*), sum(effort), NULL FROM jobs INDEXED BY jobs_by_checkpoint
    WHERE ready = 1 AND (not_before IS NULL OR not_before <= :now) AND {_IS_BEFORE}
    GROUP BY target, priority, checkpoint
    UNION ALL
    SELECT target, checkpoint, count(*), sum(effort), CASE WHEN not_before > :now
    THEN max(not_before) END FROM jobs INDEXED BY jobs_with_a_time
    WHERE ready IS NOT NULL AND (ready = 0 OR not_before > :now)
    AND not_before <= coalesce(:due_by, not_before) AND {_IS_BEFORE}
    GROUP BY target, checkpoint, not_before > :now
"""

COUNT_ENDED_BEFORE = """
    SELECT count(*) FROM (
        SELECT 1 FROM jobs INDEXED BY jobs_ended
        WHERE ended_at IS NOT NULL AND part_of IS NULL AND ended_at < ? LIMIT ?
    )
"""
ENDED_FIRST = f"""
    SELECT {_COLUMNS} FROM jobs INDEXED BY jobs_ended
    WHERE ended_at IS NOT NULL AND part_of IS NULL ORDER BY ended_at, number LIMIT ?
"""
FORGET = f"{DELETE} AND status NOT IN ('pending', 'processing')"
NUMBERS_OF_PARTS = f"""
    SELECT number FROM jobs INDEXED BY jobs_listed
    WHERE status IN ({_EVERY_STATUS}) AND part_of = ?
"""
FORGET_NUMBER = "DELETE FROM jobs WHERE number = ?"


@cache
def add_jobs(count: int) -> str:
    """Add so many jobs at once; each gets the next number."""
    row = f"({', '.join('?' for _ in GIVEN)})"
    return f"INSERT INTO jobs ({', '.join(GIVEN)}) VALUES {', '.join([row] * count)}"


@cache
def page(*, newest_first: bool, status: JobStatus | None) -> str:
    """One page of the list: counted off in an index, then only its own jobs are read."""
    order = "created_at DESC, id DESC" if newest_first else "created_at, id"
    listed = " UNION ALL ".join(
        f"""
        SELECT number, created_at, id FROM jobs INDEXED BY jobs_listed
        WHERE status = '{each}' AND part_of IS NULL
        """
        for each in ([status] if status else JobStatus)
    )
    return f"""
        SELECT {_COLUMNS} FROM jobs WHERE number IN (
            SELECT number FROM ({listed} ORDER BY {order} LIMIT ? OFFSET ?)
        ) ORDER BY {order}
    """
