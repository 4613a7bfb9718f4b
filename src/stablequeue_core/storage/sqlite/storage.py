"""The bundle: every store over one SQLite file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path

from stablequeue_core.bell import Bell
from stablequeue_core.clock import SystemClock
from stablequeue_core.storage.base import ProcessLock, Storage
from stablequeue_core.storage.chunks import Chunk
from stablequeue_core.storage.moves import Fence, Move
from stablequeue_core.storage.ringing import Bells
from stablequeue_core.storage.sqlite import copying, health, moving
from stablequeue_core.storage.sqlite.connection import Database
from stablequeue_core.storage.sqlite.downloads import SqliteDownloads
from stablequeue_core.storage.sqlite.events import SqliteEvents
from stablequeue_core.storage.sqlite.fleet import SqliteCosts, SqliteReports
from stablequeue_core.storage.sqlite.identities import SqliteIdentities
from stablequeue_core.storage.sqlite.jobs import SqliteJobs
from stablequeue_core.storage.sqlite.locks import fetching_lock, lane_lock, tidying_lock
from stablequeue_core.storage.sqlite.models import SqliteModels
from stablequeue_core.storage.sqlite.servers import SqliteServers
from stablequeue_core.storage.sqlite.watching import Watcher


class SqliteStorage(Storage):
    """Remembers everything in one SQLite file; several processes may open the same one.

    Its clock is the computer's: all these processes run on one.

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
        self.clock = SystemClock()
        self.work = Bell(self._watch)
        self.changes = Bell(self._watch)
        bells = Bells(self.work, self.changes)
        self.database = Database(Path(path), bells, busy_timeout=busy_timeout)
        self._watcher = Watcher(self.database)
        self.jobs = SqliteJobs(self.database)
        self.servers = SqliteServers(self.database)
        self.models = SqliteModels(self.database)
        self.identities = SqliteIdentities(self.database)
        self.downloads = SqliteDownloads(self.database)
        self.costs = SqliteCosts(self.database)
        self.reports = SqliteReports(self.database)
        self.events = SqliteEvents(self.database)

    def lane_lock(self, lane: str) -> ProcessLock:
        """A lock for whoever sends jobs to the server with this lane; not yet taken."""
        return lane_lock(self.database.path, lane)

    def fetching_lock(self) -> ProcessLock:
        """A lock for whoever fetches the downloads; not yet taken."""
        return fetching_lock(self.database.path)

    def tidying_lock(self) -> ProcessLock:
        """A lock for whoever removes what need not be kept any more; not yet taken."""
        return tidying_lock(self.database.path)

    def examine(self) -> Sequence[str]:
        """What is wrong with the file, in sentences that say what to do; none: it is well."""
        return health.examine(self.database)

    def shrink(self) -> int:
        """Give a little of the room back that removed things took; how many bytes."""
        return health.shrink(self.database)

    def dump(self) -> Iterator[Chunk]:
        """Everything that is remembered, in pieces of bounded size, as it was in one moment."""
        return copying.dump(self.database)

    def restore(self, chunks: Iterable[Chunk]) -> None:
        """Remember all that another storage has dumped: numbers and revisions included."""
        copying.restore(self.database, chunks)

    def location(self) -> str:
        """The names of the file and its folder."""
        path = self.database.path.absolute()
        return f"the file {path.name!r} in the folder {path.parent.name!r}"

    def fence(self) -> Fence:
        """Let nobody change anything for as long as a block lasts, in whatever process."""
        return moving.fence(self.database)

    def moved(self) -> Move | None:
        """Where the queue was moved to; None: it is here."""
        return moving.moved(self.database)

    def reopen(self) -> Move | None:
        """Let the queue go on here, though it was moved; where it was."""
        return moving.reopen(self.database)

    def close(self) -> None:
        """Let go of the file; safe to call again."""
        self._watcher.close()
        self.database.close()

    def _watch(self) -> None:
        """Somebody waits for a bell: from now on, listen for other processes, too."""
        self._watcher.start()
