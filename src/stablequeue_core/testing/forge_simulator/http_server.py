"""Simulated servers on a real port, for clients in other processes and for real sockets."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Self

from stablequeue_core.testing.forge_simulator.forge import SimulatedForge
from stablequeue_core.testing.simulated_http import HttpPort


class ForgeServer:
    """A simulated Forge on a port of this machine, speaking HTTP/1.1 as uvicorn does.

    While the simulated process is down or
    unplugged nothing listens on the port, and open connections are cut.

    Example::

        with ForgeServer(SimulatedForge.with_sample_models()) as server:
            requests.get(f"{server.url}/sdapi/v1/sd-models").json()
    """

    def __init__(
        self,
        forge: SimulatedForge,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        idle_seconds: float = 5.0,
    ) -> None:
        """Choose the address; nothing listens before ``start`` or ``with``.

        Args:
            forge: the server to put on the port.
            host: the address to listen on.
            port: 0 takes any free one.
            idle_seconds: after so many seconds without a request a connection is closed.
        """
        self.forge = forge
        self._port = HttpPort(
            lambda incoming: forge.handle(incoming).outgoing(),
            host=host,
            port=port,
            idle_seconds=idle_seconds,
            wait=forge.pause,
        )
        self._watching = ExitStack()

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end; known once the server was started."""
        return self._port.url

    def start(self) -> Self:
        """Listen, unless the simulated process is down.

        Raises:
            OSError: the port is taken.
        """
        self._listen(True)
        self._watching.enter_context(self.forge.link.watched(self._listen))
        if not self.forge.link.up:
            self._listen(False)
        return self

    def stop(self) -> None:
        """Close the port and cut every connection; safe to call again."""
        self._watching.close()
        self._listen(False)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _listen(self, wanted: bool) -> None:
        if wanted:
            self._port.open()
        else:
            self._port.close()
