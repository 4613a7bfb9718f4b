"""The tables, and the steps that lead to them from every earlier version."""

from __future__ import annotations

import sqlite3

from stablequeue_core.errors import StorageTooNew
from stablequeue_core.storage.sqlite.faults import incomplete, not_ours

APPLICATION_ID = 0x53745175
"""In the header of each of our files ("StQu"), so that nobody else's is mistaken for ours."""

_FIRST = (
    # What the claim, the list and the counters need has columns of its own; the rest is JSON.
    # Times are milliseconds since 1970.
    """
    CREATE TABLE jobs (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        revision INTEGER NOT NULL,
        status TEXT NOT NULL,
        target TEXT NOT NULL,
        priority INTEGER NOT NULL,
        checkpoint TEXT,
        requirements TEXT,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        ended_at INTEGER,
        seed INTEGER,
        subseed INTEGER,
        not_before INTEGER,
        cancel_requested INTEGER NOT NULL,
        failures INTEGER NOT NULL,
        worker TEXT,
        leased_until INTEGER,
        waiting_reason TEXT,
        params TEXT NOT NULL,
        attempts TEXT,
        result TEXT,
        failure TEXT
    )
    """,
    # The two lists: pages are counted off inside the index, without touching a job.
    "CREATE INDEX jobs_by_age ON jobs (created_at, id)",
    "CREATE INDEX jobs_by_status_and_age ON jobs (status, created_at, id)",
    # The claim: only what is pending is in it, in the order in which it is to run.
    """
    CREATE INDEX jobs_to_claim ON jobs (target, priority DESC, number)
    WHERE status = 'pending'
    """,
    """
    CREATE INDEX jobs_waiting ON jobs (target, not_before)
    WHERE status = 'pending' AND not_before IS NOT NULL
    """,
    # What is known of the whole queue: whether it is paused, how many jobs have ended how, and how
    # many numbers are missing between the first job and the last. From these and the last number
    # the rest follows (see COUNTS), so that nobody has to count jobs, and adding one costs nothing.
    "CREATE TABLE queue (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO queue VALUES ('paused', 0), ('completed', 0), ('failed', 0), ('cancelled', 0)",
    "INSERT INTO queue VALUES ('gaps', 0)",
    """
    CREATE TRIGGER job_submitted AFTER INSERT ON jobs WHEN NEW.status = 'pending' BEGIN
        INSERT INTO events (kind, at, job_id, server, data)
        VALUES ('job.submitted', NEW.updated_at, NEW.id, NEW.target, '{"status":"pending"}');
    END
    """,
    """
    CREATE TRIGGER ended_job_added AFTER INSERT ON jobs
    WHEN NEW.status NOT IN ('pending', 'processing') BEGIN
        UPDATE queue SET value = value + 1 WHERE name = NEW.status;
    END
    """,
    """
    CREATE TRIGGER job_moved AFTER UPDATE OF status ON jobs WHEN NEW.status <> OLD.status BEGIN
        UPDATE queue SET value = value - 1 WHERE name = OLD.status;
        UPDATE queue SET value = value + 1 WHERE name = NEW.status;
    END
    """,
    # Without the last job, the gap before it is none any more: its numbers are given out again.
    """
    CREATE TRIGGER job_removed AFTER DELETE ON jobs BEGIN
        UPDATE queue SET value = value - 1 WHERE name = OLD.status;
        UPDATE queue SET value = CASE
            WHEN OLD.number < (SELECT max(number) FROM jobs) THEN value + 1
            ELSE value - (OLD.number - 1 - (SELECT coalesce(max(number), 0) FROM jobs))
        END WHERE name = 'gaps';
    END
    """,
    # A key led to the jobs numbered first to last: those of one call have numbers in a row.
    """
    CREATE TABLE idempotency_keys (
        first INTEGER PRIMARY KEY,
        last INTEGER NOT NULL,
        key TEXT NOT NULL UNIQUE,
        digest TEXT NOT NULL
    )
    """,
    # Written once and never removed, so the numbers grow without the help of AUTOINCREMENT.
    """
    CREATE TABLE events (
        sequence INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        at INTEGER NOT NULL,
        job_id TEXT,
        server TEXT,
        data TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE servers (
        position INTEGER PRIMARY KEY,
        alias TEXT NOT NULL UNIQUE,
        api_url TEXT NOT NULL,
        username TEXT,
        password TEXT,
        enabled INTEGER NOT NULL,
        paused INTEGER NOT NULL,
        description TEXT
    )
    """,
    f"PRAGMA application_id = {APPLICATION_ID}",
)

_SECOND = (
    # What is searched has columns of its own, folded where case and Unicode form do not count; the
    # rest is JSON. Ids are not given twice, as people keep them. `size`, `mtime_ns` and
    # `version_id` have no type, because a number that SQLite cannot hold is kept as its digits.
    """
    CREATE TABLE models (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        root TEXT NOT NULL,
        path TEXT NOT NULL,
        missing INTEGER NOT NULL,
        folder TEXT NOT NULL,
        name TEXT NOT NULL,
        stem TEXT NOT NULL,
        family TEXT NOT NULL,
        base_name TEXT,
        card_base TEXT,
        size NOT NULL,
        mtime_ns NOT NULL,
        created_at INTEGER NOT NULL,
        format TEXT NOT NULL,
        sha256 TEXT,
        autov1 TEXT,
        autov3 TEXT,
        told TEXT,
        hash_source TEXT,
        version_id,
        base_model TEXT,
        words TEXT NOT NULL,
        more TEXT
    )
    """,
    "CREATE UNIQUE INDEX models_by_place ON models (root, path)",
    "CREATE INDEX models_by_folder ON models (root, folder)",
    # The list: its pages are counted off in here, and most filters need not look elsewhere.
    "CREATE INDEX models_in_order ON models (name, path, root, kind, missing)",
    "CREATE INDEX models_by_stem ON models (stem)",
    "CREATE INDEX models_by_sha256 ON models (sha256) WHERE sha256 IS NOT NULL",
    "CREATE INDEX models_by_autov1 ON models (autov1) WHERE autov1 IS NOT NULL",
    "CREATE INDEX models_by_autov3 ON models (autov3) WHERE autov3 IS NOT NULL",
    "CREATE INDEX models_by_told ON models (told) WHERE told IS NOT NULL",
    "CREATE INDEX models_by_version ON models (version_id) WHERE version_id IS NOT NULL",
    "CREATE INDEX models_lost ON models (size, mtime_ns) WHERE missing = 1",
    "CREATE INDEX models_to_hash ON models (size) WHERE sha256 IS NULL AND missing = 0",
    # How each folder looked when all of its models were known.
    """
    CREATE TABLE model_folders (
        root TEXT NOT NULL,
        folder TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        PRIMARY KEY (root, folder)
    ) WITHOUT ROWID
    """,
)

_THIRD = (
    # Which downloads a job waits for, and which it has waited for: JSON lists, NULL for none. Who
    # waits is in none of the indices of the claim: any number of them costs a claim nothing.
    "ALTER TABLE jobs ADD COLUMN waits_for TEXT",
    "ALTER TABLE jobs ADD COLUMN supplied_by TEXT",
    "DROP INDEX jobs_to_claim",
    """
    CREATE INDEX jobs_to_claim ON jobs (target, priority DESC, number)
    WHERE status = 'pending' AND waits_for IS NULL
    """,
    "DROP INDEX jobs_waiting",
    """
    CREATE INDEX jobs_due_later ON jobs (target, not_before)
    WHERE status = 'pending' AND waits_for IS NULL AND not_before IS NOT NULL
    """,
    """
    CREATE INDEX jobs_unsupplied ON jobs (target)
    WHERE status = 'pending' AND waits_for IS NOT NULL
    """,
    # What is searched has columns of its own, `place` folded, as case does not count; the rest is
    # JSON.
    """
    CREATE TABLE downloads (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        status TEXT NOT NULL,
        priority INTEGER NOT NULL,
        root TEXT NOT NULL,
        place TEXT NOT NULL,
        not_before INTEGER,
        more TEXT NOT NULL
    )
    """,
    "CREATE INDEX downloads_by_status ON downloads (status, number)",
    """
    CREATE INDEX downloads_to_claim ON downloads (priority DESC, number) WHERE status = 'queued'
    """,
    """
    CREATE INDEX downloads_open ON downloads (root, place)
    WHERE status IN ('queued', 'downloading', 'paused')
    """,
    # What Civitai answered about each: long, and never written again.
    """
    CREATE TABLE download_records (
        number INTEGER PRIMARY KEY REFERENCES downloads (number),
        record TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE identities (
        sha256 TEXT PRIMARY KEY,
        asked_at INTEGER,
        refreshed_at INTEGER,
        candidates TEXT,
        pinned TEXT
    ) WITHOUT ROWID
    """,
)

_FOURTH = (
    # Where a job stands, and why it stands in no line. `turn` is its place where that is not its
    # number, so that a new job need not know its number before it is kept. `ready` follows from
    # the rest: 1 for a pending job that may be claimed, 0 for one that waits for a time, NULL for
    # all that no server may have (held, without its models, made in parts, not pending).
    "ALTER TABLE jobs ADD COLUMN turn INTEGER",
    "ALTER TABLE jobs ADD COLUMN ready INTEGER",
    "ALTER TABLE jobs ADD COLUMN effort REAL NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN client_id TEXT",
    "ALTER TABLE jobs ADD COLUMN held INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN part_of TEXT",
    "ALTER TABLE jobs ADD COLUMN first_picture INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN parts TEXT",
    "ALTER TABLE jobs ADD COLUMN losses INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN avoids TEXT",
    """
    UPDATE jobs SET ready = CASE WHEN not_before IS NULL THEN 1 ELSE 0 END
    WHERE status = 'pending' AND waits_for IS NULL
    """,
    # The claim: by place, and by checkpoint. What is counted there is counted inside the index.
    "DROP INDEX jobs_to_claim",
    """
    CREATE INDEX jobs_to_claim ON jobs (target, priority DESC, coalesce(turn, number))
    WHERE ready = 1
    """,
    """
    CREATE INDEX jobs_by_checkpoint ON jobs (
        target, priority DESC, checkpoint, coalesce(turn, number), number, turn, not_before, effort
    ) WHERE ready = 1
    """,
    "DROP INDEX jobs_due_later",
    """
    CREATE INDEX jobs_with_a_time ON jobs (target, ready, not_before)
    WHERE ready IS NOT NULL AND not_before IS NOT NULL
    """,
    """
    CREATE INDEX jobs_in_parts ON jobs (number)
    WHERE parts IS NOT NULL AND status IN ('pending', 'processing')
    """,
    "CREATE INDEX jobs_aside ON jobs (target) WHERE status = 'pending' AND ready IS NULL",
    "CREATE INDEX jobs_at_the_front ON jobs (turn) WHERE turn < 1",
    # Clients that take turns. Only jobs that were added so are in here, or were caught up with: all
    # that wait and are numbered up to `in_turn` have their turn written down.
    """
    CREATE INDEX jobs_in_turn ON jobs (priority, turn) WHERE status = 'pending' AND turn >= 1
    """,
    """
    CREATE INDEX jobs_in_turn_of_client ON jobs (priority, client_id, turn)
    WHERE status = 'pending' AND turn >= 1
    """,
    "INSERT INTO queue VALUES ('in_turn', 0)",
    # One list for each status; all of them together are the list of everything. Parts of jobs have
    # lists of their own in the same index.
    "DROP INDEX jobs_by_age",
    "DROP INDEX jobs_by_status_and_age",
    "CREATE INDEX jobs_listed ON jobs (status, part_of, created_at, id)",
    "CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL AND part_of IS NULL",
    "DROP TRIGGER job_submitted",
    """
    CREATE TRIGGER job_submitted AFTER INSERT ON jobs WHEN NEW.status = 'pending' BEGIN
        INSERT INTO events (kind, at, job_id, server, data) VALUES (
            'job.submitted', NEW.updated_at, NEW.id, NEW.target,
            '{"status":"pending"' || coalesce(',"part_of":"' || NEW.part_of || '"', '') || '}'
        );
    END
    """,
    # What a new job waits for, and what it is a part of, is told with it. A key with NULL is left
    # out by json_patch.
    "DROP TRIGGER job_submitted",
    """
    CREATE TRIGGER job_submitted AFTER INSERT ON jobs WHEN NEW.status = 'pending' BEGIN
        INSERT INTO events (kind, at, job_id, server, data)
        VALUES ('job.submitted', NEW.updated_at, NEW.id, NEW.target, CASE
            WHEN coalesce(NEW.part_of, NEW.waits_for, NEW.waiting_reason) IS NULL
            THEN '{"status":"pending"}'
            ELSE json_patch('{"status":"pending"}', json_object(
                'reason', NEW.waiting_reason,
                'waits_for', json(NEW.waits_for),
                'part_of', NEW.part_of
            ))
        END);
    END
    """,
    # Parts are not counted: their numbers are gaps.
    """
    CREATE TRIGGER part_added AFTER INSERT ON jobs WHEN NEW.part_of IS NOT NULL BEGIN
        UPDATE queue SET value = value + 1 WHERE name = 'gaps';
    END
    """,
    "DROP TRIGGER ended_job_added",
    """
    CREATE TRIGGER ended_job_added AFTER INSERT ON jobs
    WHEN NEW.status NOT IN ('pending', 'processing') AND NEW.part_of IS NULL BEGIN
        UPDATE queue SET value = value + 1 WHERE name = NEW.status;
    END
    """,
    "DROP TRIGGER job_moved",
    """
    CREATE TRIGGER job_moved AFTER UPDATE OF status ON jobs
    WHEN NEW.status <> OLD.status AND NEW.part_of IS NULL BEGIN
        UPDATE queue SET value = value - 1 WHERE name = OLD.status;
        UPDATE queue SET value = value + 1 WHERE name = NEW.status;
    END
    """,
    "DROP TRIGGER job_removed",
    """
    CREATE TRIGGER job_removed AFTER DELETE ON jobs BEGIN
        UPDATE queue SET value = value - 1 WHERE name = OLD.status AND OLD.part_of IS NULL;
        UPDATE queue SET value = CASE
            WHEN OLD.number < (SELECT max(number) FROM jobs) THEN value + (OLD.part_of IS NULL)
            ELSE value - (OLD.number - (OLD.part_of IS NULL)
                - (SELECT coalesce(max(number), 0) FROM jobs))
        END WHERE name = 'gaps';
        UPDATE queue SET value = min(value, (SELECT coalesce(max(number), 0) FROM jobs))
        WHERE name = 'in_turn';
    END
    """,
    # A process of an older version that has the file open goes on writing, and knows nothing of
    # `ready`: what it accepts would wait for ever, and what it cancels would be claimed.
    """
    CREATE TRIGGER job_added_by_older_version AFTER INSERT ON jobs
    WHEN NEW.ready IS NULL AND NEW.status = 'pending'
    AND NEW.waits_for IS NULL AND NOT NEW.held AND NEW.parts IS NULL BEGIN
        UPDATE jobs SET ready = NEW.not_before IS NULL WHERE number = NEW.number;
    END
    """,
    """
    CREATE TRIGGER job_changed_by_older_version AFTER UPDATE OF status ON jobs
    WHEN (NEW.ready IS NULL) = (NEW.status = 'pending'
    AND NEW.waits_for IS NULL AND NOT NEW.held AND NEW.parts IS NULL) BEGIN
        UPDATE jobs SET ready = CASE WHEN NEW.ready IS NULL THEN NEW.not_before IS NULL END
        WHERE number = NEW.number;
    END
    """,
    # The tags of a server: a JSON list, NULL for none.
    "ALTER TABLE servers ADD COLUMN tags TEXT",
    """
    CREATE TABLE costs (
        server TEXT NOT NULL,
        family TEXT NOT NULL,
        pace REAL,
        load REAL,
        samples INTEGER NOT NULL,
        PRIMARY KEY (server, family)
    ) WITHOUT ROWID
    """,
    # All but the alias is JSON: the newest report is read whole or not at all.
    "CREATE TABLE reports (alias TEXT PRIMARY KEY, report TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE workers (worker TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
    # One row when the queue was moved to another storage, none otherwise.
    "CREATE TABLE moved (place TEXT NOT NULL, at INTEGER NOT NULL)",
)

STEPS: tuple[tuple[str, ...], ...] = (_FIRST, _SECOND, _THIRD, _FOURTH)
"""``STEPS[n]`` leads from version n to version n + 1. A released step is never changed."""

VERSION = len(STEPS)


def check(connection: sqlite3.Connection) -> int:
    """Look whether the file is ours to use, without changing anything.

    In a transaction only: another process may be making the tables at this moment.

    Returns:
        the version of its schema, 0 for an empty file.

    Raises:
        StorageTooNew: a newer version of this program wrote it.
        StorageCorrupt: it is a database of another program, or its version cannot be.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (application or found or tables):
        raise not_ours()
    if found > VERSION:
        raise StorageTooNew(found, VERSION)
    # Tables and version come together.
    if found < 0 or bool(found) != bool(tables):
        raise incomplete()
    return int(found)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the present version, in the transaction of the caller.

    Of several processes that open the same file at once, one does the work; the others wait for
    their turn and find it done.
    """
    for step in STEPS[check(connection) :]:
        for statement in step:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")
