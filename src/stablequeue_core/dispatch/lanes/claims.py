"""How a lane comes to its next job, and when it is worth while to look for one."""

from __future__ import annotations

import math
import uuid
from datetime import datetime, timedelta

from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.choosing.looking import Look
from stablequeue_core.dispatch.choosing.policy import Policy
from stablequeue_core.dispatch.choosing.reading import DEEP_REST
from stablequeue_core.dispatch.lanes.fleet import Fleet, Standing
from stablequeue_core.dispatch.lanes.lookout import Lookout, Mark
from stablequeue_core.dispatch.links.link import Link
from stablequeue_core.errors import InvalidParams
from stablequeue_core.events import Event, EventKind
from stablequeue_core.generation import parse_params
from stablequeue_core.jobs import Candidate, Job, Lease, Line, event_of, limits_in
from stablequeue_core.jobs.seeds import drawn_seed
from stablequeue_core.servers import Server
from stablequeue_core.settings import Settings
from stablequeue_core.storage import Storage

LONGEST_PAUSE = 2.0
"""Seconds until a lane looks again at jobs that it has left to others, though nobody calls."""


class Claims:
    """Takes jobs for one server. Used by its lane only.

    It looks at the line when one of its targets was called, when a job's time has come, and now
    and then while there are jobs that it could run and has left to others.

    Args:
        standing: of the lane.
        storage: who remembers the jobs.
        fleet: the servers to choose among.
        policy: which job is next.
        lookout: which lines are empty.
        worker: who we are.
        clock, settings: the time, and every knob.

    Attributes:
        lacks: whether the server lacked something for a job when it was last looked.
    """

    def __init__(
        self,
        standing: Standing,
        storage: Storage,
        *,
        fleet: Fleet,
        policy: Policy,
        lookout: Lookout,
        worker: str,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self.lacks = False
        self._standing = standing
        self._storage = storage
        self._fleet = fleet
        self._policy = policy
        self._lookout = lookout
        self._worker = worker
        self._clock = clock
        self._settings = settings
        self._limits = limits_in(settings)
        self._mark: Mark | None = None
        self._again_at = math.inf
        self._pause = settings.poll
        self._must_look = False
        self._is_stopped = False

    @property
    def look_in(self) -> float:
        """Seconds until it is worth while to look at the line; 0: it is now. Asks nobody."""
        if self._must_look:
            return 0.0
        targets = self._standing.server.targets
        if self._lookout.is_quiet(targets):
            until = self._lookout.until(targets)
            return self._seconds_until(until) if until else math.inf
        if self._mark != self._lookout.mark(targets):
            return 0.0
        return max(0.0, self._again_at - self._clock.monotonic())

    def stop(self) -> None:
        """Take no more jobs; any thread may say so."""
        self._is_stopped = True

    def look_again(self) -> None:
        """Look at the line next time, even if nobody was called since it was found empty."""
        self._must_look = True

    def next(self, link: Link) -> Job | None:
        """The next job for the server, begun; None: it has nothing to do.

        Raises:
            ServerNotFound: the server was removed.
            StorageError: nothing was begun.
        """
        with self._lookout.turn:
            # Whoever had its turn before may have seen that there is nothing; that takes a while
            # where the storage is slow.
            if self._is_stopped or self.look_in:
                return None
            self._must_look = self.lacks = False
            server, mark = self._look_at_server()
            if not server.enabled or server.paused or self._storage.jobs.paused():
                # When that changes, we are called.
                self._rest(mark, math.inf)
                return None
            job = self._claim(server, mark, link) if link.leads_to(server) else None
        if job is not None:
            self._fleet.begins(self._standing, job, link)
        return job

    def _look_at_server(self) -> tuple[Server, Mark]:
        """The server as it is now, and its mark: older, for whoever changes it calls afterwards."""
        while True:
            targets = self._standing.server.targets
            mark = self._lookout.mark(targets)
            server = self._standing.server = self._storage.servers.get(self._standing.server.alias)
            if server.targets == targets:
                return server, mark

    def _claim(self, server: Server, mark: Mark, link: Link) -> Job | None:
        self._fleet.refresh()
        now = self._clock.now()
        here, others = self._fleet.here(self._standing, link), self._fleet.others(server.alias)
        look = Look(self._policy, here, others, now)

        def choose(line: Line) -> Candidate | None:
            # It may have been paused meanwhile: a storage that is slow lets us wait.
            return look(line) if self._standing.server is server else None

        job = self._storage.jobs.claim(server.targets, now=now, choose=choose, begin=self._begin)
        if self._standing.server is not server:
            self.look_again()
        elif job is None:
            self._remember(server, mark, look, 1 + len(others))
        else:
            self._mark = None
        return job

    def _remember(self, server: Server, mark: Mark, look: Look, servers: int) -> None:
        """When to look again, after nothing was taken."""
        self.lacks = look.lacked
        due = self._storage.jobs.next_due(server.targets)
        seconds = self._seconds_until(due) if due else math.inf
        longest = math.inf
        if look.could_run or not seconds:
            # What was left to others may come back, and what is due already hides what will be.
            longest = LONGEST_PAUSE
        elif look.read_many:
            longest = DEEP_REST * servers
        if longest < math.inf:
            self._pause = min(
                longest, self._pause * 2 if mark == self._mark else self._settings.poll
            )
            seconds = min(self._pause, seconds or math.inf)
        if not look.saw_any:
            until = None if seconds == math.inf else self._clock.now() + timedelta(seconds=seconds)
            self._lookout.found_empty(server.targets, mark, until)
        self._rest(mark, seconds)

    def _rest(self, mark: Mark, seconds: float) -> None:
        self._mark = mark
        self._again_at = self._clock.monotonic() + seconds

    def _seconds_until(self, moment: datetime) -> float:
        """None of them, when it has passed."""
        return max(0.0, (moment - self._clock.now()).total_seconds())

    def _begin(self, job: Job) -> tuple[Job, Event]:
        now = self._clock.now()
        seed, subseed = self._seeds(job)
        begun = job.begin(
            server=self._standing.server.alias,
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
        return drawn_seed(request.seed), drawn_seed(request.subseed)
