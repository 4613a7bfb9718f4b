"""Who else could take a job: who has what loaded, who is free when, who is faster."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property

from stablequeue_core.dispatch.choosing.prospects import Prospect
from stablequeue_core.jobs import Candidate

SURELY = 0.95
"""Another server is sooner when it needs no more than so much of the time. What is known of two
servers differs from process to process, and by rounding: they must not leave a job to each other.
"""


class Alternatives:
    """Who else could take what the server that asks could take.

    Args:
        here: the one that asks.
        others: the rest.
        at_work_on: the checkpoint of the last job that each server took, where that is known: a
            server that is still loading it will have it.
    """

    def __init__(
        self,
        here: Prospect,
        others: Collection[Prospect],
        at_work_on: Mapping[str, str | None],
    ) -> None:
        self.here = here
        self._others = others
        self._at_work_on = at_work_on

    @cached_property
    def others(self) -> Sequence[Prospect]:
        """Those that will take jobs; looked at only when it matters who else there is."""
        return [other for other in self._others if other.is_reachable]

    def seconds_here(self, candidate: Candidate) -> float:
        """How long the job takes here, loading included."""
        return _seconds_on(self.here, candidate)

    def holders(self, checkpoint: str | None) -> list[Prospect]:
        """The others that have this checkpoint loaded, or are loading it."""
        return [other for other in self.others if self._holds(other, checkpoint)]

    def seconds_to_serve(self, first: Candidate, count: int) -> float:
        """How long those that have its checkpoint loaded need for so many jobs like this one.

        Returns:
            infinity when nobody else has it loaded.
        """
        able = [each for each in self.holders(first.checkpoint) if each.has_what_it_needs(first)]
        if not able:
            return math.inf
        work = sum(each.seconds(first) for each in able) / len(able)
        shared = (sum(each.free_in for each in able) + count * work) / len(able)
        # However many they are: no job is shared.
        return max(shared, min(each.free_in + each.seconds(first) for each in able))

    def done_sooner_elsewhere(self, candidate: Candidate) -> int:
        """How many jobs like this one others would finish before this one was finished here."""
        here = self.seconds_here(candidate)
        count = 0
        for other in self.others:
            if other.free_in >= here or other.alias in candidate.avoids:
                continue
            there = other.free_in + _seconds_on(other, candidate)
            if there < here * SURELY and other.has_what_it_needs(candidate):
                work = other.seconds(candidate)
                count += 1 + int((here - there) / work) if work > 0 else 1
        return count

    def chances(self, job: float, asks_here: Callable[[str], bool]) -> Chances:
        """When the next servers are free.

        Args:
            job: seconds that a job takes, loading included.
            asks_here: whether a server takes its jobs by the same policy as this one, so that it
                will see what is due.
        """
        return Chances(self.here, [o for o in self.others if asks_here(o.alias)], job)

    def _holds(self, other: Prospect, checkpoint: str | None) -> bool:
        if other.free_in > 0 and self._at_work_on.get(other.alias) is not None:
            return self._at_work_on[other.alias] == checkpoint
        return other.is_loaded(checkpoint)


class Chances:
    """When the servers are free for those who wait: now and then, in order."""

    def __init__(self, here: Prospect, others: Sequence[Prospect], job: float) -> None:
        self._here = here
        self._others = others
        self._job = job
        self._by_target: dict[str, list[float]] = {}

    def after(self, before: int, target: str) -> float:
        """Seconds until a server is free for a job of this target, if so many go first.

        This one takes another job now, and may take it after that.
        """
        waits = self._by_target.get(target)
        if waits is None:
            able = (other.free_in for other in self._others if target in other.targets)
            waits = self._by_target[target] = sorted((*able, self._job))
        rounds, place = divmod(before, len(waits))
        return waits[place] + rounds * self._job


def _seconds_on(server: Prospect, candidate: Candidate) -> float:
    seconds = server.seconds(candidate)
    if not server.is_loaded(candidate.checkpoint):
        seconds += server.load_seconds(candidate.checkpoint)
    return seconds
