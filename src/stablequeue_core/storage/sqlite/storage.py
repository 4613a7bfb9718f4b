"""The bundle: every store over one SQLite file."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from stablequeue_core.bell import Bell
from stablequeue_core.storage.base import ProcessLock, Storage
from stablequeue_core.storage.sqlite.connection import Database
from stablequeue_core.storage.sqlite.downloads import SqliteDownloads
from stablequeue_core.storage.sqlite.events import SqliteEvents
from stablequeue_core.storage.sqlite.identities import SqliteIdentities
from stablequeue_core.storage.sqlite.jobs import SqliteJobs
from stablequeue_core.storage.sqlite.locks import fetching_lock, lane_lock
from stablequeue_core.storage.sqlite.models import SqliteModels
from stablequeue_core.storage.sqlite.servers import SqliteServers


class SqliteStorage(Storage):
    """Remembers everything in one SQLite file; several processes may open the same one.

    Args:
        path: the file; it is made, readable by its owner only, when there is none.
        busy_timeout: seconds to wait for another process before giving up with ``StorageBusy``.

    Attributes:
        database: the connections, for stores of other things in the same file.

    Raises:
        StorageTooNew: a newer version of this program wrote the file.
        StorageCorrupt: the file is damaged, or is no queue database.
        StorageReadOnly: the file or its folder may not be written.

    Example::

        with SqliteStorage("queue-data/queue.sqlite3") as storage:
            print(storage.jobs.counts())
    """

    def __init__(self, path: str | PathLike[str], *, busy_timeout: float = 10.0) -> None:
        self.database = Database(Path(path), busy_timeout=busy_timeout)
        self.work = Bell()
        self.changes = Bell()
        self.jobs = SqliteJobs(self.database, work=self.work, changes=self.changes)
        self.servers = SqliteServers(self.database, work=self.work, changes=self.changes)
        self.models = SqliteModels(self.database, changes=self.changes)
        self.identities = SqliteIdentities(self.database, changes=self.changes)
        self.downloads = SqliteDownloads(self.database, work=self.work, changes=self.changes)
        self.events = SqliteEvents(self.database)

    def lane_lock(self, alias: str) -> ProcessLock:
        """A lock for whoever sends jobs to the server named ``alias``; not yet taken."""
        return lane_lock(self.database.path, alias)

    def fetching_lock(self) -> ProcessLock:
        """A lock for whoever fetches the downloads; not yet taken."""
        return fetching_lock(self.database.path)

    def close(self) -> None:
        """Let go of the file; safe to call again."""
        self.database.close()
