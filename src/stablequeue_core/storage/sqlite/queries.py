"""What is asked of the table of jobs, as constant text: SQLite prepares each but once."""

from __future__ import annotations

from functools import cache

from stablequeue_core.storage.sqlite.rows import ALL, CHANGING, GIVEN

_COLUMNS = ", ".join(ALL)

UPDATE = f"""
    UPDATE jobs SET {", ".join(f"{name} = ?" for name in CHANGING)} WHERE id = ? AND revision = ?
"""
DELETE = "DELETE FROM jobs WHERE id = ? AND revision = ?"
GET = f"SELECT {_COLUMNS} FROM jobs WHERE id = ?"
IS_THERE = "SELECT 1 FROM jobs WHERE id = ?"
NUMBERED = f"SELECT {_COLUMNS} FROM jobs WHERE number BETWEEN ? AND ? ORDER BY number"
PROCESSING = f"SELECT {_COLUMNS} FROM jobs WHERE status = 'processing' ORDER BY number"
# Two halves, because each has an index of its own; so have claims and counts.
OPEN_ON = f"""
    SELECT {_COLUMNS} FROM jobs
    WHERE status = 'pending' AND waits_for IS NULL AND target = :target
    UNION ALL
    SELECT {_COLUMNS} FROM jobs
    WHERE status = 'pending' AND waits_for IS NOT NULL AND target = :target
    UNION ALL
    SELECT {_COLUMNS} FROM jobs WHERE status = 'processing' AND target = :target
    ORDER BY number
"""
WAITING = f"""
    SELECT {_COLUMNS} FROM jobs INDEXED BY jobs_unsupplied
    WHERE status = 'pending' AND waits_for IS NOT NULL ORDER BY number
"""
RENEW = f"""
    UPDATE jobs SET leased_until = ? WHERE id = ? AND worker = ? AND status = 'processing'
    RETURNING {_COLUMNS}
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
    UNION ALL SELECT 'processing', count(*) FROM jobs WHERE status = 'processing'
    UNION ALL SELECT 'last', coalesce(max(number), 0) FROM jobs
"""
PAUSED = "SELECT value FROM queue WHERE name = 'paused'"
SET_PAUSED = "UPDATE queue SET value = ? WHERE name = 'paused'"

# Each half is read in the order of the index jobs_to_claim and stops when its reader does: SQLite
# merges them without sorting. `target IN (...)` would read every pending job first.
_CANDIDATE = """
    SELECT id, target, priority, number, created_at, checkpoint, requirements FROM jobs
    WHERE status = 'pending' AND waits_for IS NULL AND target = {target}
    AND (not_before IS NULL OR not_before <= :now)
"""
CANDIDATES = f"""
    {_CANDIDATE.format(target=":server")}
    UNION ALL
    {_CANDIDATE.format(target="'auto'")}
    ORDER BY priority DESC, number
"""
ANYTHING_DUE = """
    SELECT 1 FROM jobs INDEXED BY jobs_to_claim
    WHERE status = 'pending' AND waits_for IS NULL AND target IN (:server, 'auto')
    AND (not_before IS NULL OR not_before <= :now) LIMIT 1
"""
NEXT_DUE = """
    SELECT min(not_before) FROM jobs
    WHERE status = 'pending' AND waits_for IS NULL AND not_before IS NOT NULL
    AND target IN (?, 'auto')
"""
POSITION = """
    SELECT (
        SELECT count(*) FROM jobs AS higher
        WHERE higher.status = 'pending' AND higher.waits_for IS NULL
        AND higher.target = job.target
        AND higher.priority > job.priority
    ) + (
        SELECT count(*) FROM jobs AS older
        WHERE older.status = 'pending' AND older.waits_for IS NULL
        AND older.target = job.target
        AND older.priority = job.priority AND older.number < job.number
    )
    FROM jobs AS job WHERE job.id = ? AND job.status = 'pending'
"""


@cache
def add_jobs(count: int) -> str:
    """Add so many jobs at once; each gets the next number."""
    row = f"({', '.join('?' for _ in GIVEN)})"
    return f"INSERT INTO jobs ({', '.join(GIVEN)}) VALUES {', '.join([row] * count)}"


def page(*, newest_first: bool, of_status: bool) -> str:
    """One page of the list: counted off in an index, then only its own jobs are read."""
    where = "WHERE status = ?" if of_status else ""
    order = "created_at DESC, id DESC" if newest_first else "created_at, id"
    return f"""
        SELECT {_COLUMNS} FROM jobs WHERE number IN (
            SELECT number FROM jobs {where} ORDER BY {order} LIMIT ? OFFSET ?
        ) ORDER BY {order}
    """
