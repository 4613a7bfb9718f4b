"""The bundle: every store, the log and the locks over one memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from stablequeue_core.clock import Clock, SystemClock
from stablequeue_core.storage.base import ProcessLock, Storage
from stablequeue_core.storage.chunks import Chunk
from stablequeue_core.storage.memory import copying, moving
from stablequeue_core.storage.memory.downloads import MemoryDownloads
from stablequeue_core.storage.memory.events import MemoryEvents
from stablequeue_core.storage.memory.fleet import MemoryCosts, MemoryReports
from stablequeue_core.storage.memory.identities import MemoryIdentities
from stablequeue_core.storage.memory.jobs import MemoryJobs
from stablequeue_core.storage.memory.locks import MemoryLock
from stablequeue_core.storage.memory.models import MemoryModels
from stablequeue_core.storage.memory.servers import MemoryServers
from stablequeue_core.storage.memory.state import Memory
from stablequeue_core.storage.moves import Fence, Move


class MemoryStorage(Storage):
    """Remembers everything for as long as the process lives, and not a moment longer.

    It keeps every promise of a storage but that one; its locks, too, are of this process only.

    Args:
        clock: the time that it tells; the computer's unless one is given.

    Example::

        with MemoryStorage() as storage:
            print(storage.jobs.counts())
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._memory = Memory()
        self.clock = clock or SystemClock()
        self.work = self._memory.bells.work
        self.changes = self._memory.bells.changes
        self.jobs = MemoryJobs(self._memory)
        self.servers = MemoryServers(self._memory)
        self.models = MemoryModels(self._memory)
        self.identities = MemoryIdentities(self._memory)
        self.downloads = MemoryDownloads(self._memory)
        self.costs = MemoryCosts(self._memory)
        self.reports = MemoryReports(self._memory)
        self.events = MemoryEvents(self._memory)

    def lane_lock(self, lane: str) -> ProcessLock:
        """A lock for whoever sends jobs to the server with this lane; not yet taken."""
        return MemoryLock(self._memory, f"lane {lane}")

    def fetching_lock(self) -> ProcessLock:
        """A lock for whoever fetches the downloads; not yet taken."""
        return MemoryLock(self._memory, "fetching")

    def tidying_lock(self) -> ProcessLock:
        """A lock for whoever removes what need not be kept any more; not yet taken."""
        return MemoryLock(self._memory, "tidying")

    def examine(self) -> Sequence[str]:
        """Nothing can be wrong with a memory."""
        return []

    def shrink(self) -> int:
        """A memory keeps no room that it does not need."""
        return 0

    def dump(self) -> Iterator[Chunk]:
        """Everything that is remembered, in pieces of bounded size, as it was in one moment."""
        return copying.dump(self._memory)

    def restore(self, chunks: Iterable[Chunk]) -> None:
        """Remember all that another storage has dumped: numbers and revisions included."""
        copying.restore(self._memory, chunks)

    def location(self) -> str:
        """Where it is, for people."""
        return "the memory of a process"

    def fence(self) -> Fence:
        """Let nobody change anything for as long as a block lasts."""
        return moving.fence(self._memory)

    def moved(self) -> Move | None:
        """Where the queue was moved to; None: it is here."""
        return self._memory.moved

    def reopen(self) -> Move | None:
        """Let the queue go on here, though it was moved; where it was."""
        return moving.reopen(self._memory)

    def close(self) -> None:
        """Nothing to let go of."""
