"""What goes in and out of a simulated server: one request, one answer, and how it is delivered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from attrs import field, frozen

from stablequeue_core.testing.simulated_http.content import Content

Pause = float | Callable[[], object]
"""Seconds; or what is called instead of waiting: it may move a clock, or wait for the test."""


class Fate(Enum):
    """What becomes of the connection when the answer, or as much as there is of it, was sent."""

    KEPT = "it waits for the next request"
    CLOSED = "it is closed properly"
    RESET = "it breaks"
    SILENT = "it stays, but nothing more is sent"
    MUTE = "it stays, but not even the head is sent"
    LOST = "it breaks before the first byte"
    REFUSED = "no connection was made at all"


@frozen(kw_only=True)
class Incoming:
    """One HTTP request as the server sees it.

    Attributes:
        query: of parameters that were sent more than once, the last.
        query_string: as it came.
        headers: names in lower case.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(factory=dict)
    query_string: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@frozen(kw_only=True)
class Outgoing:
    """One HTTP answer, and how it goes out.

    Attributes:
        headers: all of them: what is missing here is not sent.
        stop_after: so many bytes of the body go out at most, then the connection meets its fate.
        piece: bytes that are sent at once; None: as many as fit.
        pause: before each piece.
    """

    status: int
    headers: Mapping[str, str]
    content: Content
    fate: Fate = Fate.KEPT
    stop_after: int | None = None
    piece: int | None = None
    pause: Pause = 0.0

    def body(self) -> Content:
        """What of the body is sent."""
        size = self.content.size
        stop = size if self.stop_after is None else min(self.stop_after, size)
        return self.content.part(0, stop)
