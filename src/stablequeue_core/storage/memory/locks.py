"""Locks of the one process that a memory belongs to."""

from __future__ import annotations

from stablequeue_core.storage.base import ProcessLock
from stablequeue_core.storage.memory.state import Memory


class MemoryLock(ProcessLock):
    """A lock by its name."""

    def __init__(self, memory: Memory, name: str) -> None:
        self._memory = memory
        self._name = name
        self._held = False

    def try_acquire(self) -> bool:
        """Take the lock if nobody holds it; True when we hold it now. Does not wait."""
        with self._memory.lock:
            if not self._held and self._name not in self._memory.locks:
                self._memory.locks.add(self._name)
                self._held = True
                self.term += 1
            return self._held

    def release(self) -> None:
        """Give the lock up; harmless when we do not hold it."""
        with self._memory.lock:
            if self._held:
                self._memory.locks.discard(self._name)
                self._held = False
