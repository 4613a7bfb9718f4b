"""Who carries HTTP: the port. The adapters keep their own path."""

from stablequeue_core.transport.base import (
    CHUNK_BYTES,
    Abort,
    Request,
    Response,
    StreamedResponse,
    Timeouts,
    Transport,
)

__all__ = [
    "CHUNK_BYTES",
    "Abort",
    "Request",
    "Response",
    "StreamedResponse",
    "Timeouts",
    "Transport",
]
