"""The shadow: what the servers would have done, had they served whoever came first."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterable, Iterator

from attrs import define, frozen

from stablequeue_core.dispatch.choosing.prospects import Prospect
from stablequeue_core.dispatch.choosing.steady import SteadyTime
from stablequeue_core.jobs import Candidate

Standing = tuple[int, int, int]
"""Where a job stands in the line: its priority, place and number, so that lower goes first."""

MOST_TURNS = 4096
"""So many jobs whose turn has come are remembered; the one not seen for longest is forgotten."""

MOST_AHEAD = 4096
"""So many jobs that were taken before their turn are remembered. Of more, the shadow forgets some,
is done with its work sooner, and turns come earlier."""

LOOK = 32
"""So many of those are looked at for one that a server can run."""


def standing(candidate: Candidate) -> Standing:
    """Where it stands among all: lowest first."""
    return -candidate.priority, candidate.place, candidate.number


@frozen
class Turn:
    """A pending job that would have been started by now, had those who came first gone first.

    Attributes:
        candidate: as it was then.
        since: when it would have been started; by the steady time, as all times here.
    """

    candidate: Candidate
    since: float


@define
class _Server:
    """One server of the shadow.

    Attributes:
        free_at: when it is done with what it was given.
        loaded: the checkpoint that it would have in its memory, as the last job named it.
        taken_at, expected: when the real one took its last job, and how long that was to take;
            None once that is settled.
    """

    free_at: float
    loaded: str | None = None
    taken_at: float = 0.0
    expected: float | None = None


class Shadow:
    """Serves the same jobs on the same servers in the order of the line, on paper.

    A server of the shadow takes its next jobs when the real one asks for work; so one that hangs,
    is paused or is gone does nothing here either. What a job took longer (or less) than was
    thought, it would have taken longer in any order: the shadow's server is held up as much. So
    wrong estimates are put right with every job.

    Only servers that ask in this process have a shadow, and only what they took is known. What
    other processes take just vanishes from the line: the work for it is spared here, and turns
    come earlier rather than later.

    Args:
        head_start: seconds by which the shadow's first servers are ahead when it begins. After a
            restart nobody knows how long the jobs in the line have been passed over already; so
            they are not passed over for as long again.
        time: the steady time.
    """

    def __init__(self, head_start: float, time: SteadyTime) -> None:
        self._head_start = head_start
        self._time = time
        self._began_at: float | None = None
        self._servers: dict[str, _Server] = {}
        self._turns: OrderedDict[str, Turn] = OrderedDict()
        self._ahead: list[tuple[Standing, Candidate]] = []

    def has(self, alias: str) -> bool:
        """Whether this server asks for its work in this process."""
        return alias in self._servers

    def turn_of(self, job_id: str) -> Turn | None:
        """When it would have been that job's turn; None: it is not yet."""
        return self._turns.get(job_id)

    def turns(self, priority: int) -> list[Turn]:
        """All of one priority whose turn has come, in the order of the line."""
        found = [turn for turn in self._turns.values() if turn.candidate.priority == priority]
        found.sort(key=lambda turn: standing(turn.candidate))
        return found

    def asks(self, alias: str, now: float) -> None:
        """A real server asks for work: it is done with its last job."""
        server = self._servers.get(alias)
        if server is None:
            self._began_at = now if self._began_at is None else self._began_at
            # Servers that come later come with nothing to catch up.
            is_first = now - self._began_at < self._head_start
            self._servers[alias] = _Server(now - self._head_start if is_first else now)
        elif server.expected is not None and server.taken_at < now:
            server.free_at += (now - server.taken_at) - server.expected
            server.expected = None

    def follow(self, asking: Prospect, waiting: Iterable[Candidate], now: float) -> None:
        """Let the server's shadow take what it would have taken by now.

        Args:
            asking: the server.
            waiting: the jobs that it may take, in the order of the line; read as far as needed.
            now: the time.
        """
        server = self._servers[asking.alias]
        unserved = self._unserved(waiting)
        first: Candidate | None = None
        while server.free_at <= now:
            first = first or next(unserved, None)
            ahead = self._next_ahead(asking, first)
            if ahead is not None:
                self._serve(server, asking, self._ahead.pop(ahead)[1], now)
            elif first is not None:
                self._turns[first.id] = Turn(first, self._serve(server, asking, first, now))
                first = None
            else:
                # Nothing to do until now: who comes later cannot have come first.
                server.free_at = max(server.free_at, now)
                break
        while len(self._turns) > MOST_TURNS:
            self._turns.popitem(last=False)

    def took(self, asking: Prospect, candidate: Candidate, now: float) -> None:
        """The real server has taken this job."""
        server = self._servers[asking.alias]
        is_loaded = asking.is_loaded(candidate.checkpoint)
        load = 0.0 if is_loaded else asking.load_seconds(candidate.checkpoint)
        server.taken_at, server.expected = now, load + asking.seconds(candidate)
        if self._turns.pop(candidate.id, None) is None:
            insort(self._ahead, (standing(candidate), candidate), key=lambda entry: entry[0])
            del self._ahead[: len(self._ahead) - MOST_AHEAD]

    def forget(self, job_id: str) -> None:
        """The job is not in the line any more."""
        self._turns.pop(job_id, None)

    def _unserved(self, waiting: Iterable[Candidate]) -> Iterator[Candidate]:
        """Those whose turn has not come."""
        for candidate in waiting:
            if candidate.id in self._turns:
                self._turns.move_to_end(candidate.id)
                continue
            # One that was given back stands in the line again.
            place = bisect_left(self._ahead, standing(candidate), key=lambda entry: entry[0])
            if place < len(self._ahead) and self._ahead[place][1].id == candidate.id:
                del self._ahead[place]
            yield candidate

    def _next_ahead(self, asking: Prospect, before: Candidate | None) -> int | None:
        """The first job taken before its turn that is this server's now, if before that one."""
        end = standing(before) if before else None
        for index, (place, candidate) in enumerate(self._ahead[:LOOK]):
            if end is not None and place > end:
                break
            if asking.has_what_it_needs(candidate):
                return index
        return None

    def _serve(self, server: _Server, asking: Prospect, candidate: Candidate, now: float) -> float:
        """Let the shadow's server do this job next; when it starts."""
        # One that came before the clock was put back seems to come later than now.
        start = max(server.free_at, min(self._time.at(candidate.created_at), now))
        load = 0.0
        if candidate.checkpoint is not None and candidate.checkpoint != server.loaded:
            load = asking.load_seconds(candidate.checkpoint)
            server.loaded = candidate.checkpoint
        server.free_at = start + load + asking.seconds(candidate)
        return start
