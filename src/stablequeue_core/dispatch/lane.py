"""A lane: one server's loop. It pulls a job, sees it through, and pulls the next."""

from __future__ import annotations

import logging
import random
import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

from stablequeue_core.backends import Backend
from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.board import ProgressBoard
from stablequeue_core.dispatch.link import Link
from stablequeue_core.dispatch.monitor import GivenUp, Monitor
from stablequeue_core.dispatch.policy import choose
from stablequeue_core.dispatch.recovery import recover
from stablequeue_core.dispatch.runner import Runner
from stablequeue_core.dispatch.supply import ModelSupply
from stablequeue_core.errors import BackendError, InvalidParams, ServerNotFound
from stablequeue_core.events import Event, EventKind
from stablequeue_core.generation import (
    RANDOM_SEED,
    Requirements,
    parse_params,
)
from stablequeue_core.images import ImageStore
from stablequeue_core.jobs import Job, Lease, event_of, limits_in
from stablequeue_core.servers import HealthBoard, Inventories, Server
from stablequeue_core.settings import Settings
from stablequeue_core.storage import Storage

logger = logging.getLogger(__name__)

AFTER_A_SURPRISE = 1.0
"""Seconds that a lane rests after an error that nobody had thought of."""

LARGEST_DRAWN_SEED = 2**32 - 1 - 1024
"""The server counts up from it for each further picture, and its own seeds end at 2**32 - 1."""


class Lane:
    """One server's loop, on a thread of its own; at most one job is in flight on the server."""

    def __init__(
        self,
        alias: str,
        storage: Storage,
        images: ImageStore,
        make_backend: Callable[[Server], Backend],
        *,
        worker: str,
        supply: ModelSupply,
        may_fetch: Callable[[str, Requirements], bool],
        board: ProgressBoard,
        health: HealthBoard,
        inventories: Inventories,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self.alias = alias
        self._storage = storage
        self._images = images
        self._make_backend = make_backend
        self._worker = worker
        self._may_fetch = may_fetch
        self._health = health
        self._inventories = inventories
        self._clock = clock
        self._settings = settings
        self._limits = limits_in(settings)
        self._lock = storage.lane_lock(alias)
        self._link: Link | None = None
        self._has_recovered = False
        self._stopping = threading.Event()
        self._monitor = Monitor(storage.jobs, board, clock, settings)
        self._runner = Runner(
            storage.jobs, images, supply, self._monitor, board, clock=clock, settings=settings
        )
        self._thread = threading.Thread(target=self._run, name=f"stablequeue-lane-{alias}")
        self._thread.daemon = True
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the lane still runs; it ends by itself when its server is gone or disabled."""
        return self._thread.is_alive()

    def lacks(self, requirements: Requirements) -> Sequence[BackendError] | None:
        """What the server lacks of this; None while its lists are not known."""
        link = self._link
        return link.lacks(requirements) if link else None

    def surely_lacks(self, requirements: Requirements) -> Sequence[BackendError] | None:
        """The same, after the server looked at its folders again for it; it will, if it has not."""
        link = self._link
        return link.surely_lacks(requirements) if link else None

    def stop(self) -> None:
        """Take no more jobs; the one that runs goes on."""
        self._stopping.set()
        self._storage.work.ring()

    def join(self, timeout: float) -> bool:
        """Wait for the lane's end; whether it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def give_up(self) -> None:
        """Leave the job that runs to recovery."""
        self._monitor.give_up(GivenUp.CLOSING)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                heard = self._storage.work.rings
                rest = self._turn()
                if rest and not self._stopping.is_set():
                    self._storage.work.wait(heard, rest)
        finally:
            self._monitor.close()
            self._lock.release()

    def _turn(self) -> float:
        """Do what there is to do; how many seconds to rest, 0 for none."""
        try:
            return self._work()
        except ServerNotFound:
            self._stopping.set()
            return 0.0
        except Exception:
            # The lane must outlive whatever this is; the job, if there was one, is recovered.
            logger.exception("The lane of server %r stumbled; it goes on.", self.alias)
            self._has_recovered = False
            self._stopping.wait(AFTER_A_SURPRISE)
            return 0.0

    def _work(self) -> float:
        server = self._storage.servers.get(self.alias)
        if not server.enabled:
            self._stopping.set()
            return 0.0
        link = self._link_to(server)
        if not self._lock.try_acquire():
            # Another process sends it jobs; what it has may be asked here all the same.
            self._answer(link)
            return self._settings.poll
        if not self._has_recovered:
            self._has_recovered = self._recover(link.backend)
        if not self._has_recovered:
            return self._settings.poll
        if not link.ready():
            return link.circuit.wait or self._settings.poll
        if not link.is_free():
            return self._settings.poll
        self._answer(link)
        if server.paused or self._storage.jobs.paused():
            return self._idle(link)
        job = None if self._stopping.is_set() else self._claim(link)
        if job is None:
            return self._idle(link)
        self._runner.run(job, link)
        return 0.0

    def _link_to(self, server: Server) -> Link:
        link = self._link
        if link is None or (link.server.api_url, link.server.auth) != (server.api_url, server.auth):
            link = self._link = Link(
                server,
                self._make_backend(server),
                health=self._health,
                inventories=self._inventories,
                clock=self._clock,
                settings=self._settings,
            )
        return link

    def _recover(self, backend: Backend) -> bool:
        """Whoever holds the lane's lock runs the server's jobs: all others here are orphans.

        Returns:
            whether all of them were brought back; while they were not, the lane stays closed.
        """
        orphans = [job for job in self._storage.jobs.processing() if job.server == self.alias]
        now = self._clock.now()
        done = [recover(self._storage.jobs, self._images, job, backend, now=now) for job in orphans]
        return all(done)

    def _idle(self, link: Link) -> float:
        """Nothing to do: keep what we know of the server fresh; how long to rest."""
        if link.is_stale:
            link.ask()
        due = self._storage.jobs.next_due(self.alias)
        until_due = (due - self._clock.now()).total_seconds() if due else 0.0
        # What is due already was not claimed: it is for a server that has what it needs.
        return min(self._settings.poll, until_due) if until_due > 0 else self._settings.poll

    def _answer(self, link: Link) -> None:
        """What somebody wants to know of the server, who then looks again whether jobs can run."""
        try:
            if link.answer():
                self._storage.work.ring()
        except BackendError as error:
            link.failed(error)

    def _claim(self, link: Link) -> Job | None:
        now = self._clock.now()
        bound = timedelta(seconds=self._settings.affinity_bound)
        return self._storage.jobs.claim(
            self.alias,
            now=now,
            choose=lambda candidates: choose(
                candidates,
                now=now,
                bound=bound,
                is_loaded=link.is_loaded,
                can_run=link.can_run,
                may_fetch=lambda needed: self._may_fetch(self.alias, needed),
            ),
            begin=self._begin,
        )

    def _begin(self, job: Job) -> tuple[Job, Event]:
        now = self._clock.now()
        seed, subseed = self._seeds(job)
        begun = job.begin(
            server=self.alias,
            lease=Lease(worker=self._worker, until=now + timedelta(seconds=self._settings.lease)),
            task_id=str(uuid.uuid4()),
            seed=seed,
            subseed=subseed,
            now=now,
        )
        return begun, event_of(EventKind.JOB_STARTED, begun)

    def _seeds(self, job: Job) -> tuple[int, int]:
        """The user's seeds, or new ones; a job that cannot be read fails later, in the runner."""
        try:
            request = parse_params(job.params, self._limits)
        except InvalidParams:
            return 0, 0
        return _drawn(request.seed), _drawn(request.subseed)


def _drawn(seed: int) -> int:
    return random.randint(0, LARGEST_DRAWN_SEED) if seed == RANDOM_SEED else seed
