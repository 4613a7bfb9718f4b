"""Connections of urllib3 on which another thread can hang up, and that tell how far they came.

urllib3 chooses the connection inside its pool, so a request learns which one it got by standing
in a thread-local place (:func:`under_way`) while urllib3 works for it.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.wait import wait_for_write

from stablequeue_core.errors import PrivateAddress, TransferAborted
from stablequeue_core.transport.addresses import is_public
from stablequeue_core.transport.reply import Reply

_IDLE_LIMIT_SECONDS = 4.0  # uvicorn, which serves Forge, hangs up on a connection idle for 5 s
_CONNECT_SLICE_SECONDS = 0.05  # how late a pulled switch may be noticed while connecting
_SEND_PIECE_BYTES = 256 * 1024
_UNFINISHED = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY})
_KEEP_ALIVE = [
    # A server whose machine lost power never says so; without probes a read with no time limit
    # would wait for ever. No system has all of these options: KEEPALIVE is the KEEPIDLE of macOS.
    (option, value)
    for name, value in (
        ("TCP_KEEPIDLE", 30),
        ("TCP_KEEPALIVE", 30),
        ("TCP_KEEPINTVL", 10),
        ("TCP_KEEPCNT", 4),
    )
    if (option := getattr(socket, name, None)) is not None
]


class Call:
    """One request under way: how far it came, and the way to end it from another thread."""

    def __init__(
        self, send_patience: float | None, *, fresh: bool = False, public_only: bool = False
    ) -> None:
        """Begin a request.

        Args:
            send_patience: seconds for which a piece of the body may wait to be sent.
            fresh: never take a connection that was used before.
            public_only: never take one to an address that is not public.
        """
        self.fresh = fresh
        self.public_only = public_only
        self.reply: Reply | None = None
        self.send_patience = send_patience
        self.sent = False
        self.reused = False
        self._lock = threading.Lock()
        self._hung_up = False
        self._socket: socket.socket | None = None

    def hold(self, sock: socket.socket) -> None:
        """From now on, hanging up means this socket.

        Raises:
            TransferAborted: somebody has hung up already.
        """
        with self._lock:
            self._socket = sock
        self.check()

    def let_go(self) -> bool:
        """Another call wants the socket: from now on, hanging up does not touch it.

        Returns:
            whether it is of any use to the other call.
        """
        with self._lock:
            self._socket = None
            return not self._hung_up

    def check(self) -> None:
        """Raise TransferAborted if somebody hung up."""
        if self._hung_up:
            raise TransferAborted

    def hang_up(self) -> None:
        """Make whatever waits for the socket come back at once; called from another thread."""
        with self._lock:
            self._hung_up = True
            if self._socket is None:
                return
            with suppress(OSError):
                # Not its own shutdown(): that of an SSLSocket pulls the TLS state away under
                # the reader.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            if sys.platform == "win32":
                # There, a shutdown does not wake a waiting reader; closing the handle does.
                with suppress(OSError):
                    socket.close(self._socket.detach())


class _Place(threading.local):
    call: Call | None = None


_place = _Place()


@contextmanager
def under_way(call: Call) -> Iterator[None]:
    """Connections that this thread uses inside the block belong to ``call``."""
    _place.call = call
    try:
        yield
    finally:
        _place.call = None


def _present() -> Call:
    if _place.call is None:
        raise RuntimeError("a connection was used outside of under_way()")
    return _place.call


class _ReplyToCall(Reply):
    """Makes itself known to the call that it answers."""

    def begin(self) -> None:
        super().begin()
        _present().reply = self


class _Interruptible(HTTPConnection):
    """What both kinds of connection share."""

    response_class = _ReplyToCall
    _used_at = 0.0
    _call: Call | None = None
    _is_public = False

    @property
    def is_connected(self) -> bool:
        """Asked by the pool that is about to give it to another call: is it fit for that?

        It is when the other call wants a used one and may go where this one leads, the call before
        let go of it, it is alive, and it was not idle for so long that the server may be closing it
        just now. If it is not, the pool closes it and connects anew.
        """
        call = _present()
        return (
            not call.fresh
            and (self._is_public or not call.public_only)
            and time.monotonic() - self._used_at < _IDLE_LIMIT_SECONDS
            and (self._call is None or self._call.let_go())
            and super().is_connected
        )

    def _new_conn(self) -> socket.socket:
        try:
            sock, address = _dial(self.host.strip("[]"), self.port, self.timeout, _present())
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "timed out") from error
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(self, "failed") from error
        self._is_public = is_public(address)
        return sock

    def connect(self) -> None:
        super().connect()
        self._begin(_present())

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._used_at = time.monotonic()
        call = _present()
        if self.sock is not None and not call.sent:  # else it is connected by or for this call
            call.reused = True
            self._begin(call)
        super().request(*args, **kwargs)

    def _begin(self, call: Call) -> None:
        self._call = call
        call.hold(getattr(self.sock, "socket", self.sock))  # TLS within TLS wraps the real one
        call.sent = True

    def send(self, data: Any) -> None:
        """Send in pieces: Python's time-out counts over all that sendall() is given."""
        if self.sock is None:
            self.connect()
        call = _present()
        if call.sent:  # else a proxy is being asked for the connection
            self.sock.settimeout(call.send_patience)
        if not isinstance(data, bytes) or len(data) <= _SEND_PIECE_BYTES:
            super().send(data)
            return
        view = memoryview(data)
        for start in range(0, len(view), _SEND_PIECE_BYTES):
            super().send(view[start : start + _SEND_PIECE_BYTES])


class _InterruptibleTls(_Interruptible, HTTPSConnection):
    """The same, over TLS."""

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        # The handshake takes the descriptor away from this object, so hang up on a twin meanwhile.
        self._twin = sock.dup()
        _present().hold(self._twin)
        return sock

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            twin = self.__dict__.pop("_twin", None)
            if twin is not None:
                twin.close()


class InterruptiblePool(HTTPConnectionPool):
    """A pool of interruptible connections."""

    ConnectionCls = _Interruptible


class InterruptibleTlsPool(HTTPSConnectionPool):
    """A pool of interruptible connections over TLS."""

    ConnectionCls = _InterruptibleTls


def _dial(host: str, port: int, patience: float | None, call: Call) -> tuple[socket.socket, str]:
    """Connect to the first of the host's addresses that answers; which one it is.

    Raises:
        PrivateAddress: one of them is not public, and the call must not go there. A name that
            stands for addresses of both kinds is meant to deceive.
    """
    failure: OSError = OSError("the host has no address")
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if call.public_only and not all(is_public(str(address[0])) for *_, address in found):
        raise PrivateAddress(host)
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in _KEEP_ALIVE:
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
            _connect(sock, address, patience, call)
            return sock, str(address[0])
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
    raise failure


def _connect(sock: socket.socket, address: Any, patience: float | None, call: Call) -> None:
    """Connect without blocking, so that a pulled switch is noticed on every system."""
    deadline = None if patience is None else time.monotonic() + patience
    sock.setblocking(False)
    code = sock.connect_ex(address)
    while code in _UNFINISHED:
        call.check()
        wait = _CONNECT_SLICE_SECONDS
        if deadline is not None:
            wait = min(wait, deadline - time.monotonic())
            if wait <= 0:
                raise TimeoutError
        if wait_for_write(sock, wait):
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
    sock.settimeout(patience)
