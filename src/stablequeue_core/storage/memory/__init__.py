"""A storage in memory: for tests and try-outs. It is gone when its process ends."""

from stablequeue_core.storage.memory.storage import MemoryStorage

__all__ = ["MemoryStorage"]
