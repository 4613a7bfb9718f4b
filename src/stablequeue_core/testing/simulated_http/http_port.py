"""A simulated server on a real port, for clients in other processes and for real sockets."""

from __future__ import annotations

import os
import select
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Self
from urllib.parse import parse_qsl, unquote

from stablequeue_core.testing.simulated_http.content import Content, content_of
from stablequeue_core.testing.simulated_http.exchange import Fate, Incoming, Outgoing

Handle = Callable[[Incoming], Outgoing]
Wait = Callable[[float], object]

_SEND_SECONDS = 60.0
_LONGEST_LINE = 64 * 1024
_SPLIT_ABOVE = 64 * 1024
_LOOK_SECONDS = 0.1
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_LINGER_ZERO = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


class _BadRequest(Exception):
    """What came over the wire is no HTTP request."""


class HttpPort:
    """A port of this machine that speaks HTTP/1.1 and leaves the answers to somebody else.

    Example::

        with HttpPort(lambda incoming: Outgoing(status=204, headers={}, content=EMPTY)) as port:
            requests.get(port.url)
    """

    def __init__(
        self,
        handle: Handle,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        idle_seconds: float = 5.0,
        wait: Wait | None = None,
    ) -> None:
        """Choose the address; nothing listens before ``open`` or ``with``.

        Args:
            handle: answers a request, on the thread of its connection.
            host: the address to listen on.
            port: 0 takes any free one, and keeps it.
            idle_seconds: after so many seconds without a request a connection is closed.
            wait: how to let seconds pass between the pieces of an answer; by default until they
                have passed, or until the port is closed.
        """
        self._handle = handle
        self._host = host
        self._port = port
        self._idle_seconds = idle_seconds
        self._wait = wait
        self._lock = threading.Lock()
        self._listener: _Listener | None = None

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end; known once the port was opened."""
        return f"http://{self._host}:{self._port}"

    def open(self) -> None:
        """Listen; safe to call again.

        Raises:
            OSError: the port is taken.
        """
        with self._lock:
            if self._listener is None:
                self._listener = _Listener(
                    (self._host, self._port), self._handle, self._idle_seconds, self._wait
                )
                self._port = self._listener.server_address[1]
                self._listener.start()

    def close(self) -> None:
        """Stop listening and cut every connection; safe to call again."""
        with self._lock:
            if self._listener is not None:
                self._listener.cut()
                self._listener = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class _Listener(socketserver.ThreadingTCPServer):
    """One listening socket and the connections that came from it."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    # On Windows the same option would let two programs share the port.
    allow_reuse_address = os.name != "nt"

    def __init__(
        self, address: tuple[str, int], handle: Handle, idle_seconds: float, wait: Wait | None
    ) -> None:
        self.handle = handle
        self.idle_seconds = idle_seconds
        self.closing = threading.Event()
        self.wait = wait or self.closing.wait
        self._thread = threading.Thread(target=self._accept, name="simulated-http", daemon=True)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        super().__init__(address, _Connection)

    def start(self) -> None:
        """Accept connections on a thread."""
        self._thread.start()

    def cut(self) -> None:
        """Stop listening, and hang up on everybody."""
        self.closing.set()
        with suppress(OSError):  # wakes accept(); where it cannot, that looks up by itself
            socket.create_connection(self.socket.getsockname(), timeout=_LOOK_SECONDS).close()
        self._thread.join()
        self.server_close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it was closed from the other side already

    def _accept(self) -> None:
        self.socket.settimeout(_LOOK_SECONDS)
        while not self.closing.is_set():
            try:
                connection, address = self.get_request()
            except OSError:
                continue
            if self.closing.is_set():
                self.shutdown_request(connection)
            else:
                self.process_request(connection, address)

    def opened(self, connection: socket.socket) -> None:
        """A client has connected."""
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """A client has gone."""
        with self._lock:
            self._open.discard(connection)


class _Connection(socketserver.StreamRequestHandler):
    """One client's connection: request after request, until either side hangs up."""

    disable_nagle_algorithm = True
    server: _Listener
    connection: socket.socket

    def handle(self) -> None:
        self.server.opened(self.connection)
        try:
            while self._serve_one():
                pass
        except OSError:
            return  # hung up, or idle for too long; jobs have run to their end all the same
        finally:
            self.server.closed(self.connection)

    def _serve_one(self) -> bool:
        self.connection.settimeout(self.server.idle_seconds)
        line = self.rfile.readline(_LONGEST_LINE)
        if not line:
            return False
        try:
            method, target, protocol = line.decode("latin-1").split()
            headers = self._headers()
            length = int(headers.get("content-length", "0"))
        except (ValueError, _BadRequest):
            self._send(_no_http(), with_body=True)
            return False
        path, _, query = target.partition("?")
        incoming = Incoming(
            method=method,
            path=unquote(path) if "%" in path else path,
            query=dict(parse_qsl(query)) if query else {},
            query_string=query,
            headers=headers,
            body=self.rfile.read(length) if length else b"",
        )
        outgoing = self.server.handle(incoming)
        if outgoing.fate in (Fate.LOST, Fate.REFUSED):
            self._reset()
            return False
        if outgoing.fate is not Fate.MUTE:
            self._send(outgoing, with_body=method != "HEAD")
        if outgoing.fate in (Fate.SILENT, Fate.MUTE):
            self._say_nothing()
        if outgoing.fate is Fate.RESET:
            self._reset()
        if outgoing.fate is not Fate.KEPT:
            return False
        return protocol != "HTTP/1.0" and headers.get("connection", "").lower() != "close"

    def _headers(self) -> Mapping[str, str]:
        headers = {}
        while (line := self.rfile.readline(_LONGEST_LINE)) not in (b"\r\n", b"\n", b""):
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon:
                raise _BadRequest
            headers[name.strip().lower()] = value.strip()
        return headers

    def _send(self, outgoing: Outgoing, *, with_body: bool) -> None:
        self.connection.settimeout(_SEND_SECONDS)
        lines = [f"HTTP/1.1 {outgoing.status} {_REASONS.get(outgoing.status, '')}"]
        lines += [f"{name}: {value}" for name, value in outgoing.headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        body = outgoing.body()
        if not with_body or not body.size:
            self.connection.sendall(head)
        elif outgoing.piece is not None:
            self.connection.sendall(head)
            for piece in body.in_pieces(outgoing.piece):
                self._pause(outgoing)
                self.connection.sendall(piece)
        else:
            self._send_at_once(head, body)

    def _send_at_once(self, head: bytes, body: Content) -> None:
        data = body.in_memory()
        if data is not None and len(data) <= _SPLIT_ABOVE:
            self.connection.sendall(head + data)
            return
        # Joining would copy a large body once more.
        self.connection.sendall(head)
        if data is not None:
            self.connection.sendall(data)
        elif (place := body.on_disk()) is not None:
            with place[0].open("rb") as file:
                self.connection.sendfile(file, place[1], body.size)
        else:
            for piece in body.pieces(0, body.size):
                self.connection.sendall(piece)

    def _pause(self, outgoing: Outgoing) -> None:
        if callable(outgoing.pause):
            outgoing.pause()
        else:
            self.server.wait(outgoing.pause)

    def _say_nothing(self) -> None:
        """Until the client has gone, or the port is closed."""
        while not self.server.closing.wait(_LOOK_SECONDS):
            readable, _, _ = select.select([self.connection], [], [], 0)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        # The socket only closes when nothing reads from it any more.
        self.rfile.close()
        self.connection.close()


def _no_http() -> Outgoing:
    text = b"Invalid HTTP request received."
    headers = {
        "content-length": str(len(text)),
        "content-type": "text/plain; charset=utf-8",
    }
    return Outgoing(status=400, headers=headers, content=content_of(text))
