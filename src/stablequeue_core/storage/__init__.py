"""The seam: who remembers. The adapters keep their own path."""

from stablequeue_core.storage.base import ProcessLock, Storage
from stablequeue_core.storage.chunks import Chunk, ChunkKind, FolderState, QueueState, UsedKey
from stablequeue_core.storage.moves import Fence, Leave, Move

__all__ = [
    "Chunk",
    "ChunkKind",
    "Fence",
    "FolderState",
    "Leave",
    "Move",
    "ProcessLock",
    "QueueState",
    "Storage",
    "UsedKey",
]
