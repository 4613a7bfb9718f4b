"""Simulated servers without a network: a Transport."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, urlsplit

from stablequeue_core.errors import (
    ConnectFailed,
    ConnectionLost,
    ReadTimedOut,
    TransferAborted,
)
from stablequeue_core.testing.forge_simulator.exchange import Answer, Delivery, Incoming
from stablequeue_core.testing.forge_simulator.forge import SimulatedForge
from stablequeue_core.transport import (
    CHUNK_BYTES,
    Abort,
    Request,
    StreamedResponse,
    Transport,
)

_DRIP_PIECES = 8


class ForgeSimulator(Transport):
    """Carries requests to simulated servers in the same process.

    A request that is given up leaves its job running to the end, as with a real server.

    Example::

        forge = SimulatedForge.with_sample_models()
        transport = ForgeSimulator({"http://laptop:7860": forge})
        transport.send(Request(method="GET", url="http://laptop:7860/sdapi/v1/sd-models")).json()
    """

    def __init__(self, servers: SimulatedForge | Mapping[str, SimulatedForge]) -> None:
        """Know the servers.

        Args:
            servers: one server, which answers at every address; or servers by base URL, beside
                which nobody answers.
        """
        self._everywhere = servers if isinstance(servers, SimulatedForge) else None
        self._servers = (
            {}
            if isinstance(servers, SimulatedForge)
            else {_base(url): f for url, f in servers.items()}
        )

    def _send(self, request: Request, abort: Abort) -> StreamedResponse:
        base = _base(request.url)
        forge = self._everywhere or self._servers.get(base)
        if forge is None:
            raise ConnectFailed(f"Nobody answers at {base}.")
        answer = _ask(forge, request, abort)
        if answer.delivery is Delivery.REFUSED:
            raise ConnectFailed(f"{base} refused the connection.")
        if answer.delivery is Delivery.LOST:
            raise ConnectionLost(f"{base} hung up without an answer.")
        return _Streamed(answer, abort, request.timeouts.read)

    def close(self) -> None:
        """There is nothing to close."""


def _ask(forge: SimulatedForge, request: Request, abort: Abort) -> Answer:
    """Have the server work on a thread of its own; come back earlier if need be."""
    wake = threading.Event()
    answers: list[Answer] = []

    def work(incoming: Incoming) -> None:
        try:
            answers.append(forge.handle(incoming))
        finally:
            wake.set()

    with abort.reaction(wake.set), forge.link.watched(lambda up: wake.set()):
        if not forge.link.up:
            return Answer(delivery=Delivery.REFUSED)
        threading.Thread(
            target=work, args=(_incoming(request),), name="simulated-forge", daemon=True
        ).start()
        woken = wake.wait(request.timeouts.read)
    if abort.pulled:
        raise TransferAborted
    if not woken:
        raise ReadTimedOut(f"{_base(request.url)} gave no answer in time.")
    return answers[0] if answers else Answer(delivery=Delivery.LOST)


class _Streamed(StreamedResponse):
    """An answer that is already there, handed out piece by piece."""

    def __init__(self, answer: Answer, abort: Abort, read_timeout: float | None) -> None:
        self.status = answer.status
        self.headers = answer.headers()
        self._answer = answer
        self._abort = abort
        self._read_timeout = read_timeout

    def chunks(self) -> Iterator[bytes]:
        body = self._answer.body
        end, size = len(body), CHUNK_BYTES
        if self._answer.delivery is Delivery.CUT_OFF:
            end //= 2
        elif self._answer.delivery is Delivery.DRIPPED:
            size = max(1, min(size, end // _DRIP_PIECES))
        for start in range(0, end, size):
            self._wait()
            yield body[start : min(start + size, end)]
        if self._answer.delivery is Delivery.CUT_OFF:
            raise ConnectionLost("The server hung up in the middle of its answer.")

    def _wait(self) -> None:
        pause, patience = self._answer.pause, self._read_timeout
        if pause:
            pulled = threading.Event()
            with self._abort.reaction(pulled.set):
                pulled.wait(pause if patience is None else min(pause, patience))
        if self._abort.pulled:
            raise TransferAborted
        if patience is not None and pause > patience:
            raise ReadTimedOut("The server fell silent in the middle of its answer.")

    def close(self) -> None:
        """There is no connection to give back."""


def _base(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _incoming(request: Request) -> Incoming:
    parts = urlsplit(request.url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers["host"] = parts.netloc
    if request.auth is not None:
        credentials = base64.b64encode(":".join(request.auth).encode()).decode("ascii")
        headers["authorization"] = f"Basic {credentials}"
    body = b"" if request.json is None else json.dumps(request.json).encode()
    return Incoming(
        method=request.method,
        path=parts.path or "/",
        query=dict(parse_qsl(parts.query)),
        headers=headers,
        body=body,
    )
