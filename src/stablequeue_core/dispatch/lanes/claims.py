"""How a lane comes to its next job, and when it is worth while to look for one."""

from __future__ import annotations

import math
import uuid
from datetime import datetime, timedelta

from attrs import frozen

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
from stablequeue_core.jobs import Candidate, Claim, Job, Lease, Line, event_of, limits_in
from stablequeue_core.jobs.seeds import drawn_seed
from stablequeue_core.servers import Server
from stablequeue_core.settings import Settings
from stablequeue_core.storage import Storage

LONGEST_PAUSE = 2.0
"""Seconds until a lane looks again at jobs that it has left to others, though nobody calls."""


@frozen
class _Search:
    """One search for the next job of a server.

    Attributes:
        standing: of its lane.
        server: as it was when the search began.
        mark: how often its targets had been called by then.
        look: what is made of the line.
        now: the time.
        servers: how many there are to choose among.
    """

    standing: Standing
    server: Server
    mark: Mark
    look: Look
    now: datetime
    servers: int

    @property
    def is_good(self) -> bool:
        """Whether the server is what it was; it may have been paused, or renamed, meanwhile."""
        return self.standing.server is self.server

    def choose(self, line: Line) -> Candidate | None:
        """The next job; a storage that is slow may have let us wait."""
        return self.look(line) if self.is_good else None


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
            StorageError: it may not be known whether one was begun.
        """
        with self._lookout.turn:
            # Whoever had its turn before may have seen that there is nothing; that takes a while
            # where the storage is slow.
            if (search := self._search(link)) is None:
                return None
            job = self._storage.jobs.claim(self._wanted(search))
            self._has_found(search, job, link)
        return job

    def follow(self, done: Job, event: Event, link: Link) -> tuple[Job, Job | None] | None:
        """Keep the end of a job, and claim the next, begun, in the same transaction.

        Returns:
            the job as it is kept; and the next one, or None: :meth:`next` has to look. Neither, but
            None, where another lane looks at the line, for which the end of a job need not wait;
            and where there is nothing to look for.

        Raises:
            StaleJob, JobNotFound: somebody else has changed the job.
            ServerNotFound: the server was removed.
            StorageError: it may not be known whether anything was kept or begun.
        """
        turn = self._lookout.turn
        if not turn.acquire(blocking=False):
            return None
        try:
            if (search := self._search(link)) is None:
                return None
            kept, job = self._storage.jobs.finish_and_claim(done, event, self._wanted(search))
            if job is None:
                # Perhaps there is nothing, perhaps somebody else was faster.
                self.look_again()
            else:
                self._has_found(search, job, link)
            return kept, job
        finally:
            turn.release()

    def _search(self, link: Link) -> _Search | None:
        """A search for the next job; None: there is nothing to be claimed now."""
        if self._is_stopped or self.look_in:
            return None
        self._must_look = self.lacks = False
        server, mark = self._look_at_server()
        if not server.enabled or server.paused or self._storage.jobs.paused():
            # When that changes, we are called.
            self._rest(mark, math.inf)
            return None
        if not link.leads_to(server):
            return None
        self._fleet.refresh()
        now = self._clock.now()
        here, others = self._fleet.here(self._standing, link), self._fleet.others(server.alias)
        look = Look(self._policy, here, others, now)
        return _Search(self._standing, server, mark, look, now, servers=1 + len(others))

    def _wanted(self, search: _Search) -> Claim:
        return Claim(
            targets=search.server.targets,
            now=search.now,
            choose=search.choose,
            begin=self._begin,
        )

    def _look_at_server(self) -> tuple[Server, Mark]:
        """The server as it is now, and its mark: older, for whoever changes it calls afterwards."""
        while True:
            targets = self._standing.server.targets
            mark = self._lookout.mark(targets)
            server = self._standing.server = self._storage.servers.get(self._standing.server.alias)
            if server.targets == targets:
                return server, mark

    def _has_found(self, search: _Search, job: Job | None, link: Link) -> None:
        if job is not None:
            self._fleet.begins(self._standing, job, link)
        if not search.is_good:
            self.look_again()
        elif job is None:
            self._remember(search)
        else:
            self._mark = None

    def _remember(self, search: _Search) -> None:
        """When to look again, after nothing was taken."""
        look, mark, targets = search.look, search.mark, search.server.targets
        self.lacks = look.lacked
        due = self._storage.jobs.next_due(targets)
        seconds = self._seconds_until(due) if due else math.inf
        longest = math.inf
        if look.could_run or not seconds:
            # What was left to others may come back, and what is due already hides what will be.
            longest = LONGEST_PAUSE
        elif look.read_many:
            longest = DEEP_REST * search.servers
        if longest < math.inf:
            self._pause = min(
                longest, self._pause * 2 if mark == self._mark else self._settings.poll
            )
            seconds = min(self._pause, seconds or math.inf)
        if not look.saw_any:
            until = None if seconds == math.inf else self._clock.now() + timedelta(seconds=seconds)
            self._lookout.found_empty(targets, mark, until)
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
