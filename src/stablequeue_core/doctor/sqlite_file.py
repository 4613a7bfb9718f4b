"""Looks at the file of a queue without opening the queue, which would bring it up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from stablequeue_core.storage import Move
from stablequeue_core.storage.sqlite import schema
from stablequeue_core.storage.sqlite.faults import translated
from stablequeue_core.storage.sqlite.moving import moved_in

PATIENCE = 5.0
"""Seconds; whoever writes for longer holds everybody up."""


@frozen(kw_only=True)
class SqliteFile:
    """What the file says of itself.

    Attributes:
        version: of its schema; 0 for an empty one.
        size: in bytes.
        free: how many of these are not used.
        log: bytes in the write-ahead log beside it.
        moved: where its queue went; None: it is here.
    """

    version: int
    size: int
    free: int
    log: int
    moved: Move | None = None

    @property
    def is_current(self) -> bool:
        """Whether this program uses it as it is, without bringing it up to date."""
        return self.version == schema.VERSION


def look_at(path: Path) -> SqliteFile:
    """Read what the file says of itself; it stays as it is.

    Raises:
        StorageTooNew: a newer version of this program wrote it.
        StorageError: it is damaged, cannot be read, or is none of ours.
    """
    with translated(), _connected(path, "ro") as connection:
        # One moment: another process may be making the tables.
        connection.execute("BEGIN")
        version = schema.check(connection)
        pages, free, page_size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        moved = moved_in(connection) if version == schema.VERSION else None
        connection.execute("ROLLBACK")
    log = path.with_name(f"{path.name}-wal")
    return SqliteFile(
        version=version,
        size=pages * page_size,
        free=free * page_size,
        log=log.stat().st_size if log.exists() else 0,
        moved=moved,
    )


def try_to_write(path: Path) -> None:
    """Take the right to write, and give it back unused.

    Raises:
        StorageBusy: another process has it, and keeps it.
        StorageError: nobody may write here.
    """
    with translated(), _connected(path, "rw") as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


@contextmanager
def _connected(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()
