"""The bundle: every store, the log and the lane locks over one memory."""

from __future__ import annotations

from collections.abc import Sequence

from stablequeue_core.events import Event, EventLog
from stablequeue_core.storage.base import LaneLock, Storage
from stablequeue_core.storage.memory.jobs import MemoryJobs
from stablequeue_core.storage.memory.models import MemoryModels
from stablequeue_core.storage.memory.servers import MemoryServers
from stablequeue_core.storage.memory.state import Memory


class MemoryStorage(Storage):
    """Remembers everything for as long as the process lives, and not a moment longer.

    It keeps every promise of a storage but that one; its lane locks, too, are of this process only.

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
        self.events = _MemoryEvents(self._memory)

    def lane_lock(self, alias: str) -> LaneLock:
        """A lock for the lane of the server named ``alias``; not yet taken."""
        return _MemoryLaneLock(self._memory, alias)

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


class _MemoryLaneLock(LaneLock):
    def __init__(self, memory: Memory, alias: str) -> None:
        self._memory = memory
        self._alias = alias
        self._held = False

    def try_acquire(self) -> bool:
        with self._memory.lock:
            if not self._held and self._alias not in self._memory.lanes:
                self._memory.lanes.add(self._alias)
                self._held = True
            return self._held

    def release(self) -> None:
        with self._memory.lock:
            if self._held:
                self._memory.lanes.discard(self._alias)
                self._held = False
