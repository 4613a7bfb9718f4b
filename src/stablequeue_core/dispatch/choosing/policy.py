"""Which job a server takes next, as a decision over values: nobody is asked for anything."""

from __future__ import annotations

import math
import threading
from collections.abc import Collection, Mapping
from datetime import datetime

from attrs import frozen

from stablequeue_core.dispatch.choosing.alternatives import Alternatives
from stablequeue_core.dispatch.choosing.prospects import Prospect
from stablequeue_core.dispatch.choosing.reading import Reading, ReadingMemory
from stablequeue_core.dispatch.choosing.shadow import Shadow
from stablequeue_core.dispatch.choosing.steady import SteadyTime
from stablequeue_core.jobs import Backlog, Candidate, Line
from stablequeue_core.settings import Settings

FRONT = 1
"""The places below this one are those of jobs that a user has moved to the front."""

HEAD_START = 0.25
"""How much of the bound counts as used up when a process starts: nobody knows how much is."""

MARGIN = 2.0
"""A job is seen to so many jobs before the bound is reached: a server that is about to be free
may be late. But never more than :data:`LARGEST_MARGIN` of the bound."""

LARGEST_MARGIN = 0.5

OTHER_OCCASION = 5.0
"""A server that left something to others so many seconds ago, and has not since, begins anew."""


@frozen(kw_only=True)
class PassedOver:
    """A job whose turn it would have been, but others fit the loaded checkpoints better.

    Attributes:
        since: when it would have been started, had those who came first gone first.
        until: by then it goes before all others, on the next server that is free.
    """

    since: datetime
    until: datetime


class Policy:
    """Which job a server takes next. One for each process; safe to use from several threads.

    1. Priority decides; then a job that its user has moved to the front.
    2. A job that has been passed over for nearly ``affinity_bound`` goes, the first one first. It
       is passed over from the moment at which it would have been started had those who came first
       gone first: see :class:`~.shadow.Shadow`.
    3. A job whose checkpoint is loaded here goes before older ones: a switch costs more than a
       picture.
    4. Who must switch takes the checkpoint that nobody else has loaded, that of the oldest job
       first. Where others have them all, it helps with the longest backlog if that pays, and leaves
       the rest to those who will be done with it before a switch here would be.
    5. A job is left to a faster server that will have finished it clearly earlier.
    """

    def __init__(self, settings: Settings) -> None:
        self._bound = settings.affinity_bound
        self._time = SteadyTime()
        self._shadow = Shadow(self._bound * HEAD_START, self._time)
        self._memory = ReadingMemory()
        self._at_work_on: dict[str, str | None] = {}
        self._leaving: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def choose(
        self, line: Line, here: Prospect, others: Collection[Prospect], *, now: datetime
    ) -> Candidate | None:
        """The next job for the server ``here``; None when there is none that it should take.

        Whoever takes no job asks again soon: it may leave one to another server for a while only.

        Args:
            line: what waits for one of its targets.
            here: the server that asks, which is free.
            others: the rest of the servers.
            now: the time.
        """
        with self._lock:
            moment = self._time.pass_to(now)
            reading = Reading(line, here, others, self._memory, moment)
            self._shadow.asks(here.alias, moment)
            self._shadow.follow(here, reading.in_order(), moment)
            servers = Alternatives(here, others, self._at_work_on)
            chosen = self._pick(reading, servers, moment)
            if chosen is not None:
                self._shadow.took(here, chosen, moment)
                self._at_work_on[here.alias] = chosen.checkpoint
                self._leaving.pop(here.alias, None)
            return chosen

    def passed_over(self, job_id: str) -> PassedOver | None:
        """Since when a pending job is passed over in this process; None: its turn has not come."""
        turn = self._shadow.turn_of(job_id)
        if turn is None:
            return None
        return PassedOver(
            since=self._time.by_the_clock(turn.since),
            until=self._time.by_the_clock(turn.since + self._bound),
        )

    def _pick(self, reading: Reading, servers: Alternatives, now: float) -> Candidate | None:
        head = next(reading.in_order(), None)
        if head is None or head.place < FRONT:
            return head
        due = self._due(reading, servers, head, now)
        if due is not None:
            return due
        fitting = self._fitting(reading, servers.here, head)
        if fitting is None:
            return self._after_a_switch(reading, servers, head, now)
        return None if self._leaves(reading, servers, fitting, now) else fitting

    def _due(
        self, reading: Reading, servers: Alternatives, head: Candidate, now: float
    ) -> Candidate | None:
        """The first of those passed over, if one of them cannot wait for the next free server."""
        job = servers.here.load_seconds(head.checkpoint) + servers.here.seconds(head)
        margin = min(MARGIN * job, LARGEST_MARGIN * self._bound)
        chances = servers.chances(job, self._shadow.has)
        can_wait: list[Candidate] = []
        for turn in self._shadow.turns(head.priority):
            each = turn.candidate
            if each.target not in servers.here.targets:
                continue
            left = turn.since + self._bound - margin - now
            if left < chances.after(len(can_wait), each.target) and self._stands(reading, each):
                first = next((c for c in can_wait if self._stands(reading, c)), each)
                return reading.find(first)
            can_wait.append(each)
        return None

    def _stands(self, reading: Reading, candidate: Candidate) -> bool:
        """Whether a job that was seen before is still there for this server to take."""
        if not reading.may_take(candidate):
            return False
        current = reading.find(candidate)
        if current is None:
            self._shadow.forget(candidate.id)
        return current is not None and reading.may_take(current)

    def _fitting(self, reading: Reading, here: Prospect, head: Candidate) -> Candidate | None:
        """The first job whose checkpoint the server has loaded."""
        if here.is_loaded(head.checkpoint):
            return head
        last = self._at_work_on.get(here.alias)
        # Mostly that of the last job; only if none is left, or somebody meddled, look at all.
        names = [name for name in dict.fromkeys((None, last)) if here.is_loaded(name)]
        return reading.first_of_any(names, head.priority) or reading.first_of_any(
            [b.checkpoint for b in reading.groups(head.priority) if here.is_loaded(b.checkpoint)],
            head.priority,
        )

    def _after_a_switch(
        self, reading: Reading, servers: Alternatives, head: Candidate, now: float
    ) -> Candidate | None:
        """The job to load another checkpoint for; None: all are left to others for now."""
        served: list[Backlog] = []
        for backlog in reading.groups(head.priority):
            if servers.holders(backlog.checkpoint):
                served.append(backlog)
                continue
            first = reading.first_of(backlog.checkpoint, head.priority)
            if first is not None:
                return None if self._leaves(reading, servers, first, now) else first
        gain, helped = 0.0, head
        for backlog in served:
            first = reading.first_of(backlog.checkpoint, head.priority)
            if first is not None:
                saved = servers.seconds_to_serve(first, backlog.count)
                saved -= servers.seconds_here(first)
                if saved > gain:
                    gain, helped = saved, first
        if gain > 0 or servers.seconds_to_serve(head, 1) == math.inf:
            return helped
        return None if self._may_leave(servers, head, now) else head

    def _leaves(
        self, reading: Reading, servers: Alternatives, candidate: Candidate, now: float
    ) -> bool:
        """Whether others will have done all that waits before this job was finished here."""
        spare = servers.done_sooner_elsewhere(candidate)
        return (
            spare > 0
            and reading.waiting(candidate.priority) <= spare
            and self._may_leave(servers, candidate, now)
        )

    def _may_leave(self, servers: Alternatives, candidate: Candidate, now: float) -> bool:
        """Others may be late: nothing is left to them for longer than it takes here."""
        since, last = self._leaving.get(servers.here.alias, (now, now))
        if now - last > OTHER_OCCASION:
            since = now
        self._leaving[servers.here.alias] = since, now
        return now - since < servers.seconds_here(candidate)


def lacks_least(server: str, shortages: Mapping[str, float | None]) -> bool:
    """Whether a job for any server, which none can run, shall have its models fetched for this one.

    Args:
        server: its alias.
        shortages: for each server, how many files it lacks: 0 when it can run the job, infinity
            when it lacks something that is no file, None when that is not known.

    Example:
        >>> lacks_least("Laptop", {"Laptop": 1, "Desktop": 2})
        True
        >>> lacks_least("Laptop", {"Laptop": 1, "Desktop": None})
        False
    """
    known = [shortage for shortage in shortages.values() if shortage is not None]
    # A server of which that is not known may be the one that can run it.
    if len(known) < len(shortages):
        return False
    least = min(known, default=0.0)
    return 0 < least < math.inf and shortages.get(server) == least
