"""A storage in one SQLite file: nothing to install, survives a power cut."""

from stablequeue_core.storage.sqlite.storage import SqliteStorage

__all__ = ["SqliteStorage"]
