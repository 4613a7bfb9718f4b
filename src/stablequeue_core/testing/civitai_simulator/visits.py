"""What a simulated Civitai was asked for, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from urllib.parse import parse_qs, urlencode, urlsplit

from attrs import field, frozen

from stablequeue_core.testing.civitai_simulator.accounts import SimulatedAccount
from stablequeue_core.testing.civitai_simulator.exchange import Origins, Place
from stablequeue_core.testing.civitai_simulator.faults import Fault, ScriptedFault
from stablequeue_core.testing.simulated_http import Incoming
from stablequeue_core.testing.simulated_http.request_log import RecordedRequest


@frozen(kw_only=True)
class SeenRequest(RecordedRequest):
    """One request, whether anybody answered it or not.

    Attributes:
        url: as it was asked for; its query may hold a secret, so it is not shown in a repr.
        place: which host; None for one that is none of Civitai's.
        headers: names in lower case.
    """

    url: str = field(repr=lambda url: url.partition("?")[0])
    place: Place | None
    headers: Mapping[str, str] = field(factory=dict, repr=False)

    @property
    def host(self) -> str:
        """Name and port."""
        return urlsplit(self.url).netloc

    @property
    def path(self) -> str:
        """Of the address, without its query."""
        return urlsplit(self.url).path

    @property
    def query(self) -> Mapping[str, list[str]]:
        """Every value of every parameter."""
        return parse_qs(urlsplit(self.url).query, keep_blank_values=True)

    @property
    def is_leak(self) -> bool:
        """Whether it carried a key, or anything like it, to a host where that does not belong.

        What other servers than Civitai's are told in HTTP Basic is their own affair.
        """
        if self.place is not None and self.place.is_api:
            return False
        shown = self.headers.get("authorization", "").lower()
        is_shown = bool(shown) if self.place is not None else shown.startswith("bearer")
        return is_shown or "cookie" in self.headers or "token" in self.query


@frozen(kw_only=True)
class Visit:
    """One request on its way through Civitai.

    Attributes:
        place: the host that it came to.
        origins: where that host believes all the hosts to be.
        account: who asks; None: somebody.
        fault: the accident that was ordered for it.
    """

    incoming: Incoming
    place: Place
    origins: Origins
    account: SimulatedAccount | None
    fault: ScriptedFault | None = None

    @property
    def path(self) -> str:
        """What is asked for."""
        return self.incoming.path

    @property
    def home(self) -> str:
        """The origin that was asked."""
        return self.origins.of(self.place)

    @cached_property
    def parameters(self) -> Mapping[str, list[str]]:
        """Every value of every parameter."""
        return parse_qs(self.incoming.query_string, keep_blank_values=True)

    def parameter(self, name: str) -> str | None:
        """The first value of a parameter."""
        return self.parameters.get(name, [None])[0]

    def next_page(self, cursor: str) -> Mapping[str, str]:
        """What a list says of the page behind this one."""
        kept = [
            (name, value)
            for name, values in self.parameters.items()
            for value in values
            if name not in ("cursor", "page")
        ]
        query = urlencode([*kept, ("cursor", cursor)])
        return {"nextCursor": cursor, "nextPage": f"{self.home}{self.path}?{query}"}

    def struck_by(self, fault: Fault) -> bool:
        """Whether this accident was ordered for it."""
        return self.fault is not None and self.fault.fault is fault

    def shows(self, only_at_second: bool) -> bool:
        """Whether the host that was asked shows something that may be for the second one only."""
        return not only_at_second or self.place is Place.SECOND

    def header(self, name: str) -> str:
        """A header; empty if it was not sent."""
        return self.incoming.headers.get(name, "")
