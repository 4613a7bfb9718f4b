"""Idle servers are asked now and then: not all at once, and not each at a moment of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from stablequeue_core import Settings
from stablequeue_core.backends.forge import ForgeBackend
from stablequeue_core.dispatch.costing.costs import CostBook
from stablequeue_core.dispatch.links.link import PROBE_MOMENTS, Link
from stablequeue_core.dispatch.links.reporter import Reporter
from stablequeue_core.servers import HealthBoard, Inventories, ReportBoard, Server
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.testing.forge_simulator import ForgeSimulator, SimulatedForge

AGE = 30.0


def links_to(count: int, clock: FakeClock) -> Sequence[Link]:
    """Links to so many servers, each of which was heard a third of a second after the last."""
    storage, settings = MemoryStorage(), Settings(probe_age=AGE)
    transport = ForgeSimulator(SimulatedForge.with_sample_models())
    told = ReportBoard(storage.reports, clock)
    costs = CostBook(storage.costs, lambda checkpoint: None, clock=clock)

    def link_to(server: Server) -> Link:
        clock.advance(1 / 3)
        backend = ForgeBackend(server, transport, settings)
        reporter = Reporter(
            server.alias, storage.reports, told, HealthBoard(), worker="worker", clock=clock
        )
        inventories = Inventories(
            storage.servers, lambda _: backend.inventory(), clock=clock, max_age=AGE
        )
        return Link(
            server,
            backend,
            reporter=reporter,
            inventories=inventories,
            costs=costs,
            clock=clock,
            settings=settings,
        )

    aliases = [f"Forge-{number}" for number in range(count)]
    return [link_to(Server(alias=alias, api_url=f"http://{alias}:7860")) for alias in aliases]


def test_a_server_is_asked_about_as_often_as_the_settings_say() -> None:
    clock = FakeClock()
    for _ in range(50):
        (link,) = links_to(1, clock)
        assert link.probe_in == pytest.approx(AGE, rel=0.31)


def test_those_whose_time_is_about_to_come_are_asked_together() -> None:
    clock = FakeClock()
    links = links_to(100, clock)

    moments = Counter(round(clock.monotonic() + link.probe_in, 3) for link in links)

    assert len(moments) <= 3 * PROBE_MOMENTS, "a thread that wakes up alone costs twice as much"
    assert len(moments) >= PROBE_MOMENTS, "nor is anybody asked a hundred things at once"
