"""Whether a database file is well, and how it gives room back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from stablequeue_core.errors import StorageCorrupt
from stablequeue_core.storage.rows.leaving_out import unreadable_ones
from stablequeue_core.storage.sqlite import places
from stablequeue_core.storage.sqlite.connection import Database

STEP_PAGES = 1000
"""So many pages are given back at a time: some hundredths of a second."""

LARGEST_REBUILT = 256 * 1024**2
"""Bytes of the largest file of an earlier version that is rebuilt to be able to shrink.

That happens once, and holds others up for a second or two.
"""

LARGEST_LOG = 64 * 1024**2
"""Bytes that the write-ahead log has now and then; more than that is a sign of something."""

_JOBS = f"SELECT {', '.join(places.ALL)} FROM jobs"
_INCREMENTAL = 2
_DAMAGED = (
    "The queue database is damaged ({finding}). Stop StableQueue and copy the data folder to a "
    "safe place; then put a backup back, or copy what can be read to a new data folder."
)
_ORPHANS = (
    "The queue database has {count} rows that belong to nothing: another program has changed it. "
    "They do no harm; if you have a backup from before, put it back."
)
_LONG_LOG = (
    "The write-ahead log of the queue database has grown to {size} MB: some program reads the "
    "database without ever ending. Close other programs that have it open, then restart "
    "StableQueue."
)
_CANNOT_SHRINK = (
    "The queue database was made by an earlier version, so its file keeps the room that removed "
    "jobs took ({size} MB of it is free). Copy the queue to a new data folder to get that room "
    "back."
)


def examine(database: Database) -> Sequence[str]:
    """What is wrong, in sentences that say what to do."""
    found: list[str] = []
    try:
        with database.read() as connection:
            findings = [text for (text,) in connection.execute("PRAGMA integrity_check (1)")]
            orphans = len(connection.execute("PRAGMA foreign_key_check").fetchall())
            (free,) = connection.execute("PRAGMA freelist_count").fetchone()
            (page,) = connection.execute("PRAGMA page_size").fetchone()
            (vacuum,) = connection.execute("PRAGMA auto_vacuum").fetchone()
            # What is damaged further down is not to be read as well.
            unreadable = unreadable_ones(connection.execute(_JOBS)) if findings == ["ok"] else []
    except StorageCorrupt as error:
        return [str(error)]
    if findings != ["ok"]:
        # The first line only: the rest follows from it.
        found.append(_DAMAGED.format(finding=findings[0].splitlines()[0]))
    found += unreadable
    if orphans:
        found.append(_ORPHANS.format(count=orphans))
    log = 0
    with suppress(OSError):
        log = database.path.with_name(f"{database.path.name}-wal").stat().st_size
    if log > LARGEST_LOG:
        found.append(_LONG_LOG.format(size=log // 1024**2))
    if vacuum != _INCREMENTAL and free * page > LARGEST_REBUILT:
        found.append(_CANNOT_SHRINK.format(size=free * page // 1024**2))
    return found


def shrink(database: Database) -> int:
    """Give a little of the room back that removed things took; how many bytes."""
    with database.alone() as connection:
        (page,) = connection.execute("PRAGMA page_size").fetchone()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        (vacuum,) = connection.execute("PRAGMA auto_vacuum").fetchone()
        if not free or (vacuum != _INCREMENTAL and pages * page > LARGEST_REBUILT):
            return 0
        if vacuum == _INCREMENTAL:
            # Not execute(): that takes one step of the statement, which gives one page back.
            connection.executescript(f"PRAGMA incremental_vacuum ({STEP_PAGES})")
        else:
            connection.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
            connection.execute("VACUUM")
        (left,) = connection.execute("PRAGMA page_count").fetchone()
    return int(max(0, pages - left) * page)
