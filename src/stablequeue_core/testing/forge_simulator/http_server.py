"""Simulated servers on a real port, for clients in other processes and for real sockets."""

from __future__ import annotations

import os
import socket
import socketserver
import struct
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from http import HTTPStatus
from typing import Self
from urllib.parse import parse_qsl, unquote

from stablequeue_core.testing.forge_simulator.exchange import Answer, Delivery, Incoming
from stablequeue_core.testing.forge_simulator.forge import SimulatedForge

_SEND_SECONDS = 60.0
_LONGEST_LINE = 64 * 1024
_DRIP_PIECES = 8
_SPLIT_ABOVE = 64 * 1024
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_LINGER_ZERO = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


class _BadRequest(Exception):
    """What came over the wire is no HTTP request."""


class ForgeServer:
    """A simulated Forge on a port of this machine, speaking HTTP/1.1 as uvicorn does.

    While the simulated process is down or
    unplugged nothing listens on the port, and open connections are cut.

    Example::

        with ForgeServer(SimulatedForge.with_sample_models()) as server:
            requests.get(f"{server.url}/sdapi/v1/sd-models").json()
    """

    def __init__(
        self,
        forge: SimulatedForge,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        idle_seconds: float = 5.0,
    ) -> None:
        """Choose the address; nothing listens before ``start`` or ``with``.

        Args:
            forge: the server to put on the port.
            host: the address to listen on.
            port: 0 takes any free one.
            idle_seconds: after so many seconds without a request a connection is closed.
        """
        self.forge = forge
        self._host = host
        self._port = port
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._listener: _Listener | None = None
        self._watching = ExitStack()

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end; known once the server was started."""
        return f"http://{self._host}:{self._port}"

    def start(self) -> Self:
        """Listen, unless the simulated process is down.

        Raises:
            OSError: the port is taken.
        """
        self._listen(True)
        self._watching.enter_context(self.forge.link.watched(self._listen))
        if not self.forge.link.up:
            self._listen(False)
        return self

    def stop(self) -> None:
        """Close the port and cut every connection; safe to call again."""
        self._watching.close()
        self._listen(False)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _listen(self, wanted: bool) -> None:
        with self._lock:
            if wanted and self._listener is None:
                self._listener = _Listener((self._host, self._port), self.forge, self._idle_seconds)
                self._port = self._listener.server_address[1]
                self._listener.start()
            elif not wanted and self._listener is not None:
                self._listener.cut()
                self._listener = None


class _Listener(socketserver.ThreadingTCPServer):
    """One listening socket and the connections that came from it."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    # On Windows the same option would let two programs share the port.
    allow_reuse_address = os.name != "nt"

    def __init__(
        self, address: tuple[str, int], forge: SimulatedForge, idle_seconds: float
    ) -> None:
        self.forge = forge
        self.idle_seconds = idle_seconds
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.02,), name="forge-server", daemon=True
        )
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        super().__init__(address, _Connection)

    def start(self) -> None:
        """Accept connections on a thread."""
        self._thread.start()

    def cut(self) -> None:
        """Stop listening, and hang up on everybody."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it was closed from the other side already

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
            body = b"Invalid HTTP request received."
            self._send(Answer(status=400, body=body, content_type="text/plain; charset=utf-8"))
            return False
        path, _, query = target.partition("?")
        incoming = Incoming(
            method=method,
            path=unquote(path) if "%" in path else path,
            query=dict(parse_qsl(query)) if query else {},
            headers=headers,
            body=self.rfile.read(length) if length else b"",
        )
        answer = self.server.forge.handle(incoming)
        if answer.delivery in (Delivery.LOST, Delivery.REFUSED):
            self._reset()
            return False
        self._send(answer, with_body=method != "HEAD")
        if answer.delivery is Delivery.CUT_OFF:
            self._reset()
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

    def _send(self, answer: Answer, *, with_body: bool = True) -> None:
        self.connection.settimeout(_SEND_SECONDS)
        lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, '')}"]
        lines += [f"{name}: {value}" for name, value in answer.headers().items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        body = answer.body if with_body else b""
        if answer.delivery is Delivery.CUT_OFF:
            body = body[: len(body) // 2]
        if answer.delivery is Delivery.DRIPPED:
            self.connection.sendall(head)
            size = max(1, len(body) // _DRIP_PIECES)
            for start in range(0, len(body), size):
                self.server.forge.pause(answer.pause)
                self.connection.sendall(body[start : start + size])
        elif len(body) > _SPLIT_ABOVE:
            # Joining would copy the picture once more.
            self.connection.sendall(head)
            self.connection.sendall(body)
        else:
            self.connection.sendall(head + body)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        # The socket only closes when nothing reads from it any more.
        self.rfile.close()
        self.connection.close()
