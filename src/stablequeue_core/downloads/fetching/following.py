"""Follows the redirects of a storage by hand: few, and nothing secret goes to another host."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from attrs import evolve

from stablequeue_core.errors import StorageHostFailed
from stablequeue_core.transport import Abort, Request, StreamedResponse, Transport

MOST_HOPS = 5

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OURS = frozenset({"range", "if-range", "accept-encoding", "user-agent"})


def opened(transport: Transport, request: Request, abort: Abort) -> StreamedResponse:
    """The first answer that is no redirect, its head read; close it.

    To another origin (scheme, host and port) only those headers travel on that say which bytes are
    wanted, and how; ``public_only`` holds for every hop.

    Raises:
        StorageHostFailed: there are too many hops, or one of them leads out of https.
        TransportError: as of the transport; ``PrivateAddress`` for a hop into a private network.
    """
    for _ in range(MOST_HOPS + 1):
        answer = transport.stream(request, abort=abort)
        target = answer.headers.get("location")
        if answer.status not in _REDIRECTS or not target:
            return answer
        answer.close()
        request = _next(request, target)
    raise StorageHostFailed(
        f"The host that holds the file sends us on, more than {MOST_HOPS} times. Retry later: what "
        "is here already is kept."
    )


def _next(request: Request, target: str) -> Request:
    try:
        url = urljoin(request.url, target)
        here, there = _origin(request.url), _origin(url)
    except ValueError:
        raise _lost("to an address that is none") from None
    if here[0] == "https" and there[0] != "https":
        raise _lost("from a secure connection to one that is none")
    if here == there:
        return evolve(request, url=url)
    kept = {name: text for name, text in request.headers.items() if name.lower() in _OURS}
    return evolve(request, url=url, headers=kept, auth=None)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    default = 443 if parts.scheme == "https" else 80
    return parts.scheme, parts.hostname, parts.port or default


def _lost(where: str) -> StorageHostFailed:
    return StorageHostFailed(
        f"The host that holds the file sends us {where}; that was not followed. Retry later: what "
        "is here already is kept."
    )
