"""HTTP carried by the ``requests`` library.

It leans on an :class:`~requests.adapters.HTTPAdapter` (pools, TLS, proxies) without a
``requests.Session``: a session is not safe for several threads, reads ``.netrc`` and proxy
variables, keeps cookies and follows redirects, and costs more than all the rest. The adapter's
pools are made for threads.
"""

from __future__ import annotations

import json
import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.client import HTTPException
from socket import gaierror
from typing import Any, cast
from urllib.parse import urlsplit

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException
from requests.utils import select_proxy
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import DecodeError, HTTPError

from stablequeue_core.errors import (
    ConnectFailed,
    ConnectionLost,
    PrivateAddress,
    ReadTimedOut,
    TransferAborted,
    TransportError,
)
from stablequeue_core.transport.addresses import is_private_host
from stablequeue_core.transport.base import (
    CHUNK_BYTES,
    Abort,
    Request,
    StreamedResponse,
    Timeouts,
    Transport,
)
from stablequeue_core.transport.interruptible import (
    Call,
    InterruptiblePool,
    InterruptibleTlsPool,
    under_way,
)
from stablequeue_core.transport.reply import Reply

_SERVERS = 64  # so many servers keep their idle connections
_IDLE_CONNECTIONS = 16  # for each of them
_SAFE_TO_REPEAT = frozenset({"GET", "HEAD"})
_FOREIGN_ERRORS = (RequestException, HTTPError, HTTPException, OSError, ValueError)


class RequestsTransport(Transport):
    """Carries HTTP with ``requests``.

    Neither ``.netrc`` nor proxy variables of the environment are read, and no cookie is kept.

    With a proxy, ``public_only`` refuses hosts that are written as an address, and ``localhost``;
    any other name is looked up by the proxy, which may know it as one of a private network. Let it
    refuse these itself. Where the proxy itself is does not matter.

    A GET that finds its idle connection dead is sent once more on a new one; anything else is
    never sent twice. Pulling an Abort interrupts connecting, sending and reading at once; only
    the look-up of a host name and, on Windows, the TLS handshake last until they end or time out.

    Args:
        verify: False to trust any certificate, or the path of a bundle of certificates to trust.
        proxies: as ``requests`` takes them: ``{"https": "http://proxy:3128"}``, or
            ``{"https://civitai.com": ...}`` for one host. Not SOCKS.

    Example::

        with closing(RequestsTransport()) as transport:
            transport.send(Request(method="GET", url="http://127.0.0.1:7860/sdapi/v1/loras"))
    """

    def __init__(
        self, *, verify: bool | str = True, proxies: Mapping[str, str] | None = None
    ) -> None:
        if any(url.lower().startswith("socks") for url in (proxies or {}).values()):
            raise ValueError("SOCKS proxies are not supported; name an http:// or https:// proxy")
        self._verify = verify
        self._proxies = dict(proxies or {})
        self._adapter = _Adapter(_SERVERS, _IDLE_CONNECTIONS)

    def close(self) -> None:
        """Drop idle connections; a request under way keeps its own."""
        self._adapter.close()

    def _send(self, request: Request, abort: Abort) -> StreamedResponse:
        prepared = _prepare(request)
        is_guarded = request.public_only and not self._goes_by_proxy(prepared)
        if request.public_only and not is_guarded:
            _refuse_private_host(prepared)
        call = Call(request.timeouts.read, fresh=request.fresh_connection, public_only=is_guarded)
        try:
            return self._exchange(request, prepared, abort, call)
        except ConnectionLost:
            if not call.reused or abort.pulled or request.method not in _SAFE_TO_REPEAT:
                raise
        again = Call(request.timeouts.read, fresh=True, public_only=is_guarded)
        return self._exchange(request, prepared, abort, again)

    def _goes_by_proxy(self, prepared: PreparedRequest) -> bool:
        return select_proxy(prepared.url or "", self._proxies) is not None

    def _exchange(
        self, request: Request, prepared: PreparedRequest, abort: Abort, call: Call
    ) -> StreamedResponse:
        with ExitStack() as until_closed:
            until_closed.enter_context(abort.reaction(call.hang_up))
            try:
                with under_way(call):
                    answer = self._adapter.send(
                        prepared,
                        stream=True,
                        timeout=cast(
                            Any,  # the stubs do not know that requests takes urllib3's own
                            Timeout(connect=request.timeouts.connect, read=request.timeouts.read),
                        ),
                        verify=self._verify,
                        proxies=self._proxies,
                    )
            except _FOREIGN_ERRORS as error:
                raise _translated(error, request, sent=call.sent) from error
            streamed = _RequestsResponse(
                request, answer.raw, call.reply, abort, until_closed.pop_all()
            )
        if abort.pulled:  # a head that was cut short by our own hand can look complete
            streamed.close()
            raise TransferAborted
        return streamed


class _RequestsResponse(StreamedResponse):
    """An answer whose head is there."""

    def __init__(
        self,
        request: Request,
        raw: BaseHTTPResponse,
        reply: Reply | None,
        abort: Abort,
        until_closed: ExitStack,
    ) -> None:
        self.status = raw.status
        self.headers = {name.lower(): value for name, value in raw.headers.items()}
        self._request = request
        self._raw = raw
        self._plain = None if reply is None or _is_wrapped(self.headers) else reply
        self._abort = abort
        self._until_closed = until_closed

    def chunks(self) -> Iterator[bytes]:
        if self._plain is None:
            with self._translating():
                yield from self._raw.stream(CHUNK_BYTES, decode_content=True)
            return
        buffer = memoryview(bytearray(CHUNK_BYTES))
        while count := self.readinto(buffer):
            yield bytes(buffer[:count])

    def readinto(self, buffer: memoryview) -> int:
        if self._plain is None:
            return super().readinto(buffer)
        with self._translating():
            count = self._plain.receive_into(buffer)
            if self._plain.isclosed():
                self._raw.release_conn()
        return count

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except _FOREIGN_ERRORS as error:
            if self._abort.pulled:
                raise TransferAborted from error
            raise _translated(error, self._request, sent=True) from error
        if self._abort.pulled:  # an answer without a length ends where we hung up
            raise TransferAborted

    def close(self) -> None:
        self._until_closed.close()
        self._raw.close()


def _is_wrapped(headers: Mapping[str, str]) -> bool:
    """Whether the body is sent otherwise than as it is: packed, or in chunks."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    return encoding not in ("", "identity") or "transfer-encoding" in headers


class _Adapter(HTTPAdapter):
    """An adapter whose connections can be interrupted."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _make_interruptible(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        _make_interruptible(manager)
        return manager


def _make_interruptible(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": InterruptiblePool, "https": InterruptibleTlsPool}


def _refuse_private_host(prepared: PreparedRequest) -> None:
    """Raise PrivateAddress if the host is written as an address that is not public."""
    host = urlsplit(prepared.url or "").hostname or ""
    if is_private_host(str(host)):
        raise PrivateAddress(str(host))


def _prepare(request: Request) -> PreparedRequest:
    """The request as the library sends it.

    Raises:
        ConnectFailed: the address is none.
        TransportError: the body or the headers cannot be sent.
    """
    headers = {"User-Agent": "StableQueue", "Accept-Encoding": "gzip, deflate", "Accept": "*/*"}
    headers.update(request.headers)
    prepared = PreparedRequest()
    try:
        prepared.prepare_method(request.method)
        prepared.prepare_url(request.url, None)
        if urlsplit(prepared.url).scheme not in ("http", "https"):
            raise ValueError
    except (RequestException, ValueError):
        raise ConnectFailed(
            f"{request.place} is no address that starts with http:// or https://; "
            "nothing was sent. Correct the address."
        ) from None
    try:
        prepared.prepare_headers(headers)
        "".join(headers.values()).encode("latin-1")  # as it is going to be sent
        if request.json is not None:
            prepared.body = json.dumps(
                request.json, ensure_ascii=False, allow_nan=False, separators=(",", ":")
            ).encode()
            prepared.headers["Content-Type"] = "application/json"
            prepared.headers["Content-Length"] = str(len(prepared.body))
    except (RequestException, ValueError, TypeError):
        # Neither the error's text nor the error itself is shown: both quote what was to be sent.
        raise TransportError(
            f"The request to {request.place} was not sent: its body is no JSON, "
            "or one of its headers holds forbidden characters. Correct them."
        ) from None
    if request.auth is not None:
        token = b64encode(":".join(request.auth).encode()).decode()
        prepared.headers["Authorization"] = f"Basic {token}"
    return prepared


def _translated(error: Exception, request: Request, *, sent: bool) -> TransportError:
    """The error of our family that says what a foreign one means.

    Which branch it is depends on how far the request came, not on the kind of the foreign error.
    """
    cause = _root_cause(error)
    where = request.place
    if not sent:
        return ConnectFailed(_no_connection(cause, where, request.timeouts))
    # With a number it comes from the system: its probes found the other end gone.
    if isinstance(cause, TimeoutError) and cause.errno is None:
        return ReadTimedOut(
            f"{where} was silent for {request.timeouts.read:g} s; whether it acted is unknown. "
            "Check whether it is overloaded, or allow it more time."
        )
    if isinstance(cause, ConnectionError | TimeoutError):
        what = f"The connection to {where} broke before the answer was complete"
    elif isinstance(error, DecodeError):
        what = f"The compressed answer of {where} is damaged"
    else:
        what = f"The answer of {where} broke off or is no HTTP"
    return ConnectionLost(
        f"{what}; whether it acted is unknown. Look into the server's own log, "
        "and ask the server before sending this again."
    )


def _no_connection(cause: BaseException, where: str, timeouts: Timeouts) -> str:
    if isinstance(cause, ConnectionRefusedError):
        return (
            f"{where} refuses connections; nothing was sent. "
            "Check that the server is running and listens on this port."
        )
    if isinstance(cause, gaierror | UnicodeError):
        return (
            f"The host name of {where} is not known; nothing was sent. "
            "Check its spelling and your network."
        )
    if isinstance(cause, TimeoutError):
        patience = f" within {timeouts.connect:g} s" if timeouts.connect is not None else ""
        return (
            f"{where} did not accept a connection{patience}; nothing was sent. "
            "Check the address, and whether a firewall stands between."
        )
    if isinstance(cause, ssl.SSLError):
        return (
            f"No secure connection to {where} ({cause.reason or 'TLS failed'}); nothing was sent. "
            "Check that the server speaks https and that its certificate is trusted here."
        )
    detail = f" ({cause.strerror})" if isinstance(cause, OSError) and cause.strerror else ""
    return (
        f"No connection to {where} could be made{detail}; nothing was sent. "
        "Check the address and your network."
    )


def _root_cause(error: BaseException) -> BaseException:
    """The innermost error; the libraries wrap it as cause, as ``reason`` and as argument."""
    wrapped = (error.__cause__, getattr(error, "reason", None), *error.args)
    inner = next((each for each in wrapped if isinstance(each, BaseException)), None)
    return error if inner is None else _root_cause(inner)
