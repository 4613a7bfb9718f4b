"""Runs the jobs: lanes for the servers, and what has to be looked after beside them."""

from __future__ import annotations

import logging
import math
import os
import platform
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress

from stablequeue_core.announcer import Announcer
from stablequeue_core.backends import Backend
from stablequeue_core.clock import Clock
from stablequeue_core.deadline import Deadline
from stablequeue_core.dispatch.choosing.policy import PassedOver
from stablequeue_core.dispatch.costing.costs import CostBook
from stablequeue_core.dispatch.lanes.calls import Calls
from stablequeue_core.dispatch.lanes.lanes import Lanes
from stablequeue_core.dispatch.lanes.lookout import Lookout
from stablequeue_core.dispatch.links.board import ProgressBoard
from stablequeue_core.dispatch.running.recovery import recover
from stablequeue_core.dispatch.running.supply import ModelSupply
from stablequeue_core.dispatch.upkeep.arrivals import Arrivals
from stablequeue_core.dispatch.upkeep.caretaker import Caretaker
from stablequeue_core.dispatch.upkeep.joining import Joining
from stablequeue_core.dispatch.upkeep.tidying import Tidying
from stablequeue_core.downloads.wanted import ModelOrderer
from stablequeue_core.errors import QueueClosed, StorageError
from stablequeue_core.generation import Progress
from stablequeue_core.images import ImageStore
from stablequeue_core.outage import Outage
from stablequeue_core.servers import HealthBoard, Inventories, ReportBoard, Server
from stablequeue_core.servers.report_board import BEAT_EVERY
from stablequeue_core.settings import Settings
from stablequeue_core.storage import Storage

logger = logging.getLogger(__name__)

REST = 2.0
"""Seconds between two rounds when nothing rings."""

SHORTEST_REST = 0.05
"""Seconds; the bell also rings for each new job, which is no reason for a round."""

SERVERS_EVERY = 5.0
"""Seconds between two looks at the servers although nobody has told of a change."""

LANES_EVERY = 5.0
"""Seconds between two looks whether lanes that rest still hold their servers."""

LAST_WORDS = 5.0
"""Seconds for all lanes together, once they were told to give up: each tries for a last time to
keep what it has in hand."""

GOODBYE = 2.0
"""Seconds for what the others would like to know, but can do without."""


class Dispatcher:
    """Keeps one lane for each enabled server; lanes pull, nobody pushes.

    Args:
        storage: who remembers.
        images: where pictures are kept.
        make_backend: makes what speaks with a server.
        health: where it is written how servers feel.
        told: what other processes tell of servers.
        inventories: where it is written what servers have.
        costs: what jobs cost on them.
        announcer: tells listeners of progress.
        clock, settings: the time, and every knob.
        orderer: starts the downloads of models that jobs lack; None where nothing can be
            downloaded, so that such jobs fail.
    """

    def __init__(
        self,
        storage: Storage,
        images: ImageStore,
        make_backend: Callable[[Server], Backend],
        *,
        health: HealthBoard,
        told: ReportBoard,
        inventories: Inventories,
        costs: CostBook,
        announcer: Announcer,
        clock: Clock,
        settings: Settings,
        orderer: ModelOrderer | None = None,
    ) -> None:
        self._storage = storage
        self._images = images
        self._clock = clock
        self._settings = settings
        self._worker = f"{platform.node()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._board = ProgressBoard(announcer, clock)
        self._costs = costs
        lookout = Lookout(clock)
        self._lanes = Lanes(
            storage,
            images,
            make_backend,
            worker=self._worker,
            lookout=lookout,
            supply=ModelSupply(storage.downloads, orderer, settings=settings),
            board=self._board,
            health=health,
            told=told,
            inventories=inventories,
            costs=costs,
            answered=lambda: self._calls.everyone(),
            clock=clock,
            settings=settings,
        )
        self._calls = Calls(storage, lookout, self._lanes.all, self._lanes.keep)
        self._arrivals = Arrivals(storage.jobs, storage.downloads, clock)
        self._joining = Joining(storage.jobs, clock)
        self._tidying = Tidying(storage, images, clock, settings)
        self._caretaker = Caretaker(self._tidying)
        self._outage = Outage(logger, "The dispatcher has to wait", "The dispatcher goes on.")
        self._stopping = threading.Event()
        self._looked_at_servers = self._looked_for_expired_at = clock.monotonic()
        self._looked_at_lanes = clock.monotonic()
        self._said_so_at = -math.inf
        self._thread = threading.Thread(
            target=self._run, name="stablequeue-dispatcher", daemon=True
        )

    def start(self) -> None:
        """Start a lane for each enabled server, and for those that come."""
        self._calls.start()
        self._thread.start()
        self._caretaker.start()

    def progress_of(self, job_id: str) -> Progress | None:
        """How far a job is that runs in this process; None for any other."""
        return self._board.of(job_id)

    def passed_over(self, job_id: str) -> PassedOver | None:
        """Since when others go before this job, and until when at most; None: none do here."""
        return self._lanes.passed_over(job_id)

    def close(self, grace: float) -> None:
        """Take no more jobs; give those that run ``grace`` seconds, then leave them to recovery.

        Comes back also where the storage hangs: what has not ended by then ends with the process.
        """
        self._stopping.set()
        lanes = self._lanes.close()
        self._caretaker.stop()
        self._calls.stop()
        patience = Deadline(grace)
        try:
            for lane in lanes:
                lane.join(patience)
        finally:
            # Also when somebody is too impatient for the grace, and presses Ctrl-C.
            for lane in lanes:
                lane.give_up()
            last = Deadline(LAST_WORDS)
            for lane in lanes:
                lane.join(last)
            self._calls.join(last)
            self._caretaker.join(last)
            last.join(self._thread)
            Deadline(GOODBYE).see_to(self._say_goodbye)

    def _say_goodbye(self) -> None:
        # Where it took too long, the storage was closed meanwhile.
        with suppress(StorageError, QueueClosed):
            self._costs.close()
            self._storage.reports.leave(self._worker)

    def _run(self) -> None:
        while not self._stopping.is_set():
            heard = self._storage.work.rings
            duties = (
                self._say_that_we_live,
                self._keep_lanes,
                self._look_at_lanes,
                self._arrivals.settle,
                self._joining.settle,
                self._recover_expired,
            )
            # All of them are done, also behind one that fails.
            were_done = [self._do(duty) for duty in duties]
            if all(were_done):
                self._outage.is_over()
            if not self._stopping.wait(SHORTEST_REST):
                self._storage.work.wait(heard, self._rest())

    def _rest(self) -> float:
        """How long to rest when nothing rings: a duty that was put off is not left out."""
        return min(REST, self._arrivals.due_in, self._joining.due_in)

    def _do(self, duty: Callable[[], None]) -> bool:
        """One that fails does not keep the others from being done; whether it was done."""
        try:
            duty()
            return True
        except StorageError as error:
            self._outage.goes_on(error)
        except Exception:
            logger.exception("The dispatcher stumbled; it goes on.")
        return False

    def _say_that_we_live(self) -> None:
        """Others believe what we have told of our servers for as long as we do."""
        now = self._clock.monotonic()
        if now - self._said_so_at >= BEAT_EVERY:
            self._storage.reports.beat(self._worker, self._clock.now())
            self._said_so_at = now

    def _keep_lanes(self) -> None:
        """Servers are told of when they change; this is for lanes that have ended meanwhile."""
        now = self._clock.monotonic()
        has_ended = any(not lane.is_alive for lane in self._lanes.all())
        if has_ended or now - self._looked_at_servers >= SERVERS_EVERY:
            self._looked_at_servers = now
            self._lanes.keep()

    def _look_at_lanes(self) -> None:
        """The right to servers is lost unnoticed, while lanes rest, with the way to a database."""
        now = self._clock.monotonic()
        if now - self._looked_at_lanes >= LANES_EVERY:
            self._looked_at_lanes = now
            for lane in self._lanes.all():
                lane.look()

    def _recover_expired(self) -> None:
        """Jobs whose lease ran out; where their server has a lane here, that sees to them."""
        now = self._clock.monotonic()
        if now - self._looked_for_expired_at < self._settings.lease / 2:
            return
        self._looked_for_expired_at = now
        moment = self._clock.now()
        for job in self._storage.jobs.processing():
            # A job that is made in parts has no lease; its parts have.
            if job.parts or (job.lease is not None and job.lease.until >= moment):
                continue
            lane = self._lanes.of(job.server)
            if lane is not None:
                lane.see_to(job)
            else:
                recover(
                    self._storage.jobs,
                    self._images,
                    job,
                    None,
                    now=moment,
                    max_losses=self._settings.max_losses,
                    worker=self._worker,
                )
