"""What is asked of the table of jobs, as constant text: each connection prepares each but once."""

from __future__ import annotations

from stablequeue_core.jobs import JobStatus
from stablequeue_core.storage.postgres.events import COLUMNS as EVENT_COLUMNS
from stablequeue_core.storage.postgres.events import COUNTED
from stablequeue_core.storage.rows.jobs import ALL, CHANGING, GIVEN

COLUMNS = ", ".join(ALL)


def _values(count: int) -> str:
    return ", ".join(["%s"] * count)


# A new job and what tells of it, as one statement: it waits for the disk once. The cast says what
# a NULL would leave open.
ADD_ONE = f"""
    WITH counted AS (
        UPDATE queue SET number = number + 1, sequence = sequence + 1 RETURNING number, sequence
    ), kept AS (
        INSERT INTO jobs ({COLUMNS})
        SELECT counted.number, counted.number, given.* FROM counted,
        (SELECT {{given}}) AS given
    ), told AS (
        INSERT INTO events (sequence, {EVENT_COLUMNS})
        SELECT counted.sequence, {_values(5)} FROM counted
    )
    SELECT number FROM counted
"""
_TYPES = {
    "created_at": "int8", "first_picture": "int8", "effort": "float8", "revision": "int8",
    "ready": "int2", "priority": "int8", "updated_at": "int8", "ended_at": "int8", "seed": "int8",
    "subseed": "int8", "not_before": "int8", "held": "bool", "cancel_requested": "bool",
    "failures": "int8", "losses": "int8", "leased_until": "int8",
}  # fmt: skip
ADD_ONE = ADD_ONE.format(given=", ".join(f"%s::{_TYPES.get(name, 'text')}" for name in GIVEN))
NUMBER_OF = "SELECT number FROM jobs WHERE id = %s"
NEXT_NUMBERS = """
    UPDATE queue SET number = number + %s, sequence = sequence + %s
    RETURNING number, sequence
"""
COPY_JOBS = f"COPY jobs ({COLUMNS}) FROM STDIN"
COPY_EVENTS = f"COPY events (sequence, {EVENT_COLUMNS}) FROM STDIN"
LOCK_QUEUE = "SELECT 1 FROM queue FOR UPDATE"

# What client stands where, of those that wait: the lowest place of all, and the last of its own.
PLACES = """
    SELECT min(place), max(place) FILTER (WHERE client_id IS NOT DISTINCT FROM %(client_id)s)
    FROM jobs WHERE status = 'pending' AND priority = %(priority)s AND place >= 1
"""

_REVISION = "id = %s AND revision = %s"
_CHANGES = ", ".join(f"{name} = %s" for name in CHANGING)
_TOLD = f"""
    told AS (
        INSERT INTO events (sequence, {EVENT_COLUMNS})
        SELECT sequence, {_values(5)} FROM counted
    )
    SELECT number FROM changed
"""
_ENDED = ("completed", "failed", "cancelled")


def _differences(before: str) -> str:
    """By how many each counter grows; ``before`` is the status that the job had."""
    return ", ".join(
        f"CASE WHEN jobs.part_of IS NULL THEN (jobs.status = '{status}')::int "
        f"- ({before} = '{status}')::int ELSE 0 END AS {status}"
        for status in _ENDED
    )


_ADDED = ", ".join(f"{status} = queue.{status} + changed.{status}" for status in _ENDED)

# The job is changed first and the counters last, so that nobody holds the counters who waits. A
# job of one revision has one status: what it was before can be read without a lock.
UPDATE = f"""
    WITH changed AS (
        UPDATE jobs SET {_CHANGES} FROM jobs AS before
        WHERE jobs.id = %s AND jobs.revision = %s
        AND before.number = jobs.number AND before.revision = jobs.revision
        RETURNING jobs.number, {_differences("before.status")}
    ), counted AS (
        UPDATE queue SET sequence = sequence + 1, {_ADDED} FROM changed RETURNING sequence
    ), {_TOLD}
"""
# Somebody else who is about to change the job is not waited for: he is faster. No job ends here.
CLAIM = f"""
    WITH changed AS (
        UPDATE jobs SET {_CHANGES}
        WHERE number = (
            SELECT number FROM jobs WHERE {_REVISION} FOR NO KEY UPDATE SKIP LOCKED
        ) RETURNING number
    ), counted AS (
        {COUNTED} WHERE EXISTS (SELECT FROM changed) RETURNING sequence
    ), {_TOLD}
"""
# Both on one way to the disk, or neither. Nobody is waited for who is about to change one of them:
# no row if the next job cannot be had, and no number if it is the ended one.
FINISH_AND_CLAIM = f"""
    WITH free AS MATERIALIZED (
        SELECT number FROM jobs WHERE {_REVISION} FOR NO KEY UPDATE SKIP LOCKED
    ), before AS MATERIALIZED (
        SELECT number, status FROM jobs WHERE {_REVISION} AND EXISTS (SELECT FROM free)
        FOR NO KEY UPDATE SKIP LOCKED
    ), changed AS (
        UPDATE jobs SET {_CHANGES} WHERE number = (SELECT number FROM before)
        RETURNING {_differences("(SELECT status FROM before)")}
    ), claimed AS (
        UPDATE jobs SET {_CHANGES}
        WHERE number = (SELECT number FROM free) AND EXISTS (SELECT FROM changed)
        RETURNING number
    ), counted AS (
        UPDATE queue SET sequence = sequence + 2, {_ADDED} FROM changed RETURNING sequence
    ), told AS (
        INSERT INTO events (sequence, {EVENT_COLUMNS})
        SELECT sequence - 1, {_values(5)} FROM counted
        UNION ALL
        SELECT sequence, %s, %s::int8, %s, %s, %s FROM counted
    )
    SELECT (SELECT number FROM claimed) FROM free
"""
STATION = "SELECT revision, updated_at, status, worker FROM jobs WHERE id = %s"

DELETE = f"DELETE FROM jobs WHERE {_REVISION} RETURNING number"
GET = f"SELECT {COLUMNS} FROM jobs WHERE id = %s"
IS_THERE = "SELECT 1 FROM jobs WHERE id = %s"
OF_IDS = f"SELECT {COLUMNS} FROM jobs WHERE id = ANY(%s::text[]) ORDER BY number"
NUMBERED = f"SELECT {COLUMNS} FROM jobs WHERE number BETWEEN %s AND %s ORDER BY number"
# Two halves, because each has an index of its own.
PROCESSING = f"""
    SELECT {COLUMNS} FROM jobs WHERE status = 'processing' AND part_of IS NULL
    UNION ALL
    SELECT {COLUMNS} FROM jobs WHERE status = 'processing' AND part_of IS NOT NULL
    ORDER BY number
"""
OPEN_ON = f"""
    SELECT {COLUMNS} FROM jobs WHERE ready IS NOT NULL AND target = %(target)s
    UNION ALL
    SELECT {COLUMNS} FROM jobs
    WHERE status = 'pending' AND ready IS NULL AND target = %(target)s
    UNION ALL
    SELECT {COLUMNS} FROM jobs
    WHERE status = 'processing' AND part_of IS NULL AND target = %(target)s
    UNION ALL
    SELECT {COLUMNS} FROM jobs
    WHERE status = 'processing' AND part_of IS NOT NULL AND target = %(target)s
    ORDER BY number
"""
WAITING = f"""
    SELECT {COLUMNS} FROM jobs
    WHERE status = 'pending' AND waits_for IS NOT NULL ORDER BY number
"""
IN_PARTS = f"""
    SELECT {COLUMNS} FROM jobs
    WHERE parts IS NOT NULL AND status IN ('pending', 'processing') ORDER BY number
"""
PARTS_OF = f"SELECT {COLUMNS} FROM jobs WHERE part_of = %s ORDER BY number"
RENEW = f"""
    UPDATE jobs SET leased_until = %s WHERE id = %s AND worker = %s AND status = 'processing'
    RETURNING {COLUMNS}
"""
NEXT_DUE = """
    SELECT min(not_before) FROM jobs
    WHERE ready IS NOT NULL AND not_before IS NOT NULL AND target = ANY(%s::text[])
"""
LOCK = f"SELECT number FROM jobs WHERE {_REVISION} FOR NO KEY UPDATE"
MOVE_TO_FRONT = f"""
    UPDATE jobs SET revision = revision + 1,
    place = coalesce((SELECT min(place) FROM jobs WHERE place < 1), 1) - 1
    WHERE id = %s RETURNING {COLUMNS}
"""

COUNTS = """
    SELECT (SELECT count(*) FROM jobs WHERE status = 'pending' AND part_of IS NULL),
    (SELECT count(*) FROM jobs WHERE status = 'processing' AND part_of IS NULL),
    completed, failed, cancelled FROM queue
"""
PAUSED = "SELECT paused FROM queue"
SET_PAUSED = "UPDATE queue SET paused = %s"

_BEFORE = """
    (priority > %(priority)s
    OR priority = %(priority)s AND (place, number) < (%(place)s, %(number)s))
"""
_IS_DUE_BY = "(not_before IS NULL OR not_before <= %(due_by)s)"
POSITION = f"""
    SELECT count(*) FROM jobs
    WHERE ready IS NOT NULL AND target = %(target)s AND {_BEFORE} AND {_IS_DUE_BY}
"""
# One sum of those that may start now, and one of those that wait for a time.
_IS_LATER = "coalesce(not_before > %(now)s, false)"
_SUMS = f"""
    SELECT target, checkpoint, count(*), sum(effort ORDER BY number),
    CASE WHEN {_IS_LATER} THEN max(not_before) END FROM jobs
    WHERE ready IS NOT NULL {{condition}} GROUP BY target, checkpoint, {_IS_LATER}
"""
WORK_BEFORE = _SUMS.format(condition=f"AND {_BEFORE} AND {_IS_DUE_BY}")
ALL_WORK = _SUMS.format(condition="")

_WORN_OUT = f"""
    SELECT {COLUMNS} FROM jobs JOIN (
        SELECT number FROM jobs WHERE ended_at IS NOT NULL AND part_of IS NULL {{condition}}
        ORDER BY ended_at, number LIMIT %(limit)s
    ) AS worn_out USING (number) ORDER BY ended_at, number
"""
WORN_OUT = _WORN_OUT.format(condition="")
WORN_OUT_BEFORE = _WORN_OUT.format(condition="AND ended_at < %(before)s")
ENDED = "SELECT completed + failed + cancelled FROM queue"
FORGET = """
    DELETE FROM jobs USING unnest(%s::text[], %s::int8[]) AS gone (id, revision)
    WHERE jobs.id = gone.id AND jobs.revision = gone.revision AND ended_at IS NOT NULL
    RETURNING jobs.id, jobs.number
"""
FORGET_PARTS = "DELETE FROM jobs WHERE part_of = ANY(%s::text[]) RETURNING number"
FORGET_KEYS = """
    DELETE FROM idempotency_keys WHERE first IN (
        SELECT used.first FROM unnest(%s::int8[]) AS gone (number) CROSS JOIN LATERAL (
            SELECT first, last FROM idempotency_keys WHERE first <= gone.number
            ORDER BY first DESC LIMIT 1
        ) AS used WHERE used.last >= gone.number
    )
"""

ADD_KEY = "INSERT INTO idempotency_keys (first, last, key, digest) VALUES (%s, %s, %s, %s)"
FIND_KEY = "SELECT first, last, digest FROM idempotency_keys WHERE key = %s"


def page(*, newest_first: bool, of_status: bool) -> str:
    """One page of the list: counted off in an index, then only its own jobs are read."""
    order = "created_at DESC, id DESC" if newest_first else "created_at, id"
    statuses = ["%(status)s"] if of_status else [f"'{status}'" for status in JobStatus]
    # Each list is read in its order, and no further than the page needs.
    lists = " UNION ALL ".join(
        f"(SELECT created_at, id FROM jobs WHERE status = {status} AND part_of IS NULL "
        f"ORDER BY {order} LIMIT %(limit)s::int8 + %(offset)s::int8)"
        for status in statuses
    )
    return f"""
        SELECT {COLUMNS} FROM jobs JOIN (
            SELECT id FROM ({lists}) AS listed ORDER BY {order} LIMIT %(limit)s OFFSET %(offset)s
        ) AS page USING (id) ORDER BY {order}
    """
