"""What simulated servers share: bytes to send, how they are delivered, a port to listen on."""

from stablequeue_core.testing.simulated_http.content import (
    Content,
    content_of,
    generated,
    repeated,
)
from stablequeue_core.testing.simulated_http.exchange import Fate, Incoming, Outgoing, Pause
from stablequeue_core.testing.simulated_http.http_port import HttpPort
from stablequeue_core.testing.simulated_http.in_process import InProcessResponse, incoming

__all__ = [
    "Content",
    "Fate",
    "HttpPort",
    "InProcessResponse",
    "Incoming",
    "Outgoing",
    "Pause",
    "content_of",
    "generated",
    "incoming",
    "repeated",
]
