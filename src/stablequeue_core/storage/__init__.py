"""The seam: who remembers. The adapters keep their own path."""

from stablequeue_core.storage.base import ProcessLock, Storage
from stablequeue_core.storage.chunks import Chunk, ChunkKind, FolderState, QueueState, UsedKey

__all__ = [
    "Chunk",
    "ChunkKind",
    "FolderState",
    "ProcessLock",
    "QueueState",
    "Storage",
    "UsedKey",
]
