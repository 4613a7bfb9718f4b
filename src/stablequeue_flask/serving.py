"""Serves an application over HTTP with waitress, and stops when it is told to."""

from __future__ import annotations

import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from waitress import wasyncore  # type: ignore[import-untyped]
from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.server import BaseWSGIServer, create_server  # type: ignore[import-untyped]
from waitress.task import ErrorTask  # type: ignore[import-untyped]

from stablequeue_flask.answers import json_bytes
from stablequeue_flask.errors import code_of, error_body

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

THREADS = 16
"""A cancel holds its thread until the server confirms, so there must be more than a few."""

SWITCH_SECONDS = 0.0005
"""How long a thread keeps Python's lock from the others.

Whoever writes to the database gives it away with each statement and has to win it back; with
Python's own 5 ms a job takes twice as long to be accepted while many clients submit at once.
"""

DRAIN_SECONDS = 5.0
"""How long requests that are under way may take to end when we stop."""

_BODY_ALLOWANCE = 8
"""Waitress reads bodies this much longer than we allow, so that our own 413 can answer them."""


class WebServer:
    """An application behind sockets that listen already. A context manager.

    Args:
        app: any WSGI application.
        sockets: from :func:`~stablequeue_flask.listening.listening`.
        threads: how many requests are answered at once.
        largest_body: the application's own limit.

    Example::

        with listening("127.0.0.1", 8083) as sockets, WebServer(app, sockets) as server:
            server.run()
    """

    def __init__(
        self,
        app: WSGIApplication,
        sockets: Sequence[socket.socket],
        *,
        threads: int = THREADS,
        largest_body: int = 16 * 1024 * 1024,
    ) -> None:
        self._map: dict[int, Any] = {}
        self._stopping = False
        self._server = create_server(
            app,
            map=self._map,
            sockets=list(sockets),
            threads=threads,
            ident="StableQueue",
            connection_limit=1000,
            max_request_body_size=largest_body * _BODY_ALLOWANCE,
        )
        # Unlike select, poll has no limit on the number of connections; Windows has only select.
        self._use_poll = hasattr(select, "poll")
        for listener in self._listeners():
            listener.channel_class = _Channel

    def run(self) -> None:
        """Answer requests until :meth:`stop` is called; then let those under way end."""
        interval = sys.getswitchinterval()
        sys.setswitchinterval(min(interval, SWITCH_SECONDS))
        try:
            self._run()
        finally:
            sys.setswitchinterval(interval)

    def stop(self) -> None:
        """Make :meth:`run` return; safe to call from any thread and from a signal handler."""
        self._stopping = True
        for listener in self._listeners():
            listener.pull_trigger()

    def close(self) -> None:
        """Hang up on everybody."""
        self._server.task_dispatcher.shutdown(timeout=DRAIN_SECONDS)
        wasyncore.close_all(self._map)

    def _run(self) -> None:
        while not self._stopping:
            self._turn()
        for listener in self._listeners():
            listener.accepting = False
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._busy() and time.monotonic() < deadline:
            self._turn(0.05)

    def _turn(self, timeout: float = 1.0) -> None:
        wasyncore.loop(timeout, self._use_poll, self._map, count=1)

    def _listeners(self) -> list[Any]:
        return [each for each in list(self._map.values()) if isinstance(each, BaseWSGIServer)]

    def _busy(self) -> bool:
        channels = [each for each in self._map.values() if isinstance(each, HTTPChannel)]
        return any(channel.requests or channel.total_outbufs_len for channel in channels)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` on Ctrl-C and on the polite signals of the system, inside the block."""
    names = ("SIGINT", "SIGTERM", "SIGBREAK")  # SIGBREAK: Ctrl-Break, on Windows only
    known = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda *_: stop()) for number in known}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def until_stopped() -> Iterator[None]:
    """At the end of the block, wait for such a signal; the block may tell what happens until then.

    One that comes inside the block ends the wait before it begins.
    """
    stop = threading.Event()
    with stopped_by_signals(stop.set):
        yield
        # On Windows, Ctrl-C does not wake who waits for ever.
        while not stop.wait(0.5):
            pass


class _ErrorTask(ErrorTask):  # type: ignore[misc]
    """What waitress refuses before the application sees it is answered in our shape too."""

    def execute(self) -> None:
        error = self.request.error
        body = json_bytes(error_body(code_of(error.reason), f"{error.reason}: {error.body}"))
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):  # type: ignore[misc]
    error_task_class = _ErrorTask
