"""The seam: who remembers. The adapters keep their own path."""

from stablequeue_core.storage.base import ProcessLock, Storage

__all__ = ["ProcessLock", "Storage"]
