"""What is asked of the table of downloads; constant text where it can be."""

from __future__ import annotations

from stablequeue_core.storage.rows.downloads import ALL, CHANGING, GIVEN

_COLUMNS = ", ".join(ALL)
_WHOLE = ", ".join((*(f"downloads.{name}" for name in ALL), "download_records.record"))
_TABLES = "downloads JOIN download_records USING (number)"

INSERT = f"INSERT INTO downloads ({', '.join(GIVEN)}) VALUES ({', '.join('?' for _ in GIVEN)})"
ADD_RECORD = "INSERT INTO download_records (number, record) VALUES (?, ?)"
UPDATE = f"""
    UPDATE downloads SET {", ".join(f"{name} = ?" for name in CHANGING)}
    WHERE id = ? AND revision = ?
"""
GET = f"SELECT {_WHOLE} FROM {_TABLES} WHERE id = ?"
EVERYTHING = f"SELECT {_WHOLE} FROM {_TABLES} ORDER BY number"
IS_THERE = "SELECT 1 FROM downloads WHERE id = ?"
OPEN_AT = f"""
    SELECT {_WHOLE} FROM {_TABLES}
    WHERE status IN ('queued', 'downloading', 'paused') AND root = ? AND place = ?
    ORDER BY number LIMIT 1
"""
WITH_STATUS = f"SELECT {_COLUMNS} FROM downloads WHERE status = ? ORDER BY number"
FIRST_DUE = """
    SELECT id FROM downloads INDEXED BY downloads_to_claim
    WHERE status = 'queued' AND (not_before IS NULL OR not_before <= ?)
    ORDER BY priority DESC, number LIMIT 1
"""
NEXT_DUE = (
    "SELECT min(not_before) FROM downloads WHERE status = 'queued' AND not_before IS NOT NULL"
)

# Nobody searches for the end of a download but who tidies up, and there are not that many.
_ENDED = "status IN ('completed', 'failed', 'cancelled')"
_ENDED_AT = "json_extract(more, '$.ended_at')"
COUNT_ENDED = f"SELECT count(*) FROM downloads WHERE {_ENDED}"
COUNT_ENDED_BEFORE = f"{COUNT_ENDED} AND {_ENDED_AT} < ?"
ENDED_FIRST = f"""
    SELECT {_COLUMNS} FROM downloads WHERE {_ENDED} ORDER BY {_ENDED_AT}, number LIMIT ?
"""
_AS_IT_WAS = f"id = ? AND revision = ? AND {_ENDED}"
FORGET_RECORD = f"""
    DELETE FROM download_records
    WHERE number = (SELECT number FROM downloads WHERE {_AS_IT_WAS})
"""
FORGET = f"DELETE FROM downloads WHERE {_AS_IT_WAS}"


def page(statuses: int) -> str:
    """The newest of those that stand in one of so many statuses; none means: in any."""
    return f"""
        SELECT {_COLUMNS} FROM downloads {_where(statuses)}
        ORDER BY number DESC LIMIT ? OFFSET ?
    """


def count(statuses: int) -> str:
    """How many there are of those."""
    return f"SELECT count(*) FROM downloads {_where(statuses)}"


def _where(statuses: int) -> str:
    return f"WHERE status IN ({', '.join('?' * statuses)})" if statuses else ""
