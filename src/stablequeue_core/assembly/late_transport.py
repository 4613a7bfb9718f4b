"""A transport that is made when the first request is sent, with the library that it stands on."""

from __future__ import annotations

import threading
from collections.abc import Callable

from stablequeue_core.errors import QueueClosed
from stablequeue_core.transport import Abort, Request, StreamedResponse, Transport


class LateTransport(Transport):
    """Hands every request on. Safe to use from several threads.

    Args:
        make: makes the transport that carries them; called once, or never.
    """

    def __init__(self, make: Callable[[], Transport]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._carrier: Transport | None = None
        self._is_closed = False

    def close(self) -> None:
        """Close the transport if there is one; none is made from now on."""
        with self._lock:
            self._is_closed = True
            carrier = self._carrier
        if carrier is not None:
            carrier.close()

    def _send(self, request: Request, abort: Abort) -> StreamedResponse:
        with self._lock:
            if self._carrier is None:
                if self._is_closed:
                    raise QueueClosed
                self._carrier = self._make()
            carrier = self._carrier
        return carrier.stream(request, abort=abort)
