"""The seam: who carries HTTP.

Implement :meth:`Transport._send` only; :meth:`Transport.send` keeps the promises that callers
rely on, for every implementation.
"""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import urlsplit

from attrs import field, frozen

from stablequeue_core.errors import AnswerTooLarge, TransferAborted, TransportError

CHUNK_BYTES = 64 * 1024


class Abort:
    """A switch that one thread pulls to make another thread's request come back at once.

    Example::

        abort = Abort()
        threading.Timer(5, abort.pull).start()
        transport.send(request, abort=abort)      # raises TransferAborted after five seconds
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pulled = threading.Event()
        self._reactions: list[Callable[[], None]] = []

    @property
    def pulled(self) -> bool:
        """Whether somebody pulled the switch."""
        return self._pulled.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep for so long, or until the switch is pulled; whether it is pulled."""
        return self._pulled.wait(seconds)

    def pull(self) -> None:
        """Make the request that holds this switch come back; safe to call again."""
        with self._lock:
            self._pulled.set()
            reactions, self._reactions = self._reactions, []
        for react in reactions:
            react()

    @contextmanager
    def reaction(self, react: Callable[[], None]) -> Iterator[None]:
        """Call ``react`` once if the switch is pulled inside the block (or was before)."""
        with self._lock:
            already = self._pulled.is_set()
            if not already:
                self._reactions.append(react)
        if already:
            react()
        try:
            yield
        finally:
            with self._lock:
                if react in self._reactions:
                    self._reactions.remove(react)


@frozen(kw_only=True)
class Timeouts:
    """How patient we are, in seconds; ``None`` waits for ever."""

    connect: float | None = 5.0
    read: float | None = 30.0


def _names(headers: Mapping[str, str]) -> str:
    return f"<{', '.join(headers)}>"


@frozen(kw_only=True)
class Request:
    """One HTTP request.

    Attributes:
        method: ``GET``, ``POST`` ...
        url: absolute, http or https, without credentials in it. Its query may be a key, as that of
            a signed link is, so neither a repr nor a message shows it.
        headers: sent as they are; a repr shows their names only.
        json: sent as a JSON body when not None.
        auth: user name and password for HTTP Basic; never shown in a repr, never sent elsewhere.
        timeouts: connect and read apart; no read limit while a picture is made.
        max_answer_bytes: a longer answer raises AnswerTooLarge.
        fresh_connection: open a new connection for this request, so that a broken one always
            means that *this* request was lost, never that an idle connection had died before.
        public_only: connect to a public address only, neither to this machine nor to a private
            network: for addresses that somebody else has chosen. Each address that the host's name
            stands for is judged, and one of those is dialled, so nothing can change in between.
            A proxy looks names up itself: then only what is written as an address is judged.
    """

    method: str
    url: str = field(repr=lambda url: repr(url.partition("?")[0]))
    headers: Mapping[str, str] = field(factory=dict, repr=_names)
    json: Any = None
    auth: tuple[str, str] | None = field(default=None, repr=False)
    timeouts: Timeouts = Timeouts()
    max_answer_bytes: int = 1024 * 1024 * 1024
    fresh_connection: bool = False
    public_only: bool = False

    @property
    def place(self) -> str:
        """Host and port, which may be shown to anybody.

        Example:
            >>> Request(method="GET", url="https://me:secret@b2.example/x?signature=secret").place
            'b2.example:443'
        """
        try:
            parts = urlsplit(self.url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        except ValueError:
            host = None
        return f"{host}:{port}" if host else "The given URL"


@frozen(kw_only=True)
class Response:
    """One HTTP answer, read to its end.

    Attributes:
        status: the status code, as it came: this seam never judges it and never follows a redirect.
        headers: names in lower case; a repr shows no more than these, for one may hold a link.
        body: the bytes, decompressed.
    """

    status: int
    headers: Mapping[str, str] = field(factory=dict, repr=_names)
    body: bytes = field(default=b"", repr=lambda body: f"<{len(body)} bytes>")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it is none (``UnicodeDecodeError`` and ``JSONDecodeError`` are ValueErrors).
        """
        return json.loads(self.body)


class StreamedResponse(ABC):
    """An answer whose body is read piece by piece; close it, or use it as a context manager.

    Read it with :meth:`chunks` or with :meth:`readinto`, not with both.
    """

    status: int
    headers: Mapping[str, str]
    _chunks: Iterator[bytes] | None = None
    _left_over = memoryview(b"")

    @abstractmethod
    def chunks(self) -> Iterator[bytes]:
        """The body, unpacked, in pieces of at most ``CHUNK_BYTES``.

        A body that is neither packed nor chunked is handed out as it arrives.

        Raises:
            ConnectionLost: the server hung up before the body's end.
            ReadTimedOut: the server fell silent for longer than the read time-out.
            TransferAborted: the request's Abort was pulled.
        """

    def readinto(self, buffer: memoryview) -> int:
        """Wait until more of the body is there, and put it into ``buffer``, which is not empty.

        It comes back with what has arrived, as :meth:`chunks` does: from a slow server with less
        than the buffer holds.
        Override it where that can be done without the copy that is made here.

        Returns:
            how many bytes; 0 at the end of the body.

        Raises:
            TransportError: as :meth:`chunks`.
        """
        if self._chunks is None:
            self._chunks = self.chunks()
        while not self._left_over:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left_over = memoryview(chunk)
        count = min(len(buffer), len(self._left_over))
        buffer[:count] = self._left_over[:count]
        self._left_over = self._left_over[count:]
        return count

    @abstractmethod
    def close(self) -> None:
        """Give the connection back or drop it; safe to call again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Transport(ABC):
    """Carries HTTP requests. Safe to use from several threads at once.

    Promises, for every implementation:

    - only errors of the :class:`~stablequeue_core.errors.TransportError` branch leave it:
      ``ConnectFailed`` means that nothing was sent (its child ``PrivateAddress``: because a
      ``public_only`` request would have gone to a private address), ``ConnectionLost`` and
      ``ReadTimedOut`` that the server may have acted, ``TransferAborted`` that the Abort was
      pulled;
    - redirects are answers, not orders: they are returned, never followed;
    - credentials come from the request alone, never from the environment or a ``.netrc`` file;
    - no answer longer than ``max_answer_bytes`` is held in memory.
    """

    def send(self, request: Request, *, abort: Abort | None = None) -> Response:
        """Send ``request`` and return the whole answer.

        Args:
            request: what to send.
            abort: a switch that makes the call come back from another thread.

        Raises:
            TransportError: see the promises of this class.

        Example::

            transport.send(Request(method="GET", url="http://127.0.0.1:7860/config")).json()
        """
        with self.stream(request, abort=abort) as streamed:
            pieces = []
            size = 0
            for chunk in streamed.chunks():
                size += len(chunk)
                if size > request.max_answer_bytes:
                    raise AnswerTooLarge(
                        f"The answer of {request.place} is longer than "
                        f"{request.max_answer_bytes} bytes, so the rest was not read. Check that "
                        "this is the server that you mean."
                    )
                pieces.append(chunk)
            return Response(status=streamed.status, headers=streamed.headers, body=b"".join(pieces))

    def stream(self, request: Request, *, abort: Abort | None = None) -> StreamedResponse:
        """Send ``request`` and return as soon as the answer's head is there.

        Raises:
            TransportError: see the promises of this class.
        """
        if abort is not None and abort.pulled:
            raise TransferAborted
        try:
            return self._send(request, abort or Abort())
        except TransportError as error:
            if abort is not None and abort.pulled and not isinstance(error, TransferAborted):
                raise TransferAborted from error
            raise

    @abstractmethod
    def _send(self, request: Request, abort: Abort) -> StreamedResponse:
        """Send ``request``; return when the status and the headers are there.

        Must raise only TransportError, must come back soon after ``abort`` is pulled, and must
        never follow a redirect.
        """

    @abstractmethod
    def close(self) -> None:
        """Drop idle connections; safe to call again."""
