"""Foreign requests: those that a page of somebody else makes a browser send, and how to tell.

A browser sends what any page tells it to, also to this machine. It says where the page comes from
(``Origin``), which other clients do not; and it says by which name it has found us (``Host``),
which is not ours when somebody has pointed a name of theirs at our address (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple, Self

from flask import request

from stablequeue_flask.errors import ForeignHost, ForeignOrigin

_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PLACE = re.compile(r"(\[[0-9a-f:.]+\]|[^\s\[\]/@:,?#\\]+)(?::([0-9]{1,5}))?")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)")


class Place(NamedTuple):
    """Where something is served: a host in lower case, and a port if one is named."""

    host: str
    port: int | None

    @classmethod
    def read(cls, text: str) -> Self | None:
        """What a ``Host`` header says; None if that is no place.

        Example:
            >>> Place.read("Tower.local:8083"), Place.read("[::1]"), Place.read("a, b")
            (Place(host='tower.local', port=8083), Place(host='[::1]', port=None), None)
        """
        match = _PLACE.fullmatch(text.lower())
        if match is None:
            return None
        host, port = match.groups()
        return cls(host.removesuffix("."), int(port) if port else None)

    @property
    def is_loopback(self) -> bool:
        """Whether the host is a name of this machine that nobody can point elsewhere."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False


class Origin(NamedTuple):
    """Where a page comes from, as browsers write it."""

    scheme: str
    place: Place

    @classmethod
    def read(cls, text: str) -> Self | None:
        """What an ``Origin`` header says; None if that is no origin, as with ``null``.

        Example:
            >>> Origin.read("https://Example.org:443") == Origin.read("https://example.org")
            True
        """
        match = _SCHEME.fullmatch(text.lower())
        place = Place.read(match[2]) if match else None
        if match is None or place is None:
            return None
        default = _DEFAULT_PORTS.get(match[1])
        return cls(match[1], place._replace(port=place.port or default))

    def is_at(self, host: Place) -> bool:
        """Whether the page comes from the machine that ``host`` names.

        As for browsers' own "same site", neither the scheme nor the port counts: behind a proxy
        that ends TLS they are others, and the web UI of a Forge beside us may speak to us.
        """
        if self.scheme not in _DEFAULT_PORTS:
            return False
        same = self.place.host == host.host
        return same or (self.place.is_loopback and host.is_loopback)


def check_of(
    allowed_origins: Iterable[str] = (), allowed_hosts: Iterable[str] | None = None
) -> Callable[[], None]:
    """What has to be called at the beginning of each request; it refuses foreign ones.

    Args:
        allowed_origins: pages that come from there may do everything, as our own may.
        allowed_hosts: the names by which we may be called, besides those of this machine that
            nobody can point elsewhere (``localhost``, ``127.0.0.1`` …); None for any name.

    Raises:
        ValueError: one of them is no origin, or no host.
    """
    origins = frozenset(map(origin, allowed_origins))
    hosts = None if allowed_hosts is None else frozenset(map(host_name, allowed_hosts))

    def check() -> None:
        if hosts is not None:
            _check_host(hosts)
        if request.method not in _HARMLESS:
            _check_origin(origins)

    return check


def origin(text: str) -> Origin:
    """An origin, as people write it.

    Raises:
        ValueError: it is none; the message says what one looks like.
    """
    read = Origin.read(text.strip().removesuffix("/"))
    if read is None:
        raise ValueError(f"{text!r} is no origin; one looks like https://gallery.example.")
    return read


def host_name(text: str) -> str:
    """A host, as people write it.

    Raises:
        ValueError: it is none; the message says what one looks like.
    """
    bare_ipv6 = text.count(":") > 1 and not text.startswith("[")
    read = Place.read(f"[{text}]" if bare_ipv6 else text)
    if read is None or read.port is not None:
        raise ValueError(
            f"{text!r} is no host; one looks like queue.example, without http:// and without port."
        )
    return read.host


def _check_host(hosts: frozenset[str]) -> None:
    said = request.headers.get("Host", "")
    place = Place.read(said)
    if place is None or not (place.is_loopback or place.host in hosts):
        raise ForeignHost(said)


def _check_origin(origins: frozenset[Origin]) -> None:
    said = request.headers.get("Origin")
    if said is None:
        # Browsers that tell where the page comes from, but not to whom.
        if request.headers.get("Sec-Fetch-Site", "").lower() == "cross-site":
            raise ForeignOrigin(None)
        return
    page, host = Origin.read(said), Place.read(request.headers.get("Host", ""))
    is_own = page is not None and host is not None and page.is_at(host)
    if not is_own and page not in origins:
        raise ForeignOrigin(said)
