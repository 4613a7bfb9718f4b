"""Where we listen: sockets for an address, or a sentence that says why it cannot be had."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


class CannotListen(Exception):
    """The address cannot be had; the message is for people."""


@contextmanager
def listening(host: str, port: int) -> Iterator[Sequence[socket.socket]]:
    """Sockets that listen on every address that ``host`` stands for; closed at the end.

    Raises:
        CannotListen: says why, and what to do.
    """
    sockets: list[socket.socket] = []
    try:
        for family, address in _addresses(host, port):
            # Sets what each system needs so that a port just left is free, and one in use is not.
            sockets.append(socket.create_server(address[:2], family=family, backlog=1024))
    except OSError as error:
        for opened in sockets:
            opened.close()
        raise CannotListen(_reason(host, port, error)) from error
    try:
        yield sockets
    finally:
        for opened in sockets:
            opened.close()


def url_of(host: str, port: int) -> str:
    """How a client names the address."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _addresses(host: str, port: int) -> Sequence[tuple[int, Any]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses = {(family, address) for family, _, _, _, address in found}
    # With port 0 each address would get a port of its own.
    return sorted(addresses)[: 1 if port == 0 else None]


def _reason(host: str, port: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"The host {host!r} is not known here; try 127.0.0.1."
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use by another program; choose another one."
    return f"Cannot listen on {host} port {port}: {error.strerror or error}."
