"""One simulated Civitai, with handles for tests to pull."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import parse_qs

from stablequeue_core.clock import Clock, SystemClock
from stablequeue_core.testing.civitai_simulator import accidents, refusals
from stablequeue_core.testing.civitai_simulator.accounts import SimulatedAccount
from stablequeue_core.testing.civitai_simulator.cdn import PictureHost
from stablequeue_core.testing.civitai_simulator.downloads import DownloadGate
from stablequeue_core.testing.civitai_simulator.exchange import (
    Answer,
    Origins,
    Place,
    Refusal,
)
from stablequeue_core.testing.civitai_simulator.faults import Faults
from stablequeue_core.testing.civitai_simulator.hashes import HashLookup
from stablequeue_core.testing.civitai_simulator.image_routes import ImageRoutes
from stablequeue_core.testing.civitai_simulator.model_routes import ModelRoutes
from stablequeue_core.testing.civitai_simulator.routes import Router
from stablequeue_core.testing.civitai_simulator.sample_world import add_samples
from stablequeue_core.testing.civitai_simulator.storage import DAY_SECONDS, FileStorage
from stablequeue_core.testing.civitai_simulator.visits import SeenRequest, Visit
from stablequeue_core.testing.civitai_simulator.world import CivitaiWorld
from stablequeue_core.testing.simulated_http import Incoming, Outgoing
from stablequeue_core.testing.simulated_http.request_log import RequestLog


class SimulatedCivitai:
    """Civitai, quirks included: its API, the storage of its files and the host of its pictures.

    Talk to it in-process with CivitaiSimulator, or over HTTP with CivitaiServer. Thread-safe.

    Attributes:
        world: the models, pictures and accounts; put there what you like.
        faults: accidents on order.
        storage: ``storage.link_seconds`` says how long new links last.

    Example::

        civitai = SimulatedCivitai.with_sample_models()
        with CivitaiServer(civitai) as server:
            print(server.url)
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        link_seconds: float = DAY_SECONDS,
        remember: int = 10_000,
    ) -> None:
        """Make an empty one.

        Args:
            clock: by which links expire and early access ends; the computer's own by default.
            link_seconds: how long a link to the storage lasts.
            remember: how many requests are kept for tests to look at.
        """
        clock = clock or SystemClock()
        self._changed = threading.Condition()
        self._log: RequestLog[SeenRequest] = RequestLog(self._changed, remember)
        self.world = CivitaiWorld()
        self.faults = Faults(self._changed)
        self.storage = FileStorage(clock, link_seconds)
        self._pictures = PictureHost(self.world)
        self._router = Router(
            models=ModelRoutes(self.world),
            hashes=HashLookup(self.world),
            images=ImageRoutes(self.world),
            downloads=DownloadGate(self.world, self.storage, clock),
        )

    @classmethod
    def with_sample_models(cls, **settings: Any) -> Self:
        """One with a few models, pictures and accounts; see ``sample_world``.

        Args:
            settings: the keyword arguments of SimulatedCivitai.
        """
        civitai = cls(**settings)
        add_samples(civitai.world)
        return civitai

    def handle(
        self, incoming: Incoming, place: Place | None, origins: Origins, url: str
    ) -> Outgoing | None:
        """Answer one request.

        Args:
            incoming: what is asked.
            place: which of the hosts is asked; None: none of them, which is remembered only.
            origins: where the hosts are.
            url: the whole address, as it was asked for.

        Returns:
            the answer; None if it is none of the hosts.
        """
        self._log.note(
            SeenRequest(
                method=incoming.method,
                url=url,
                place=place,
                headers=incoming.headers,
                raw=incoming.body,
            ),
            incoming.path,
        )
        if place is None:
            return None
        fault = self.faults.take(place, incoming.path)
        answer = None if fault is None else accidents.instead(fault, incoming.path)
        if answer is None:
            visit = Visit(
                incoming=incoming,
                place=place,
                origins=origins,
                account=self._who(incoming),
                fault=fault,
            )
            answer = self._answer(visit)
            if fault is not None:
                answer = accidents.spoiled(answer, fault, origins, url)
        return answer.outgoing()

    def expire_links(self) -> None:
        """From now on no link to the storage works that was handed out before."""
        self.storage.expire_links()

    @property
    def requests(self) -> list[SeenRequest]:
        """What was asked, the latest of it, oldest first; of whatever host."""
        return self._log.requests()

    @property
    def counts(self) -> Counter[str]:
        """How often each request was made: ``counts["GET /api/v1/me"]``."""
        return self._log.counts()

    @property
    def leaks(self) -> list[SeenRequest]:
        """The requests that carried credentials to a host other than those of the API."""
        return [request for request in self.requests if request.is_leak]

    def wait_until(self, condition: Callable[[Self], object], timeout: float = 5.0) -> None:
        """Wait until ``condition`` is true of this Civitai.

        Args:
            condition: looked at whenever a request comes.
            timeout: seconds.

        Raises:
            TimeoutError: it did not come true in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: bool(condition(self)), timeout):
                raise TimeoutError(f"Simulated Civitai did not get there in {timeout} seconds.")

    def _who(self, incoming: Incoming) -> SimulatedAccount | None:
        words = incoming.headers.get("authorization", "").split()
        if len(words) > 1:
            return self.world.account(words[1])  # whatever the first one is
        return self.world.account(parse_qs(incoming.query_string).get("token", [None])[0])

    def _answer(self, visit: Visit) -> Answer:
        if visit.place is Place.CDN:
            return self._pictures.fetch(visit)
        if not visit.place.is_api:
            return self.storage.fetch(visit)
        if visit.header("user-agent").lower().startswith("python-urllib"):
            return refusals.challenge()
        try:
            return self._router.answer(visit)
        except Refusal as refusal:
            return refusal.answer
