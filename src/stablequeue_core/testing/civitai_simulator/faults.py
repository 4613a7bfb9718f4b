"""Accidents on order: what goes wrong with the next requests."""

from __future__ import annotations

import threading
from enum import Enum

from attrs import frozen

from stablequeue_core.testing.civitai_simulator.exchange import Place
from stablequeue_core.testing.simulated_http import Pause
from stablequeue_core.testing.simulated_http.orders import Orders

_PLACES = frozenset(place.value for place in Place)


class Fault(Enum):
    """What can go wrong with one request; in brackets what can be said about it."""

    # Nothing is looked at; this is the answer.
    REFUSE_CONNECTION = "no connection is made"
    LOSE_ANSWER = "the connection breaks before the first byte"
    SILENCE = "the connection stays, but nothing comes"
    TOO_MANY_REQUESTS = "429 as JSON (retry_after: seconds; without it the header is missing)"
    TOO_MANY_DOWNLOADS = "429 of the download route, never with a Retry-After"
    SERVER_ERROR = "an exception inside Civitai, as JSON (status: 500)"
    EDGE_ERROR = "the edge proxy's page (status: 502; also 520 to 526)"
    BUSY = "503 as JSON with Retry-After: 2"
    CHALLENGE = "403 with the firewall's page"
    LOGIN_PAGE = "200 with a page for people"
    GARBAGE = "200 with half a JSON text"
    GZIP_BOMB = "200, a few kilobytes that become enormous (size: 1 GB)"
    HUGE_JSON = "200, JSON without an end in sight (size: 500 MB)"
    # Only its storage and its pictures:
    EXPIRED = "403: the link has expired, and stays so"
    EXPIRE_MIDWAY = "the connection breaks (after: bytes), and the link has expired"
    RANGE_IGNORED = "200 with the whole file, whatever part was asked for"
    ETAG_CHANGED = "the same bytes under another name"
    WRONG_BYTES = "one byte is another (after: which of this answer; else the last)"
    # Only its downloads:
    REDIRECT = "307 to somewhere (to: an address)"
    REDIRECT_LOOP = "307 to the very same address"
    REDIRECT_TO_PRIVATE = "307 to the storage, at a private address"
    REDIRECT_TO_HTTP = "307 to the storage, without encryption"
    # Everywhere: the right answer, but ...
    RESET = "the connection breaks (after: bytes of the body; else half of it)"
    TRUNCATED = "it ends too early (after), although its length was told"
    TRUNCATED_WITHOUT_LENGTH = "it ends too early (after), and its length was not told"
    STALL = "nothing more comes, and nobody hangs up (after)"
    SLOW_DRIP = "it comes byte by byte (pause: before each; piece: bytes at once)"


@frozen(kw_only=True)
class ScriptedFault:
    """One accident; see :class:`Fault` for what its details mean."""

    fault: Fault
    status: int | None = None
    retry_after: float | None = None
    after: int | None = None
    size: int | None = None
    to: str | None = None
    pause: Pause = 0.0
    piece: int = 1


class Faults:
    """The accidents that are still to come. Thread-safe.

    Example::

        civitai.faults.next("storage", Fault.RESET, after=100_000)
        civitai.faults.next("/api/v1/models", Fault.EDGE_ERROR, status=522, times=3)
        civitai.faults.next("download", Fault.TOO_MANY_DOWNLOADS, skip=1)
        civitai.faults.next("*", Fault.BUSY, times=None)
        civitai.faults.clear()
    """

    def __init__(self, changed: threading.Condition) -> None:
        self._orders: Orders[ScriptedFault] = Orders(changed)

    def next(
        self,
        where: str,
        fault: Fault,
        *,
        times: int | None = 1,
        skip: int = 0,
        status: int | None = None,
        retry_after: float | None = None,
        after: int | None = None,
        size: int | None = None,
        to: str | None = None,
        pause: Pause = 0.0,
        piece: int = 1,
    ) -> None:
        """Order ``fault`` for the next requests that fit.

        Args:
            where: ``api``, ``second``, ``storage``, ``cdn`` or ``intranet`` for a host; the
                beginning of a path (``/api/v1/images``); one part of a path (``by-hash``, ``me``,
                ``download``); ``*`` for every request.
            fault: what is to happen.
            times: to how many requests; None to all that come.
            skip: so many that fit go well before.
            status: see :class:`Fault`, for this one and those that follow.
            retry_after: in seconds.
            after: in bytes of this answer's body, which may be a part of the file.
            size: in bytes, decompressed.
            to: an address.
            pause: seconds, or what is called instead of waiting: it may move a clock, or wait.
            piece: in bytes.
        """
        accident = ScriptedFault(
            fault=fault,
            status=status,
            retry_after=retry_after,
            after=after,
            size=size,
            to=to,
            pause=pause,
            piece=piece,
        )
        self._orders.add(lambda path: _fits(where, path), accident, times=times, skip=skip)

    def clear(self) -> None:
        """Forget every order."""
        self._orders.clear()

    @property
    def pending(self) -> int:
        """How many orders have not been used up."""
        return self._orders.pending

    def take(self, place: Place, path: str) -> ScriptedFault | None:
        """What is to happen to this request; it counts as happened."""
        return self._orders.take(f"{place.value}:{path}")


def _fits(where: str, request: str) -> bool:
    place, _, path = request.partition(":")
    if where == "*" or where in _PLACES:
        return where in ("*", place)
    return path.startswith(where) if where.startswith("/") else where in path.split("/")
