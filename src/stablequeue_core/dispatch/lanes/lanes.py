"""The lanes of this process: one for each enabled server, made and let go as servers are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from stablequeue_core.backends import Backend
from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.choosing.policy import PassedOver, Policy, lacks_least
from stablequeue_core.dispatch.costing.costs import CostBook
from stablequeue_core.dispatch.lanes.claims import Claims
from stablequeue_core.dispatch.lanes.fleet import Fleet, Standing
from stablequeue_core.dispatch.lanes.lane import Lane
from stablequeue_core.dispatch.lanes.lookout import Lookout
from stablequeue_core.dispatch.lanes.serving import Serving
from stablequeue_core.dispatch.lanes.tenure import Tenure
from stablequeue_core.dispatch.links.board import ProgressBoard
from stablequeue_core.dispatch.links.link import Link
from stablequeue_core.dispatch.links.monitor import Monitor
from stablequeue_core.dispatch.links.reporter import Reporter
from stablequeue_core.dispatch.running.elsewhere import Elsewhere
from stablequeue_core.dispatch.running.recovery import Recovery
from stablequeue_core.dispatch.running.runner import Runner
from stablequeue_core.dispatch.running.supply import ModelSupply, files_missing
from stablequeue_core.images import ImageStore
from stablequeue_core.jobs import Candidate
from stablequeue_core.servers import HealthBoard, Inventories, ReportBoard, Server
from stablequeue_core.settings import Settings
from stablequeue_core.storage import Storage


class Lanes:
    """The lanes of this process. Safe to use from several threads.

    Args:
        storage, images: who remembers.
        make_backend: makes what speaks with a server.
        worker: who we are.
        lookout: which lines are empty.
        supply: has models fetched that jobs lack.
        board: how far jobs are.
        health: how servers feel.
        told: what other processes tell of them.
        inventories: what they have.
        costs: what jobs cost on them.
        answered: is called when a lane has learned something that others may wait for.
        clock, settings: the time, and every knob.
    """

    def __init__(
        self,
        storage: Storage,
        images: ImageStore,
        make_backend: Callable[[Server], Backend],
        *,
        worker: str,
        lookout: Lookout,
        supply: ModelSupply,
        board: ProgressBoard,
        health: HealthBoard,
        told: ReportBoard,
        inventories: Inventories,
        costs: CostBook,
        answered: Callable[[], None],
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._storage = storage
        self._images = images
        self._make_backend = make_backend
        self._worker = worker
        self._lookout = lookout
        self._supply = supply
        self._board = board
        self._health = health
        self._told = told
        self._inventories = inventories
        self._costs = costs
        self._answered = answered
        self._clock = clock
        self._settings = settings
        self._policy = Policy(settings)
        self._elsewhere = Elsewhere(storage.servers, inventories)
        self._fleet = Fleet(
            lambda: [lane.standing for lane in self.open()],
            costs=costs,
            told=told,
            board=board,
            may_fetch=self._may_fetch,
            clock=clock,
        )
        self._lock = threading.Lock()
        self._lanes: dict[int, Lane] = {}
        self._is_closed = False

    def all(self) -> Sequence[Lane]:
        """Every lane, be it that another process holds it."""
        return list(self._lanes.values())

    def open(self) -> Sequence[Lane]:
        """Those whose servers may be given jobs."""
        return [lane for lane in self.all() if lane.is_open]

    def of(self, alias: str | None) -> Lane | None:
        """The lane of this server; None: there is none."""
        return next((lane for lane in self.all() if lane.alias == alias), None)

    def keep(self) -> None:
        """Make the lanes that are missing, tell the others of their servers.

        Raises:
            StorageError: the servers cannot be read now.
        """
        servers = {server.number: server for server in self._storage.servers.list()}
        with self._lock:
            if self._is_closed:
                return
            known = {server.alias for server in servers.values()}
            for alias in {lane.alias for lane in self._lanes.values()} - known:
                self._costs.forget(alias)
            for number, lane in self._lanes.items():
                if number not in servers:
                    lane.stop()
                elif servers[number] != lane.standing.server:
                    lane.meet(servers[number])
            self._lanes = {number: lane for number, lane in self._lanes.items() if lane.is_alive}
            # One that was removed may still run a job where another one was added.
            ending = {
                lane.standing.server.api_url for lane in self._lanes.values() if not lane.is_open
            }
            for number, server in servers.items():
                is_taken = number in self._lanes or server.api_url in ending
                if server.enabled and not is_taken:
                    self._lanes[number] = self._make(server)

    def passed_over(self, job_id: str) -> PassedOver | None:
        """Since when others go before this job, and until when at most; None: none do here."""
        return self._policy.passed_over(job_id)

    def close(self) -> Sequence[Lane]:
        """Make no more lanes, and stop those that there are; all of them."""
        with self._lock:
            self._is_closed = True
        for lane in self.all():
            lane.stop()
        return self.all()

    def _make(self, server: Server) -> Lane:
        standing = Standing(server)
        reporter = Reporter(
            server.alias,
            self._storage.reports,
            self._told,
            self._health,
            worker=self._worker,
            clock=self._clock,
        )
        lock = self._storage.lane_lock(server.lane)
        monitor = Monitor(
            self._storage.jobs, lock, self._board, reporter, self._clock, self._settings
        )
        claims = Claims(
            standing,
            self._storage,
            fleet=self._fleet,
            policy=self._policy,
            lookout=self._lookout,
            worker=self._worker,
            clock=self._clock,
            settings=self._settings,
        )
        runner = Runner(
            self._storage.jobs,
            self._images,
            self._supply,
            self._elsewhere,
            monitor,
            self._board,
            clock=self._clock,
            settings=self._settings,
        )
        recovery = Recovery(
            lambda: standing.server.alias,
            self._storage.jobs,
            self._images,
            worker=self._worker,
            clock=self._clock,
            settings=self._settings,
        )
        tenure = Tenure(lock, standing, reporter)
        serving = Serving(
            self._storage,
            standing=standing,
            tenure=tenure,
            claims=claims,
            runner=runner,
            recovery=recovery,
        )
        return Lane(
            self._storage,
            lambda server: self._connect(server, reporter),
            standing=standing,
            tenure=tenure,
            claims=claims,
            serving=serving,
            recovery=recovery,
            monitor=monitor,
            reporter=reporter,
            answered=self._answered,
            settings=self._settings,
        )

    def _connect(self, server: Server, reporter: Reporter) -> Link:
        return Link(
            server,
            self._make_backend(server),
            reporter=reporter,
            inventories=self._inventories,
            costs=self._costs,
            clock=self._clock,
            settings=self._settings,
        )

    def _may_fetch(self, alias: str, candidate: Candidate) -> bool:
        """Whether a job for any server, or any of a group, shall have what it lacks fetched for it.

        Only once it is certain that none of these can run it: each has looked at its folders.
        """
        needs = candidate.requirements
        if needs is None or not self._supply.can_order:
            return False
        asked = [lane for lane in self.open() if candidate.target in lane.standing.server.targets]
        found = {lane.alias: lane.surely_lacks(needs) for lane in asked}
        return lacks_least(alias, {each: files_missing(lacking) for each, lacking in found.items()})
