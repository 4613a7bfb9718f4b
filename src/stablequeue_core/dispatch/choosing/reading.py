"""How a server reads the line: the jobs that it may take, few of the others."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence

from attrs import define, field

from stablequeue_core.dispatch.choosing.prospects import Prospect
from stablequeue_core.dispatch.choosing.shadow import Standing, standing
from stablequeue_core.generation import Requirements
from stablequeue_core.jobs import Backlog, Candidate, Line

LOOK = 64
"""So many jobs that are not for a server are read in vain at the head of the line ..."""

GROUP_LOOK = 32
"""... and so many of those that wait for the same checkpoint ..."""

STRANGE_LOOK, MOST_STRANGE = 4, 4
"""... but only so many, of so many checkpoints, where the server does not have that checkpoint."""

VAIN_FOR = 30.0
"""Seconds for which a checkpoint whose first jobs are not for the server is left out."""

DEEP_REST = 5.0
"""Seconds from one reading of the whole line to the next; the servers take turns at it."""

MOST_REMEMBERED = 4096

Group = tuple[int, str | None]
"""Those of a priority that name a checkpoint."""


@define
class _Known:
    """What one server knows of the line from reading it before.

    Attributes:
        vain: until when a group is left out, and the place of its first job.
        deep_at: when it may read the whole line next.
    """

    vain: dict[Group, tuple[int, float]] = field(factory=dict)
    deep_at: float = 0.0


class ReadingMemory:
    """What the servers of this process know of the line from reading it before."""

    def __init__(self) -> None:
        self._of: dict[str, _Known] = {}
        self._deep_at = 0.0
        self.priorities: set[int] = set()

    def is_vain(self, alias: str, group: Group, first: int, now: float) -> bool:
        """Whether a group was read in vain, and still begins with the same job."""
        known, until = self._server(alias).vain.get(group, (None, 0.0))
        return known == first and now < until

    def was_vain(self, alias: str, group: Group, first: int, now: float) -> None:
        """The first jobs of a group are not for the server."""
        vain = self._server(alias).vain
        if len(vain) >= MOST_REMEMBERED:
            vain.clear()
        vain[group] = first, now + VAIN_FOR

    def may_read_all(self, alias: str, servers: int, now: float) -> bool:
        """Whether it is the server's turn to read the whole line; then it has had it."""
        known = self._server(alias)
        if now < max(known.deep_at, self._deep_at):
            return False
        self._deep_at = now + DEEP_REST
        known.deep_at = now + DEEP_REST * servers
        return True

    def note_priority(self, priority: int) -> None:
        """There are jobs of this priority."""
        if len(self.priorities) >= MOST_REMEMBERED:
            self.priorities.clear()
        self.priorities.add(priority)

    def _server(self, alias: str) -> _Known:
        return self._of.setdefault(alias, _Known())


class Reading:
    """What one server sees of the line while it claims a job.

    Jobs that no server can run stay in the line. Thousands of them at its head must not be read
    with every claim: after a few, the line is read by checkpoint, and those in vain are left out
    for a while. Now and then it is read to its end, so that nothing is overlooked for good.

    Args:
        line: the jobs for its targets.
        here: the server.
        others: the rest of the fleet.
        memory: what is known of the line from before.
        now: the time, in seconds.
    """

    def __init__(
        self,
        line: Line,
        here: Prospect,
        others: Collection[Prospect],
        memory: ReadingMemory,
        now: float,
    ) -> None:
        self._line = line
        self._here = here
        self._others = others
        self._memory = memory
        self._now = now
        self._read: list[Candidate] = []
        self._rest = self._takeable()
        self._backlogs: dict[int, Sequence[Backlog]] = {}
        self._firsts: dict[Group, Candidate | None] = {}

    def in_order(self) -> Iterator[Candidate]:
        """The jobs that the server may take, as they stand; what was read before is kept."""
        yield from self._read
        while (candidate := next(self._rest, None)) is not None:
            self._read.append(candidate)
            yield candidate

    def waiting(self, priority: int) -> int:
        """How many wait at this priority; of those for one checkpoint, not all may be counted."""
        return sum(backlog.count for backlog in self._backlogs_of(priority))

    def groups(self, priority: int) -> Iterator[Backlog]:
        """What waits by checkpoints that the server has, that of the oldest job first."""
        return filter(lambda each: self._has(each.checkpoint), self._backlogs_of(priority))

    def first_of(self, checkpoint: str | None, priority: int) -> Candidate | None:
        """The first job that names this checkpoint and that the server may take."""
        key = priority, checkpoint
        if key not in self._firsts:
            self._firsts[key] = next(self._of_group(checkpoint, priority, GROUP_LOOK), None)
        return self._firsts[key]

    def first_of_any(self, checkpoints: Iterable[str | None], priority: int) -> Candidate | None:
        """The first job that names one of these and that the server may take."""
        firsts = (self.first_of(checkpoint, priority) for checkpoint in checkpoints)
        return min((first for first in firsts if first), key=standing, default=None)

    def find(self, candidate: Candidate) -> Candidate | None:
        """The same job as it stands now; None: it is not in the line any more."""
        group = self._line.of_checkpoint(candidate.checkpoint, candidate.priority)
        for each in group:
            if each.id == candidate.id:
                return each
            if standing(each) > standing(candidate):
                break
        return None

    def may_take(self, candidate: Candidate) -> bool:
        """Whether the server may take the job: it can run it, or get there, and it is its to try.

        One on which the job has failed leaves it to those that can run it and have not tried.
        """
        if not self._here.may_take(candidate):
            return False
        if self._here.alias not in candidate.avoids:
            return True
        return not any(
            other.is_reachable
            and other.alias not in candidate.avoids
            and other.has_what_it_needs(candidate)
            for other in self._others
        )

    def _takeable(self) -> Iterator[Candidate]:
        in_vain = 0
        last = None
        for candidate in self._line.in_order():
            last = standing(candidate)
            self._memory.note_priority(candidate.priority)
            if self.may_take(candidate):
                yield candidate
                continue
            in_vain += 1
            if in_vain == LOOK:
                break
        else:
            return
        is_anything = False
        for priority in sorted(self._memory.priorities, reverse=True):
            for candidate in self._by_group(priority):
                if standing(candidate) > last:
                    is_anything = True
                    yield candidate
        servers = 1 + len(self._others)
        if is_anything or not self._memory.may_read_all(self._here.alias, servers, self._now):
            return
        for candidate in self._line.in_order():
            self._memory.note_priority(candidate.priority)
            if standing(candidate) > last and self.may_take(candidate):
                yield candidate

    def _by_group(self, priority: int) -> Iterator[Candidate]:
        """Those of one priority, as they stand; a checkpoint's are read when they may be next."""
        waiting = deque(self._worth_a_look(priority))
        open_ones: list[tuple[Standing, Candidate, Iterator[Candidate]]] = []
        while waiting or open_ones:
            while waiting and (not open_ones or waiting[0][0].first <= open_ones[0][1].place):
                backlog, look = waiting.popleft()
                group = self._of_group(backlog.checkpoint, priority, look)
                first = next(group, None)
                if first is not None:
                    heapq.heappush(open_ones, (standing(first), first, group))
                else:
                    self._memory.was_vain(
                        self._here.alias, (priority, backlog.checkpoint), backlog.first, self._now
                    )
            if open_ones:
                _, candidate, group = open_ones[0]
                yield candidate
                following = next(group, None)
                if following is None:
                    heapq.heappop(open_ones)
                else:
                    heapq.heapreplace(open_ones, (standing(following), following, group))

    def _worth_a_look(self, priority: int) -> Iterator[tuple[Backlog, int]]:
        """What was not read in vain lately, and how many of it are to be read in vain now."""
        strange = 0
        for backlog in self._backlogs_of(priority):
            group = priority, backlog.checkpoint
            if self._memory.is_vain(self._here.alias, group, backlog.first, self._now):
                continue
            if self._has(backlog.checkpoint):
                yield backlog, GROUP_LOOK
            elif strange < MOST_STRANGE:
                strange += 1
                yield backlog, STRANGE_LOOK

    def _of_group(self, checkpoint: str | None, priority: int, look: int) -> Iterator[Candidate]:
        in_vain = 0
        for candidate in self._line.of_checkpoint(checkpoint, priority):
            if self.may_take(candidate):
                yield candidate
                continue
            in_vain += 1
            if in_vain == look:
                break

    def _backlogs_of(self, priority: int) -> Sequence[Backlog]:
        found = self._backlogs.get(priority)
        if found is None:
            found = self._backlogs[priority] = sorted(
                self._line.backlogs(priority), key=lambda b: (b.first, b.checkpoint or "")
            )
        return found

    def _has(self, checkpoint: str | None) -> bool:
        """Whether the server could run anything with this checkpoint."""
        return checkpoint is None or self._here.can_run(Requirements(checkpoints=(checkpoint,)))
