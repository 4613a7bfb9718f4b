"""Simulated servers without a network: a Transport."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from urllib.parse import urlsplit

from stablequeue_core.errors import ConnectFailed, ReadTimedOut, TransferAborted
from stablequeue_core.testing.forge_simulator.exchange import Answer, Delivery
from stablequeue_core.testing.forge_simulator.forge import SimulatedForge
from stablequeue_core.testing.simulated_http import InProcessResponse, incoming
from stablequeue_core.transport import Abort, Request, StreamedResponse, Transport


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
        return InProcessResponse(answer.outgoing(), request, abort)

    def close(self) -> None:
        """There is nothing to close."""


def _ask(forge: SimulatedForge, request: Request, abort: Abort) -> Answer:
    """Have the server work on a thread of its own; come back earlier if need be."""
    wake = threading.Event()
    answers: list[Answer] = []

    def work() -> None:
        try:
            answers.append(forge.handle(incoming(request)))
        finally:
            wake.set()

    with abort.reaction(wake.set), forge.link.watched(lambda up: wake.set()):
        if not forge.link.up:
            return Answer(delivery=Delivery.REFUSED)
        threading.Thread(target=work, name="simulated-forge", daemon=True).start()
        woken = wake.wait(request.timeouts.read)
    if abort.pulled:
        raise TransferAborted
    if not woken:
        raise ReadTimedOut(f"{_base(request.url)} gave no answer in time.")
    return answers[0] if answers else Answer(delivery=Delivery.LOST)


def _base(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
