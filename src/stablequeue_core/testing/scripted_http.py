"""A real HTTP server on this computer that behaves as badly as a test tells it to.

A script is what the server does with one request: any callable that takes an :class:`Exchange`.
The usual ones are made by the functions of this module.
"""

from __future__ import annotations

import gzip
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader
from typing import Self

from attrs import frozen

_PATIENCE = 10.0  # for a condition that a test waits for; far more than it needs


@frozen(kw_only=True)
class Received:
    """A request as it came.

    Attributes:
        headers: names in lower case.
        connection: which of the accepted connections it came on, from 1.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


class Exchange:
    """One request, and the means to answer it or not."""

    def __init__(self, request: Received, sock: socket.socket, closing: threading.Event) -> None:
        self.request = request
        self.hung_up = False
        self._socket = sock
        self._closing = closing

    def send(self, data: bytes) -> None:
        """Send raw bytes."""
        self._socket.sendall(data)

    def wait(self, seconds: float) -> bool:
        """Do nothing for a while; False when the server is being closed."""
        return not self._closing.wait(seconds)

    def hang_up(self) -> None:
        """Close the connection properly once the script ends."""
        self.hung_up = True

    def reset(self) -> None:
        """Close the connection once the script ends so that the client sees a reset."""
        at_once = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self.hung_up = True


Script = Callable[[Exchange], None]


class ScriptedHttp:
    """The server.

    Args:
        tls: speak HTTPS with this context.

    Example::

        with ScriptedHttp() as server:
            server.on("/loras", answer(b"[]"))
            transport.send(Request(method="GET", url=server.url + "/loras"))
            assert server.received[0].method == "GET"
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._scripts: dict[str, Script] = {}
        self._changed = threading.Condition()
        self._received: list[Received] = []
        self._accepted = 0
        self._open: set[socket.socket] = set()
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def received(self) -> tuple[Received, ...]:
        """Every request so far, in the order of arrival."""
        with self._changed:
            return tuple(self._received)

    def on(self, path: str, script: Script) -> None:
        """From now on do this with requests for ``path``; other paths are answered 404."""
        self._scripts[path] = script

    def wait_for_requests(self, count: int) -> None:
        """Come back when so many requests have arrived in all."""
        self._wait(lambda: len(self._received) >= count, f"{count} requests")

    def wait_until_left(self) -> None:
        """Come back when no client is connected any more."""
        self._wait(lambda: not self._open, "every client to hang up")

    def close(self) -> None:
        """Drop every connection and stop; safe to call again."""
        self._closing.set()
        with suppress(OSError):  # wakes accept() on Linux; elsewhere the connection below does
            self._listener.shutdown(socket.SHUT_RDWR)
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            pass
        with self._changed:
            still_open = tuple(self._open)
        for sock in still_open:
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(_PATIENCE)
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(condition, _PATIENCE):
                raise TimeoutError(f"waited {_PATIENCE:g} s in vain for {what}")

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            if self._closing.is_set():
                sock.close()
                return
            with self._changed:
                self._accepted += 1
                number = self._accepted
                self._open.add(sock)
            thread = threading.Thread(target=self._serve, args=(sock, number), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, accepted: socket.socket, number: int) -> None:
        with (
            suppress(OSError),  # the client hung up
            self._spoken(accepted) as sock,
            sock.makefile("rb") as stream,
        ):
            while (request := _read_request(stream, number)) is not None:
                exchange = Exchange(request, sock, self._closing)
                with self._changed:
                    self._received.append(request)
                    self._changed.notify_all()
                self._scripts.get(request.path, answer(status=404))(exchange)
                if exchange.hung_up or self._closing.is_set():
                    break
        with self._changed:
            self._open.discard(accepted)
            self._changed.notify_all()

    @contextmanager
    def _spoken(self, accepted: socket.socket) -> Iterator[socket.socket]:
        """The socket to speak through, closed at the end."""
        with accepted:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is None:
                yield accepted
                return
            with self._tls.wrap_socket(accepted, server_side=True) as wrapped:
                yield wrapped


def answer(
    body: bytes = b"", *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Script:
    """Answer properly."""
    return lambda exchange: exchange.send(_head(status, headers, len(body)) + body)


def redirect(to: str, *, status: int = 307) -> Script:
    """Send the client elsewhere."""
    return answer(status=status, headers={"Location": to})


def chunked(*pieces: bytes, cut: bool = False) -> Script:
    """Answer in chunks; ``cut`` hangs up before the last one."""

    def script(exchange: Exchange) -> None:
        exchange.send(_head(200, {"Transfer-Encoding": "chunked"}, None))
        for piece in pieces:
            exchange.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        if cut:
            exchange.hang_up()
        else:
            exchange.send(b"0\r\n\r\n")

    return script


def gzipped(body: bytes, *, damaged: bool = False) -> Script:
    """Answer compressed; ``damaged`` sends something that cannot be decompressed."""
    data = b"this is no gzip" if damaged else gzip.compress(body)
    return answer(data, headers={"Content-Encoding": "gzip"})


def half_an_answer(body: bytes) -> Script:
    """Promise twice as much as is sent, then hang up."""

    def script(exchange: Exchange) -> None:
        exchange.send(_head(200, None, 2 * len(body)) + body)
        exchange.hang_up()

    return script


def fall_silent_after(body: bytes) -> Script:
    """Promise one byte more than is sent, then neither send nor hang up."""

    def script(exchange: Exchange) -> None:
        exchange.send(_head(200, None, len(body) + 1) + body)
        exchange.wait(_PATIENCE)

    return script


def until_we_hang_up(body: bytes) -> Script:
    """Answer without a length and keep the connection open for a while: its end is the body's."""

    def script(exchange: Exchange) -> None:
        exchange.send(_head(200, {"Connection": "close"}, None) + body)
        exchange.wait(_PATIENCE)
        exchange.hang_up()

    return script


def drip(body: bytes, seconds: float) -> Script:
    """Answer byte by byte, so long apart."""

    def script(exchange: Exchange) -> None:
        exchange.send(_head(200, None, len(body)))
        for byte in body:
            exchange.wait(seconds)
            exchange.send(bytes([byte]))

    return script


def hang_until(released: threading.Event, then: Script | None = None) -> Script:
    """Say nothing until released (or the server is closed), then go on with ``then``."""

    def script(exchange: Exchange) -> None:
        while not released.wait(0.01):
            if not exchange.wait(0):
                return
        (then or answer())(exchange)

    return script


def reset(exchange: Exchange) -> None:
    """Reset the connection instead of answering."""
    exchange.reset()


def hang_up(exchange: Exchange) -> None:
    """Close the connection instead of answering."""
    exchange.hang_up()


def answer_then_hang_up(exchange: Exchange) -> None:
    """Answer as if the connection stayed, then close it: an idle connection that died."""
    answer(b"before")(exchange)
    exchange.hang_up()


def _head(status: int, headers: Mapping[str, str] | None, length: int | None) -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted"]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def _read_request(stream: BufferedReader, connection: int) -> Received | None:
    """The next request; None when the client hung up or does not speak HTTP."""
    if not stream.peek(1)[:1].isalpha():  # the first byte of TLS, for example, is no letter
        return None
    method, path, _ = stream.readline().decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := stream.readline().decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    return Received(method=method, path=path, headers=headers, body=body, connection=connection)
