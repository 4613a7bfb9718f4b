"""The tables, and the steps that lead to them from every earlier version."""

from __future__ import annotations

from psycopg import sql

from stablequeue_core.errors import StorageCorrupt, StorageError, StorageTooNew
from stablequeue_core.storage.postgres.connecting import Address, Connected, quoted

_FIRST = (
    # One row: what is known of the whole queue. Each change that is told of counts `sequence` up as
    # the last thing before it is kept, and so holds the row until then: whoever sees an event sees
    # all that were numbered before it. How many jobs have ended how is counted here, as these are
    # too many to be counted for each list.
    """
    CREATE TABLE queue (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        sequence bigint NOT NULL DEFAULT 0,
        number bigint NOT NULL DEFAULT 0,
        download bigint NOT NULL DEFAULT 0,
        paused boolean NOT NULL DEFAULT false,
        completed bigint NOT NULL DEFAULT 0,
        failed bigint NOT NULL DEFAULT 0,
        cancelled bigint NOT NULL DEFAULT 0
    ) WITH (fillfactor = 10)
    """,
    "INSERT INTO queue DEFAULT VALUES",
    # What the claim, the list and the counters need has columns of its own; the rest is JSON, as
    # text, which keeps what binary JSON would not: the order of keys, and numbers as they were.
    # Times are milliseconds since 1970. `ready` follows from the rest: 1 for a pending job that
    # stands in line, 0 for one that waits for a time, NULL for all that no server may have (held,
    # without its models, made in parts, not pending).
    """
    CREATE TABLE jobs (
        number bigint PRIMARY KEY,
        place bigint NOT NULL,
        id text COLLATE "C" NOT NULL UNIQUE,
        checkpoint text COLLATE "C",
        requirements text,
        created_at bigint NOT NULL,
        params text NOT NULL,
        effort float8 NOT NULL,
        client_id text COLLATE "C",
        part_of text COLLATE "C",
        first_picture bigint NOT NULL,
        revision bigint NOT NULL,
        status text COLLATE "C" NOT NULL,
        ready smallint,
        target text COLLATE "C" NOT NULL,
        priority bigint NOT NULL,
        updated_at bigint NOT NULL,
        ended_at bigint,
        seed bigint,
        subseed bigint,
        not_before bigint,
        held boolean NOT NULL,
        parts text,
        cancel_requested boolean NOT NULL,
        failures bigint NOT NULL,
        losses bigint NOT NULL,
        avoids text,
        worker text,
        leased_until bigint,
        waiting_reason text,
        waits_for text,
        supplied_by text,
        attempts text,
        result text,
        failure text
    )
    """,
    # The claim: by place, and by checkpoint.
    """
    CREATE INDEX jobs_to_claim ON jobs (target, priority DESC, place, number)
    WHERE ready IS NOT NULL
    """,
    """
    CREATE INDEX jobs_by_checkpoint ON jobs (target, priority DESC, checkpoint, place)
    WHERE ready IS NOT NULL
    """,
    """
    CREATE INDEX jobs_with_a_time ON jobs (target, not_before)
    WHERE ready IS NOT NULL AND not_before IS NOT NULL
    """,
    # Clients that take turns: the lowest place that waits, and the last one of each client.
    """
    CREATE INDEX jobs_in_turn ON jobs (priority, place) INCLUDE (client_id)
    WHERE status = 'pending' AND place >= 1
    """,
    "CREATE INDEX jobs_at_the_front ON jobs (place) WHERE place < 1",
    """
    CREATE INDEX jobs_unsupplied ON jobs (number)
    WHERE status = 'pending' AND waits_for IS NOT NULL
    """,
    "CREATE INDEX jobs_aside ON jobs (target) WHERE status = 'pending' AND ready IS NULL",
    """
    CREATE INDEX jobs_in_parts ON jobs (number)
    WHERE parts IS NOT NULL AND status IN ('pending', 'processing')
    """,
    "CREATE INDEX jobs_that_are_parts ON jobs (part_of, number) WHERE part_of IS NOT NULL",
    # One list for each status; all of them together are the list of everything. Every change of a
    # status writes every index anew that holds the job, so there are as few as can be.
    "CREATE INDEX jobs_listed ON jobs (status, created_at, id) WHERE part_of IS NULL",
    """
    CREATE INDEX jobs_that_are_running_parts ON jobs (number)
    WHERE status = 'processing' AND part_of IS NOT NULL
    """,
    """
    CREATE INDEX jobs_ended ON jobs (ended_at, number)
    WHERE ended_at IS NOT NULL AND part_of IS NULL
    """,
    # For jobs that come with a past, or go. Whoever changes a status counts in the same statement,
    # which takes half the time.
    """
    CREATE FUNCTION count_ended_job() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        before text := CASE WHEN TG_OP <> 'INSERT' THEN OLD.status END;
        after text := CASE WHEN TG_OP <> 'DELETE' THEN NEW.status END;
    BEGIN
        UPDATE queue SET
            completed = completed + CASE 'completed' WHEN after THEN 1 ELSE 0 END
                - CASE 'completed' WHEN before THEN 1 ELSE 0 END,
            failed = failed + CASE 'failed' WHEN after THEN 1 ELSE 0 END
                - CASE 'failed' WHEN before THEN 1 ELSE 0 END,
            cancelled = cancelled + CASE 'cancelled' WHEN after THEN 1 ELSE 0 END
                - CASE 'cancelled' WHEN before THEN 1 ELSE 0 END;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER ended_job_added AFTER INSERT ON jobs FOR EACH ROW
    WHEN (NEW.ended_at IS NOT NULL AND NEW.part_of IS NULL) EXECUTE FUNCTION count_ended_job()
    """,
    """
    CREATE TRIGGER ended_job_removed AFTER DELETE ON jobs FOR EACH ROW
    WHEN (OLD.ended_at IS NOT NULL AND OLD.part_of IS NULL) EXECUTE FUNCTION count_ended_job()
    """,
    # A key led to the jobs numbered first to last: those of one call have numbers in a row.
    """
    CREATE TABLE idempotency_keys (
        first bigint PRIMARY KEY,
        last bigint NOT NULL,
        key text COLLATE "C" NOT NULL UNIQUE,
        digest text NOT NULL
    )
    """,
    """
    CREATE TABLE events (
        sequence bigint PRIMARY KEY,
        kind text NOT NULL,
        at bigint NOT NULL,
        job_id text,
        server text,
        data text NOT NULL
    )
    """,
    """
    CREATE TABLE servers (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        alias text COLLATE "C" NOT NULL UNIQUE,
        api_url text NOT NULL,
        username text,
        password text,
        enabled boolean NOT NULL,
        paused boolean NOT NULL,
        description text,
        tags text
    )
    """,
    """
    CREATE TABLE costs (
        server text COLLATE "C" NOT NULL,
        family text COLLATE "C" NOT NULL,
        pace float8,
        load float8,
        samples bigint NOT NULL,
        PRIMARY KEY (server, family)
    )
    """,
    # All but the alias is JSON: the newest report is read whole or not at all. A power cut may take
    # it, so it is not written twice.
    'CREATE UNLOGGED TABLE reports (alias text COLLATE "C" PRIMARY KEY, report text NOT NULL)',
    'CREATE UNLOGGED TABLE workers (worker text COLLATE "C" PRIMARY KEY, at bigint NOT NULL)',
    # What is searched has columns of its own, folded where case and Unicode form do not count; the
    # rest is JSON. Ids are not given twice, as people keep them.
    """
    CREATE TABLE models (
        id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
        kind text NOT NULL,
        root text COLLATE "C" NOT NULL,
        path text COLLATE "C" NOT NULL,
        missing boolean NOT NULL,
        folder text COLLATE "C" NOT NULL,
        name text COLLATE "C" NOT NULL,
        stem text COLLATE "C" NOT NULL,
        family text NOT NULL,
        base_name text COLLATE "C",
        card_base text COLLATE "C",
        size numeric NOT NULL,
        mtime_ns numeric NOT NULL,
        created_at bigint NOT NULL,
        format text NOT NULL,
        sha256 text COLLATE "C",
        autov1 text COLLATE "C",
        autov3 text COLLATE "C",
        told text COLLATE "C",
        hash_source text,
        version_id numeric,
        base_model text,
        words text COLLATE "C" NOT NULL,
        more text
    )
    """,
    # Names may be too long for an ordered index. Who writes models, one at a time, sees to it that
    # there is one for each place.
    "CREATE INDEX models_by_path ON models USING hash (path)",
    "CREATE INDEX models_by_folder ON models USING hash (folder)",
    "CREATE INDEX models_by_name ON models USING hash (name)",
    "CREATE INDEX models_by_stem ON models USING hash (stem)",
    "CREATE INDEX models_by_sha256 ON models (sha256) WHERE sha256 IS NOT NULL",
    "CREATE INDEX models_by_autov1 ON models (autov1) WHERE autov1 IS NOT NULL",
    "CREATE INDEX models_by_autov3 ON models (autov3) WHERE autov3 IS NOT NULL",
    "CREATE INDEX models_by_told ON models (told) WHERE told IS NOT NULL",
    "CREATE INDEX models_by_version ON models (version_id) WHERE version_id IS NOT NULL",
    "CREATE INDEX models_lost ON models (size, mtime_ns) WHERE missing",
    "CREATE INDEX models_to_hash ON models (size, id) WHERE sha256 IS NULL AND NOT missing",
    # How each folder looked when all of its models were known.
    """
    CREATE TABLE model_folders (
        root text COLLATE "C" NOT NULL,
        folder text COLLATE "C" NOT NULL,
        fingerprint text NOT NULL,
        PRIMARY KEY (root, folder)
    )
    """,
    """
    CREATE TABLE identities (
        sha256 text COLLATE "C" PRIMARY KEY,
        asked_at bigint,
        refreshed_at bigint,
        candidates text,
        pinned text
    )
    """,
    # What is searched has columns of its own, `place` folded, as case does not count; the rest is
    # JSON. The record is what Civitai answered: long, and never written again.
    """
    CREATE TABLE downloads (
        number bigint PRIMARY KEY,
        id text COLLATE "C" NOT NULL UNIQUE,
        created_at bigint NOT NULL,
        revision bigint NOT NULL,
        status text COLLATE "C" NOT NULL,
        priority bigint NOT NULL,
        root text COLLATE "C" NOT NULL,
        place text COLLATE "C" NOT NULL,
        not_before bigint,
        more text NOT NULL,
        record text NOT NULL
    )
    """,
    "CREATE INDEX downloads_by_status ON downloads (status, number)",
    """
    CREATE INDEX downloads_to_claim ON downloads (priority DESC, number) WHERE status = 'queued'
    """,
    """
    CREATE INDEX downloads_open ON downloads (number)
    WHERE status IN ('queued', 'downloading', 'paused')
    """,
    # One row when the queue was moved to another storage, none otherwise; then each table has a
    # trigger with the sentence that whoever would change it is told.
    "CREATE TABLE moved (place text NOT NULL, at bigint NOT NULL)",
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION USING MESSAGE = TG_ARGV[0];
    END $$
    """,
)

STEPS: tuple[tuple[str, ...], ...] = (_FIRST,)
"""``STEPS[n]`` leads from version n to version n + 1. A released step is never changed."""

VERSION = len(STEPS)

_MARK = """
    CREATE TABLE stablequeue (version integer NOT NULL)
"""
_IS_THERE = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = %s"
_VERSION = "SELECT version FROM {}.stablequeue"
_LOCK = "SELECT pg_advisory_xact_lock(%s)"


def prepare(connection: Connected, address: Address) -> None:
    """Bring the schema to the present version; it is made if there is none.

    Of several processes that open the same database at once, one does the work; the others wait
    for their turn and find it done.

    Raises:
        StorageTooNew: a newer version of this program wrote it.
        StorageCorrupt: it holds tables of another program, or its version cannot be.
    """
    _check_encoding(connection)
    if found_version(connection, address.schema) == VERSION:
        return
    with connection.transaction():
        # Steps may take longer than anybody waits elsewhere.
        connection.execute("SET LOCAL lock_timeout = 0")
        connection.execute(_LOCK, (address.number_of("schema"),))
        if connection.execute(_IS_THERE, (address.schema,)).fetchone() is None:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(quoted(address.schema)))
        found = found_version(connection, address.schema)
        if found == VERSION:
            return
        for step in STEPS[found:]:
            for statement in step:
                connection.execute(statement, prepare=False)
        if not found:
            connection.execute(_MARK)
            connection.execute("INSERT INTO stablequeue VALUES (0)")
        connection.execute("UPDATE stablequeue SET version = %s", (VERSION,))


def found_version(connection: Connected, schema: str) -> int:
    """The version of what is there, 0 for nothing.

    Raises:
        StorageTooNew, StorageCorrupt: as :func:`prepare`.
    """
    tables = {name for (name,) in connection.execute(_TABLES, (schema,))}
    if not tables:
        return 0
    if "stablequeue" not in tables:
        raise StorageCorrupt(
            "This schema of the database holds tables of another program. Choose another schema, "
            "or another database."
        )
    # Whoever may not look into the schema is told so; without its name, nothing would be found.
    row = connection.execute(sql.SQL(_VERSION).format(quoted(schema))).fetchone()
    found = row[0] if row else None
    # The tables and their version come together.
    if not isinstance(found, int) or found < 1:
        raise StorageCorrupt(
            "The schema of the queue has tables, but no version that there ever was: it is "
            "damaged, or another program has changed it. Stop StableQueue, and put a backup back, "
            "or choose an empty database."
        )
    if found > VERSION:
        raise StorageTooNew(found, VERSION)
    return found


def _check_encoding(connection: Connected) -> None:
    row = connection.execute("SHOW server_encoding").fetchone()
    if row != ("UTF8",):
        raise StorageError(
            "The database does not hold all characters, as its encoding is not UTF8. Make a "
            "database with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
        )
