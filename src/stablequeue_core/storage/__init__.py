"""The seam: who remembers. The adapters keep their own path."""

from stablequeue_core.storage.base import LaneLock, Storage

__all__ = ["LaneLock", "Storage"]
