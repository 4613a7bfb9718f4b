"""Simulated Civitai on real ports, for clients in other processes and for real sockets."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Self
from urllib.parse import quote

from stablequeue_core.testing.civitai_simulator.civitai import SimulatedCivitai
from stablequeue_core.testing.civitai_simulator.exchange import Origins, Place
from stablequeue_core.testing.civitai_simulator.routes import API
from stablequeue_core.testing.simulated_http import HttpPort, Incoming, Outgoing

_PORTS = (Place.API, Place.SECOND, Place.STORAGE, Place.CDN)


class CivitaiServer:
    """Simulated Civitai, each of its hosts on a port of this machine.

    All of them have private addresses, so clients must be told to trust those
    (``STABLEQUEUE_ALLOW_PRIVATE_DOWNLOADS=1``).

    Example::

        with CivitaiServer(SimulatedCivitai.with_sample_models()) as server:
            os.environ["STABLEQUEUE_CIVITAI_URL"] = server.url
    """

    def __init__(
        self,
        civitai: SimulatedCivitai,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        idle_seconds: float = 5.0,
    ) -> None:
        """Choose the address; nothing listens before ``start`` or ``with``.

        Args:
            civitai: who answers.
            host: the address to listen on.
            port: of the API; 0 takes any free one, as the other hosts always do.
            idle_seconds: after so many seconds without a request a connection is closed.
        """
        self.civitai = civitai
        self._ports = {
            place: HttpPort(
                self._handler(place),
                host=host,
                port=port if place is Place.API else 0,
                idle_seconds=idle_seconds,
            )
            for place in _PORTS
        }
        self._running = ExitStack()

    @property
    def origins(self) -> Origins:
        """Where the hosts are; known once the server was started."""
        urls = {place.value: port.url for place, port in self._ports.items()}
        return Origins(**urls, intranet=self._ports[Place.STORAGE].url)

    @property
    def url(self) -> str:
        """The base of the API, for ``STABLEQUEUE_CIVITAI_URL``."""
        return self.origins.api + API

    @property
    def second_url(self) -> str:
        """The base of the second host's API, for ``STABLEQUEUE_CIVITAI_SECOND_URL``."""
        return self.origins.second + API

    def start(self) -> Self:
        """Listen on all ports.

        Raises:
            OSError: the port is taken.
        """
        with ExitStack() as opened:
            for port in self._ports.values():
                opened.enter_context(port)
            self._running = opened.pop_all()
        return self

    def stop(self) -> None:
        """Close the ports and cut every connection; safe to call again."""
        self._running.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _handler(self, place: Place) -> Callable[[Incoming], Outgoing]:
        def handle(incoming: Incoming) -> Outgoing:
            origins = self.origins
            url = origins.of(place) + quote(incoming.path)
            if incoming.query_string:
                url += f"?{incoming.query_string}"
            outgoing = self.civitai.handle(incoming, place, origins, url)
            assert outgoing is not None  # each port is one of its hosts
            return outgoing

        return handle
