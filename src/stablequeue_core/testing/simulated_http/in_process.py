"""A simulated server's answer without a network: what a Transport hands to its caller."""

from __future__ import annotations

import json
import threading
import zlib
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

from stablequeue_core.errors import ConnectFailed, ConnectionLost, ReadTimedOut, TransferAborted
from stablequeue_core.testing.simulated_http.exchange import Fate, Incoming, Outgoing
from stablequeue_core.transport import CHUNK_BYTES, Abort, Request, StreamedResponse

_GZIP = 16 + zlib.MAX_WBITS


def incoming(request: Request) -> Incoming:
    """The request as a server gets it."""
    parts = urlsplit(request.url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers["host"] = parts.netloc
    if request.auth is not None:
        credentials = b64encode(":".join(request.auth).encode()).decode("ascii")
        headers["authorization"] = f"Basic {credentials}"
    return Incoming(
        method=request.method,
        path=unquote(parts.path) or "/",
        query=dict(parse_qsl(parts.query)),
        query_string=parts.query,
        headers=headers,
        body=b"" if request.json is None else json.dumps(request.json).encode(),
    )


class InProcessResponse(StreamedResponse):
    """An answer that is handed out piece by piece, decompressed, and breaks off if it is to.

    Raises:
        ConnectFailed: the server is said to refuse the connection.
        ConnectionLost: it hangs up before the first byte.
        ReadTimedOut: it says nothing at all for longer than the caller waits.
        TransferAborted: the caller does not wait any more.
    """

    def __init__(self, outgoing: Outgoing, request: Request, abort: Abort) -> None:
        where = request.place
        if outgoing.fate is Fate.REFUSED:
            raise ConnectFailed(f"{where} refused the connection.")
        if outgoing.fate is Fate.LOST:
            raise ConnectionLost(f"{where} hung up without an answer.")
        self._where = where
        self._patience = request.timeouts.read
        self._abort = abort
        if outgoing.fate is Fate.MUTE:
            self._wait(None)
        self.status = outgoing.status
        self.headers = {name.lower(): value for name, value in outgoing.headers.items()}
        self._outgoing = outgoing
        self._body_follows = request.method != "HEAD"

    def chunks(self) -> Iterator[bytes]:
        """The body; see :meth:`StreamedResponse.chunks`."""
        sent = self._sent() if self._body_follows else iter(())
        if self.headers.get("content-encoding") == "gzip":
            yield from self._decompressed(sent)
        else:
            yield from sent

    def close(self) -> None:
        """There is no connection to give back."""

    def _sent(self) -> Iterator[bytes]:
        outgoing = self._outgoing
        body = outgoing.body()
        for piece in body.in_pieces(min(outgoing.piece or CHUNK_BYTES, CHUNK_BYTES)):
            self._pause()
            yield piece
        if outgoing.fate is Fate.SILENT:
            self._wait(None)
        promised = self.headers.get("content-length", str(body.size))
        if outgoing.fate is Fate.RESET or body.size < int(promised):
            raise ConnectionLost(f"{self._where} hung up in the middle of its answer.")

    def _decompressed(self, compressed: Iterator[bytes]) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(_GZIP)
        for piece in compressed:
            rest = piece
            while rest:
                if unpacker.eof:
                    unpacker = zlib.decompressobj(_GZIP)
                try:
                    chunk = unpacker.decompress(rest, CHUNK_BYTES)
                except zlib.error as error:
                    message = f"The compressed answer of {self._where} is damaged."
                    raise ConnectionLost(message) from error
                rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
                if chunk:
                    yield chunk

    def _pause(self) -> None:
        pause = self._outgoing.pause
        if callable(pause):
            pause()
        elif pause:
            self._wait(pause)
        if self._abort.pulled:
            raise TransferAborted

    def _wait(self, seconds: float | None) -> None:
        """Let time pass; None: for ever.

        Raises:
            TransferAborted: the caller does not want to wait any more.
            ReadTimedOut: the caller's patience has ended.
        """
        patience = self._patience
        pulled = threading.Event()
        with self._abort.reaction(pulled.set):
            limits = [each for each in (seconds, patience) if each is not None]
            pulled.wait(min(limits, default=None))
        if self._abort.pulled:
            raise TransferAborted
        if patience is not None and (seconds is None or seconds > patience):
            raise ReadTimedOut(f"{self._where} fell silent.")
