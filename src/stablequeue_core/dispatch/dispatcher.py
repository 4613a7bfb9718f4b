"""Keeps a lane for each server of the user's, and gives back what nobody works on."""

from __future__ import annotations

import logging
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable

from stablequeue_core.announcer import Announcer
from stablequeue_core.backends import Backend
from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.arrivals import Arrivals
from stablequeue_core.dispatch.board import ProgressBoard
from stablequeue_core.dispatch.lane import Lane
from stablequeue_core.dispatch.policy import lacks_least
from stablequeue_core.dispatch.recovery import recover
from stablequeue_core.dispatch.supply import ModelSupply, files_missing
from stablequeue_core.downloads.wanted import ModelOrderer
from stablequeue_core.generation import Progress, Requirements
from stablequeue_core.images import ImageStore
from stablequeue_core.servers import HealthBoard, Inventories, Server
from stablequeue_core.settings import Settings
from stablequeue_core.storage import Storage

logger = logging.getLogger(__name__)

REST = 1.0
"""Seconds between two looks at the servers when nothing rings."""

SHORTEST_REST = 0.05
"""Seconds; the bell also rings for each new job, which is no reason to look at the servers."""

LAST_WORDS = 5.0
"""Seconds for lanes that were told to give up."""


class Dispatcher:
    """Keeps one lane for each enabled server; lanes pull, nobody pushes.

    Args:
        storage: who remembers.
        images: where pictures are kept.
        make_backend: makes what speaks with a server.
        health: where it is written how servers feel.
        inventories: where it is written what servers have.
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
        inventories: Inventories,
        announcer: Announcer,
        clock: Clock,
        settings: Settings,
        orderer: ModelOrderer | None = None,
    ) -> None:
        self._storage = storage
        self._images = images
        self._make_backend = make_backend
        self._health = health
        self._inventories = inventories
        self._clock = clock
        self._settings = settings
        self._worker = f"{platform.node()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._board = ProgressBoard(announcer, clock)
        self._supply = ModelSupply(storage.downloads, orderer, settings=settings)
        self._arrivals = Arrivals(storage.jobs, storage.downloads, clock)
        self._lanes: dict[str, Lane] = {}
        self._stopping = threading.Event()
        self._looked_for_expired_at = clock.monotonic()
        self._thread = threading.Thread(
            target=self._run, name="stablequeue-dispatcher", daemon=True
        )

    def start(self) -> None:
        """Start a lane for each enabled server, and for those that come."""
        self._thread.start()

    def progress_of(self, job_id: str) -> Progress | None:
        """How far a job is that runs in this process; None for any other."""
        return self._board.of(job_id)

    def waiting_reason(self, requirements: Requirements) -> str | None:
        """Why no server of this process takes a job that any may run; None if one can run it.

        A server whose lists are not known yet may be the one.
        """
        found = {lane.alias: lane.lacks(requirements) for lane in list(self._lanes.values())}
        lacking = " ".join(errors[0].message for errors in found.values() if errors)
        unknown = [alias for alias, errors in found.items() if errors is None]
        if not lacking or any(errors is not None and not errors for errors in found.values()):
            return None
        if not unknown:
            return f"No server can run it. {lacking}"
        if not requirements.may_fetch:
            return None
        return f"{lacking} Nothing is fetched before server {unknown[0]!r} was asked, too."

    def close(self, grace: float) -> None:
        """Take no more jobs; give those that run ``grace`` seconds, then leave them to recovery."""
        self._stopping.set()
        self._storage.work.ring()
        self._thread.join()
        lanes = list(self._lanes.values())
        for lane in lanes:
            lane.stop()
        deadline = time.monotonic() + grace
        try:
            for lane in lanes:
                lane.join(max(0.0, deadline - time.monotonic()))
        finally:
            # Also when somebody is too impatient for the grace, and presses Ctrl-C.
            for lane in lanes:
                lane.give_up()
            for lane in lanes:
                lane.join(LAST_WORDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            heard = self._storage.work.rings
            try:
                self._keep_lanes()
                self._arrivals.settle()
                self._recover_expired()
            except Exception:
                logger.exception("The dispatcher stumbled; it goes on.")
            if not self._stopping.wait(SHORTEST_REST):
                self._storage.work.wait(heard, REST)

    def _keep_lanes(self) -> None:
        self._lanes = {alias: lane for alias, lane in self._lanes.items() if lane.is_alive}
        for server in self._storage.servers.list():
            if server.enabled and server.alias not in self._lanes:
                self._lanes[server.alias] = Lane(
                    server.alias,
                    self._storage,
                    self._images,
                    self._make_backend,
                    worker=self._worker,
                    supply=self._supply,
                    may_fetch=self._may_fetch,
                    board=self._board,
                    health=self._health,
                    inventories=self._inventories,
                    clock=self._clock,
                    settings=self._settings,
                )

    def _may_fetch(self, alias: str, requirements: Requirements) -> bool:
        """Whether a job for any server shall have what it lacks fetched for this one.

        Only once it is certain that no server can run it: each has looked at its folders for it.
        """
        if not self._supply.can_order:
            return False
        lanes = list(self._lanes.values())
        found = {lane.alias: lane.surely_lacks(requirements) for lane in lanes}
        return lacks_least(alias, {each: files_missing(lacking) for each, lacking in found.items()})

    def _recover_expired(self) -> None:
        """Jobs whose lease ran out and whose server has no lane here that could see to them."""
        now = self._clock.monotonic()
        if now - self._looked_for_expired_at < self._settings.lease / 2:
            return
        self._looked_for_expired_at = now
        moment = self._clock.now()
        for job in self._storage.jobs.processing():
            expired = job.lease is None or job.lease.until < moment
            if expired and job.server not in self._lanes:
                recover(self._storage.jobs, self._images, job, None, now=moment)
