"""The parts of one lane without its thread: what tests of one of them stand on."""

from __future__ import annotations

from stablequeue_core import Server, Settings
from stablequeue_core.announcer import Announcer
from stablequeue_core.backends.forge import ForgeBackend
from stablequeue_core.dispatch.choosing.policy import Policy
from stablequeue_core.dispatch.costing.costs import CostBook
from stablequeue_core.dispatch.lanes.claims import Claims
from stablequeue_core.dispatch.lanes.fleet import Fleet, Standing
from stablequeue_core.dispatch.lanes.lookout import Lookout
from stablequeue_core.dispatch.links.board import ProgressBoard
from stablequeue_core.dispatch.links.link import Link
from stablequeue_core.dispatch.links.reporter import Reporter
from stablequeue_core.servers import HealthBoard, Inventories, ReportBoard
from stablequeue_core.storage import Storage
from stablequeue_core.testing.forge_simulator import ForgeSimulator, SimulatedForge


class LaneParts:
    """What a lane is made of, for one simulated server.

    Attributes:
        forge: the server.
        standing, link, claims: of its lane.
        fleet: of which it is the only one.
        lookout: of its process.
    """

    def __init__(self, server: Server, storage: Storage, settings: Settings | None = None) -> None:
        settings, clock = settings or Settings(), storage.clock
        self.forge = SimulatedForge.with_sample_models()
        self.standing = Standing(server)
        self.lookout = Lookout(clock)
        backend = ForgeBackend(server, ForgeSimulator({server.api_url: self.forge}), settings)
        costs = CostBook(storage.costs, lambda checkpoint: None, clock=clock)
        told = ReportBoard(storage.reports, clock)
        self.fleet = Fleet(
            lambda: [self.standing],
            costs=costs,
            told=told,
            board=ProgressBoard(Announcer(storage.events, storage.changes), clock),
            may_fetch=lambda alias, candidate: False,
            clock=clock,
        )
        self.link = Link(
            server,
            backend,
            reporter=Reporter(
                server.alias, storage.reports, told, HealthBoard(), worker="here:1:a", clock=clock
            ),
            inventories=Inventories(
                storage.servers, lambda _: backend.inventory(), clock=clock, max_age=1.0
            ),
            costs=costs,
            clock=clock,
            settings=settings,
        )
        self.standing.link = self.link
        self.claims = Claims(
            self.standing,
            storage,
            fleet=self.fleet,
            policy=Policy(settings),
            lookout=self.lookout,
            worker="here:1:a",
            clock=clock,
            settings=settings,
        )
