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


@frozen(kw_only=True)
class Request:
    """One HTTP request.

    Attributes:
        method: ``GET``, ``POST`` ...
        url: absolute, http or https, without credentials in it.
        headers: sent as they are.
        json: sent as a JSON body when not None.
        auth: user name and password for HTTP Basic; never shown in a repr, never sent elsewhere.
        timeouts: connect and read apart; no read limit while a picture is made.
        max_answer_bytes: a longer answer raises AnswerTooLarge.
        fresh_connection: open a new connection for this request, so that a broken one always
            means that *this* request was lost, never that an idle connection had died before.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(factory=dict)
    json: Any = None
    auth: tuple[str, str] | None = field(default=None, repr=False)
    timeouts: Timeouts = Timeouts()
    max_answer_bytes: int = 1024 * 1024 * 1024
    fresh_connection: bool = False


@frozen(kw_only=True)
class Response:
    """One HTTP answer, read to its end.

    Attributes:
        status: the status code, as it came: this seam never judges it and never follows a redirect.
        headers: names in lower case.
        body: the bytes, decompressed.
    """

    status: int
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = field(default=b"", repr=lambda body: f"<{len(body)} bytes>")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it is none (``UnicodeDecodeError`` and ``JSONDecodeError`` are ValueErrors).
        """
        return json.loads(self.body)


class StreamedResponse(ABC):
    """An answer whose body is read piece by piece; close it, or use it as a context manager."""

    status: int
    headers: Mapping[str, str]

    @abstractmethod
    def chunks(self) -> Iterator[bytes]:
        """The body in pieces of at most ``CHUNK_BYTES``.

        Raises:
            ConnectionLost: the server hung up before the body's end.
            ReadTimedOut: the server fell silent for longer than the read time-out.
            TransferAborted: the request's Abort was pulled.
        """

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
      ``ConnectFailed`` means that nothing was sent, ``ConnectionLost`` and ``ReadTimedOut`` that
      the server may have acted, ``TransferAborted`` that the Abort was pulled;
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
                        f"The answer of {request.url} is longer than "
                        f"{request.max_answer_bytes} bytes."
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
