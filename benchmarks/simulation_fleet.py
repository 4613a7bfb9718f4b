"""A fleet in virtual time: a real store, a real policy, and servers that only pretend to work."""

from __future__ import annotations

import heapq
import math
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from attrs import define, frozen

from benchmarks.simulation_workload import EFFORT, Arrival, Machine
from stablequeue_core.dispatch.choosing.policy import Policy
from stablequeue_core.dispatch.choosing.prospects import OUT_OF_REACH, Prospect
from stablequeue_core.dispatch.costing.costs import CostBook
from stablequeue_core.events import Event, EventKind
from stablequeue_core.generation import Requirements
from stablequeue_core.jobs import (
    AUTO,
    AttemptOutcome,
    Candidate,
    Claim,
    Job,
    JobFailure,
    JobResult,
    Lease,
    Line,
    event_of,
)
from stablequeue_core.settings import Settings
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.clock import FakeClock

POLL = 0.5
"""Seconds until a server looks again that has found nothing to do, as the setting says."""

TAKEN_OVER = 15.0
"""Seconds until a job comes back whose server has died."""

Rule = Callable[[Line, Prospect, Sequence[Prospect], datetime], Candidate | None]


def by_policy(settings: Settings) -> Rule:
    """Today's policy, new and without any memory."""
    policy = Policy(settings)
    return lambda line, here, others, now: policy.choose(line, here, others, now=now)


def first_come(line: Line, here: Prospect, others: Sequence[Prospect], now: datetime) -> Candidate:
    """First come, first served: what a plain queue does."""
    return next(line.in_order())


def in_turns(places: Sequence[int]) -> Rule:
    """First come, first served, by the turns that jobs were given in another run.

    Turns are given by who waits at the time, and under another rule others wait.
    """

    def rule(
        line: Line, here: Prospect, others: Sequence[Prospect], now: datetime
    ) -> Candidate | None:
        waiting = line.in_order()
        return min(waiting, key=lambda each: (places[_number_of(each.id)], each.number))

    return rule


def _number_of(job_id: str) -> int:
    return uuid.UUID(job_id).int


@frozen
class Outcome:
    """How it went.

    Attributes:
        total: seconds until all was done.
        starts: when each job was started that was completed, in the order of their coming.
        places: where each job stood in the line.
        loads: how often a checkpoint was loaded.
        lost: the jobs that died with a server.
    """

    total: float
    starts: Sequence[float]
    places: Sequence[int]
    loads: int
    lost: frozenset[int]


@define
class _Server:
    machine: Machine
    loaded: str | None = None
    job: Job | None = None
    was_loaded: bool = False
    free_at: float = 0.0
    expected_at: float = 0.0


class FleetInVirtualTime:
    """Servers that take their jobs from a store, by a rule, until all is done.

    What jobs cost is learned on the way, as in real life.

    Args:
        arrivals: the jobs.
        machines: the servers.
        rule: how a server chooses.
        settings: every knob.
    """

    def __init__(
        self,
        arrivals: Sequence[Arrival],
        machines: Sequence[Machine],
        rule: Rule,
        settings: Settings,
    ) -> None:
        self._arrivals = arrivals
        self._rule = rule
        self._settings = settings
        self._clock = FakeClock()
        self._storage = MemoryStorage(clock=self._clock)
        self._costs = CostBook(self._storage.costs, lambda name: None, clock=self._clock)
        self._servers = [_Server(machine) for machine in machines]
        self._now = 0.0
        self._moments: list[float] = []
        self._starts = [math.nan] * len(arrivals)
        self._places = [0] * len(arrivals)
        self._lost: set[int] = set()
        self._returning: list[tuple[float, Job]] = []
        self._loads = 0
        self._to_do = len(arrivals)

    def run(self) -> Outcome:
        """Let it all happen."""
        coming = list(enumerate(self._arrivals))
        coming.reverse()
        for arrival in self._arrivals:
            self._wake_at(arrival.at)
        for server in self._servers:
            self._wake_at(server.machine.dies_at)
        while self._to_do:
            now = heapq.heappop(self._moments)
            self._clock.advance(now - self._now)
            self._now = now
            for server in self._servers:
                self._settle(server)
            self._give_back()
            batch = []
            while coming and coming[-1][1].at <= now:
                batch.append(coming.pop())
            self._submit(batch)
            for server in self._servers:
                if server.job is None and not self._is_dead(server):
                    self._claim(server)
        return Outcome(self._now, self._starts, self._places, self._loads, frozenset(self._lost))

    def _wake_at(self, moment: float | None) -> None:
        if moment is not None and moment not in self._moments:
            heapq.heappush(self._moments, moment)

    def _is_dead(self, server: _Server) -> bool:
        return server.machine.dies_at is not None and server.machine.dies_at <= self._now

    def _submit(self, batch: Sequence[tuple[int, Arrival]]) -> None:
        now = self._clock.now()
        jobs = [
            Job(
                id=str(uuid.UUID(int=number)),
                target=AUTO,
                params={},
                created_at=now,
                updated_at=now,
                checkpoint=arrival.checkpoint,
                requirements=Requirements(checkpoints=(arrival.checkpoint,)),
                priority=arrival.priority,
                client_id=arrival.client_id,
                effort=EFFORT,
            )
            for number, arrival in batch
        ]
        if jobs:
            for job in self._storage.jobs.add(jobs, fair=self._settings.fairness):
                self._places[_number_of(job.id)] = job.place

    def _claim(self, server: _Server) -> None:
        self._costs.refresh()
        now = self._clock.now()
        here = self._prospect(server)
        others = [self._prospect(other) for other in self._servers if other is not server]
        job = self._storage.jobs.claim(
            Claim(
                targets=here.targets,
                now=now,
                choose=lambda line: self._rule(line, here, others, now),
                begin=self._begin,
            )
        )
        if job is not None:
            self._start(server, job)
        elif self._to_do:
            self._wake_at(self._now + POLL)

    def _begin(self, job: Job) -> tuple[Job, Event]:
        now = self._clock.now()
        lease = Lease(worker="simulation", until=now + timedelta(hours=1))
        begun = job.begin(server="any", lease=lease, task_id="", seed=0, subseed=0, now=now)
        return begun, event_of(EventKind.JOB_STARTED, begun)

    def _start(self, server: _Server, job: Job) -> None:
        machine, costs = server.machine, self._costs
        server.job, server.was_loaded = job, server.loaded == job.checkpoint
        server.loaded = job.checkpoint
        server.free_at = self._now + machine.work + machine.load * (not server.was_loaded)
        expected = costs.seconds(machine.alias, job.checkpoint, job.effort)
        if not server.was_loaded:
            expected += costs.load(machine.alias, job.checkpoint)
            self._loads += 1
        server.expected_at = self._now + expected
        self._starts[_number_of(job.id)] = self._now
        self._wake_at(server.free_at)

    def _settle(self, server: _Server) -> None:
        """What a server has finished by now, or what has died with it."""
        job, now = server.job, self._clock.now()
        if job is not None and self._is_dead(server):
            self._lost.add(_number_of(job.id))
            self._returning.append((self._now + TAKEN_OVER, job))
            self._wake_at(self._now + TAKEN_OVER)
            server.job = None
        elif job is not None and server.free_at <= self._now:
            self._costs.learn(
                server.machine.alias,
                job.checkpoint,
                effort=job.effort,
                seconds=server.machine.work + server.machine.load * (not server.was_loaded),
                was_loaded=server.was_loaded,
            )
            done = job.complete(JobResult(images=(), info="", generation_info={}), sent={}, now=now)
            self._storage.jobs.replace(done, event_of(EventKind.JOB_COMPLETED, done))
            self._to_do -= 1
            server.job = None

    def _give_back(self) -> None:
        now = self._clock.now()
        for entry in [each for each in self._returning if each[0] <= self._now]:
            self._returning.remove(entry)
            back = entry[1].give_back(
                outcome=AttemptOutcome.UNREACHABLE,
                failure=JobFailure(code="server_unreachable", message="The server has died."),
                counted=False,
                not_before=None,
                now=now,
            )
            self._storage.jobs.replace(back, event_of(EventKind.JOB_REQUEUED, back))

    def _prospect(self, server: _Server) -> Prospect:
        alias, loaded = server.machine.alias, server.loaded
        free_in = 0.0 if server.job is None else max(0.0, server.expected_at - self._now)
        return Prospect(
            alias=alias,
            targets=(alias, AUTO),
            is_loaded=lambda checkpoint: checkpoint in (None, loaded),
            can_run=lambda _: True,
            free_in=OUT_OF_REACH if self._is_dead(server) else free_in,
            seconds=lambda job: self._costs.seconds(alias, job.checkpoint, job.effort),
            load_seconds=lambda checkpoint: self._costs.load(alias, checkpoint),
            may_fetch=lambda _: False,
        )
