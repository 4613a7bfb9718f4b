"""Where finished pictures are kept: the port and the names. The adapters keep their own path."""

from stablequeue_core.images.names import attempt_prefix, is_picture_name, picture_name
from stablequeue_core.images.store import ImageStore

__all__ = ["ImageStore", "attempt_prefix", "is_picture_name", "picture_name"]
