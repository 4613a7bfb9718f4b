"""Opens the storage that remembers a queue: a file of its folder, or a database server."""

from __future__ import annotations

from pathlib import Path

from stablequeue_core.storage import Storage

DATABASE = "queue.sqlite3"
"""The file in the data folder."""


def open_storage(folder: Path, *, database_url: str | None = None) -> Storage:
    """The storage of the queue whose data folder is ``folder``.

    Args:
        folder: holds the database, unless another is named.
        database_url: a PostgreSQL instead; None: the file.

    Raises:
        StorageError: it cannot be opened.
        ExtraMissing: it is a PostgreSQL, and what speaks with it is not installed.
    """
    # Each is imported where it is made: a process that needs none of it starts faster.
    if database_url is not None:
        from stablequeue_core.storage.postgres import PostgresStorage

        return PostgresStorage(database_url)
    from stablequeue_core.storage.sqlite import SqliteStorage

    return SqliteStorage(folder / DATABASE)
