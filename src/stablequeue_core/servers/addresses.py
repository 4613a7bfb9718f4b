"""Which addresses of servers lead to the same one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from stablequeue_core.quantities import few
from stablequeue_core.servers.server import Server

MOST_NAMED = 3
"""So many other names of a server are told; what is to be done is the same for all."""

_THIS_COMPUTER = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"http": 80, "https": 443}

Place = tuple[str, int, str]
"""Host, port and path."""


def place_of(url: str) -> Place:
    """Where the address leads; the same for every spelling of it that can be known as such.

    Example:
        >>> place_of("http://localhost:7860") == place_of("http://[::1]:7860/")
        True
        >>> place_of("https://tower/a") == place_of("https://tower:443/b")
        False
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    host = "localhost" if host in _THIS_COMPUTER else host
    return host, parts.port or _PORTS.get(parts.scheme, 0), parts.path.rstrip("/")


def namesakes(server: Server, others: Iterable[Server]) -> Sequence[Server]:
    """Those of the others that are the same server by another name, as far as both are used."""
    if not server.enabled:
        return ()
    place = place_of(server.api_url)
    return [
        each
        for each in others
        if each.enabled and each.alias != server.alias and place_of(each.api_url) == place
    ]


def remark_on(server: Server, others: Iterable[Server]) -> str | None:
    """What is allowed and hardly meant: that the server has another name as well; None: it has not.

    Example:
        >>> one, two = (Server(alias=alias, api_url="http://tower:7860") for alias in ("A", "B"))
        >>> remark_on(two, [one, two])
        "Server 'B' is also called 'A': they share the address http://tower:7860, so it gets 2 \
jobs at a time. Remove or disable all but one of these names."
    """
    same = namesakes(server, others)
    if not same:
        return None
    names = few([repr(each.alias) for each in same], MOST_NAMED)
    urls = list(dict.fromkeys(each.api_url for each in (server, *same)))
    one = f"they share the address {urls[0]}"
    have = one if len(urls) == 1 else f"{' and '.join(urls[:MOST_NAMED])} lead to the same place"
    return (
        f"Server {server.alias!r} is also called {names}: {have}, so it gets {len(same) + 1} jobs "
        "at a time. Remove or disable all but one of these names."
    )
