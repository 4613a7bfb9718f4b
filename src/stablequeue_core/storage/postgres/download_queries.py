"""What is asked of the table of downloads, as constant text."""

from __future__ import annotations

from stablequeue_core.storage.rows.downloads import ALL, CHANGING, GIVEN

COLUMNS = ", ".join(ALL)
WHOLE = f"{COLUMNS}, record"

_KEPT = ("number", *GIVEN, "record")

INSERT = f"INSERT INTO downloads ({', '.join(_KEPT)}) VALUES ({', '.join('%s' for _ in _KEPT)})"
NEXT_NUMBER = "UPDATE queue SET download = download + 1 RETURNING download"
GIVE_BACK_NUMBER = "UPDATE queue SET download = download - 1"
UPDATE = f"""
    UPDATE downloads SET {", ".join(f"{name} = %s" for name in CHANGING)}
    WHERE id = %s AND revision = %s
"""
GET = f"SELECT {WHOLE} FROM downloads WHERE id = %s"
IS_THERE = "SELECT 1 FROM downloads WHERE id = %s"
OPEN_AT = f"""
    SELECT {WHOLE} FROM downloads
    WHERE status IN ('queued', 'downloading', 'paused') AND root = %s AND place = %s
    ORDER BY number LIMIT 1
"""
WITH_STATUS = f"SELECT {COLUMNS} FROM downloads WHERE status = %s ORDER BY number"
_DUE = "status = 'queued' AND (not_before IS NULL OR not_before <= %s)"
IS_ANY_DUE = f"SELECT 1 FROM downloads WHERE {_DUE} LIMIT 1"
TAKE_FIRST_DUE = f"""
    SELECT {WHOLE} FROM downloads WHERE {_DUE}
    ORDER BY priority DESC, number LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
"""
NEXT_DUE = """
    SELECT min(not_before) FROM downloads WHERE status = 'queued' AND not_before IS NOT NULL
"""
_WANTED = "(%(statuses)s::text[] IS NULL OR status = ANY(%(statuses)s::text[]))"
PAGE = f"""
    SELECT {COLUMNS} FROM downloads WHERE {_WANTED}
    ORDER BY number DESC LIMIT %(limit)s OFFSET %(offset)s
"""
COUNT = f"SELECT count(*) FROM downloads WHERE {_WANTED}"

# Nobody searches for the end of a download but who tidies up, and there are not that many. It is
# cut out of the text: as JSON, that would have to be Unicode, and the name of a file need not be.
_ENDED = "status IN ('completed', 'failed', 'cancelled')"
_ENDED_AT = 'substring(more FROM \'"ended_at":"([^"]*)"\') COLLATE "C"'
COUNT_ENDED = f"""
    SELECT count(*), count(*) FILTER (WHERE {_ENDED_AT} < %s) FROM downloads WHERE {_ENDED}
"""
ENDED_FIRST = f"""
    SELECT {COLUMNS} FROM downloads WHERE {_ENDED} ORDER BY {_ENDED_AT}, number LIMIT %s
"""
FORGET = f"""
    DELETE FROM downloads USING unnest(%s::text[], %s::int8[]) AS gone (id, revision)
    WHERE downloads.id = gone.id AND downloads.revision = gone.revision AND {_ENDED}
"""
