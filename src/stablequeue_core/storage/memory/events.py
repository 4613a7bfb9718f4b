"""The log of events in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

from stablequeue_core.events import Event, EventLog
from stablequeue_core.storage.memory.state import Memory


class MemoryEvents(EventLog):
    """The events that all stores of one storage have written."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def read(self, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The events with a sequence number above ``after``, oldest first, at most ``limit``."""
        memory = self._memory
        with memory.lock:
            forgotten = memory.events_written - len(memory.events)
            start = max(0, after - forgotten)
            return memory.events[start : start + limit]

    def last(self) -> int:
        """The sequence number of the newest event, 0 when there never was one."""
        with self._memory.lock:
            return self._memory.events_written

    def trim(self, before: datetime, limit: int) -> int:
        """Forget the oldest events that are older than ``before``, at most ``limit`` of them."""
        memory = self._memory
        with memory.changing():
            oldest = takewhile(lambda event: event.at < before, memory.events[:-1][:limit])
            count = sum(1 for _ in oldest)
            del memory.events[:count]
            return count
