"""The bundle: every store, the log and the locks over one memory."""

from __future__ import annotations

from collections.abc import Sequence

from stablequeue_core.events import Event, EventLog
from stablequeue_core.storage.base import ProcessLock, Storage
from stablequeue_core.storage.memory.downloads import MemoryDownloads
from stablequeue_core.storage.memory.identities import MemoryIdentities
from stablequeue_core.storage.memory.jobs import MemoryJobs
from stablequeue_core.storage.memory.models import MemoryModels
from stablequeue_core.storage.memory.servers import MemoryServers
from stablequeue_core.storage.memory.state import Memory


class MemoryStorage(Storage):
    """Remembers everything for as long as the process lives, and not a moment longer.

    It keeps every promise of a storage but that one; its locks, too, are of this process only.

    Example::

        with MemoryStorage() as storage:
            print(storage.jobs.counts())
    """

    def __init__(self) -> None:
        self._memory = Memory()
        self.work = self._memory.work
        self.changes = self._memory.changes
        self.jobs = MemoryJobs(self._memory)
        self.servers = MemoryServers(self._memory)
        self.models = MemoryModels(self._memory)
        self.identities = MemoryIdentities(self._memory)
        self.downloads = MemoryDownloads(self._memory)
        self.events = _MemoryEvents(self._memory)

    def lane_lock(self, alias: str) -> ProcessLock:
        """A lock for whoever sends jobs to the server named ``alias``; not yet taken."""
        return _MemoryLock(self._memory, f"lane {alias}")

    def fetching_lock(self) -> ProcessLock:
        """A lock for whoever fetches the downloads; not yet taken."""
        return _MemoryLock(self._memory, "fetching")

    def close(self) -> None:
        """Nothing to let go of."""


class _MemoryEvents(EventLog):
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def read(self, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        with self._memory.lock:
            return self._memory.events[after : after + limit]

    def last(self) -> int:
        with self._memory.lock:
            return len(self._memory.events)


class _MemoryLock(ProcessLock):
    def __init__(self, memory: Memory, name: str) -> None:
        self._memory = memory
        self._name = name
        self._held = False

    def try_acquire(self) -> bool:
        with self._memory.lock:
            if not self._held and self._name not in self._memory.locks:
                self._memory.locks.add(self._name)
                self._held = True
            return self._held

    def release(self) -> None:
        with self._memory.lock:
            if self._held:
                self._memory.locks.discard(self._name)
                self._held = False
