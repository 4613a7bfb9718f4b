"""Simulated Civitai without a network: a Transport."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from stablequeue_core.errors import ConnectFailed, PrivateAddress
from stablequeue_core.testing.civitai_simulator.civitai import SimulatedCivitai
from stablequeue_core.testing.civitai_simulator.exchange import Origins
from stablequeue_core.testing.simulated_http import InProcessResponse, incoming
from stablequeue_core.transport import Abort, Request, StreamedResponse, Transport


class CivitaiSimulator(Transport):
    """Carries requests to simulated Civitai in the same process, at its real addresses.

    Every request is remembered in ``civitai.requests``, those to other hosts included.

    Example::

        civitai = SimulatedCivitai.with_sample_models()
        transport = CivitaiSimulator(civitai)
        transport.send(Request(method="GET", url="https://civitai.com/api/v1/models/600101")).json()

        both = CivitaiSimulator(civitai, elsewhere=ForgeSimulator({"http://laptop:7860": forge}))
    """

    def __init__(
        self,
        civitai: SimulatedCivitai,
        *,
        elsewhere: Transport | None = None,
        origins: Origins | None = None,
        private_hosts: Iterable[str] = (),
    ) -> None:
        """Know the hosts.

        Args:
            civitai: who answers at Civitai's hosts.
            elsewhere: who carries requests to all other hosts; None: nobody answers there.
            origins: where the hosts are; by default, the API at ``https://civitai.com`` and
                ``https://civitai.red``.
            private_hosts: names that lie in a private network, besides private numbers and
                ``localhost``.
        """
        self.civitai = civitai
        self.origins = origins or Origins()
        self._elsewhere = elsewhere
        self._private_hosts = {"localhost", *(host.lower() for host in private_hosts)}

    def _send(self, request: Request, abort: Abort) -> StreamedResponse:
        host = (urlsplit(request.url).hostname or "").lower()
        if request.public_only and self._is_private(host):
            raise PrivateAddress(host)
        place = self.origins.place(request.url)
        outgoing = self.civitai.handle(incoming(request), place, self.origins, request.url)
        if outgoing is not None:
            return InProcessResponse(outgoing, request, abort)
        if self._elsewhere is not None:
            return self._elsewhere.stream(request, abort=abort)
        raise ConnectFailed(f"Nobody answers at {request.place}.")

    def close(self) -> None:
        """Close the transport for other hosts, if there is one."""
        if self._elsewhere is not None:
            self._elsewhere.close()

    def _is_private(self, host: str) -> bool:
        try:
            return not ip_address(host).is_global
        except ValueError:
            return host in self._private_hosts
