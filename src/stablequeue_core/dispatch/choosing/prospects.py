"""What the choice of the next job knows of a server. Nothing here asks anybody."""

from __future__ import annotations

import math
from collections.abc import Callable

from attrs import frozen

from stablequeue_core.generation import Requirements
from stablequeue_core.jobs import Candidate
from stablequeue_core.servers import is_for_any

OUT_OF_REACH = math.inf
"""When a server is free that is unreachable, paused or disabled."""


@frozen(kw_only=True)
class Prospect:
    """One server of the fleet, as the choice sees it.

    Attributes:
        alias: its name.
        targets: of the jobs that it may run.
        is_loaded: whether it has this checkpoint (or, for None, any) in its memory.
        can_run: whether it has all that a job for any server needs, as far as its lists tell.
        free_in: seconds until it can take a job; 0 for the one that asks, :data:`OUT_OF_REACH`
            for one that is unreachable, paused or disabled.
        seconds: how long it takes for a job, once the checkpoint is loaded.
        load_seconds: how long it takes to load a checkpoint.
        may_fetch: whether what it lacks for a job is to be fetched for it; asked only of the one
            that asks.
    """

    alias: str
    targets: tuple[str, ...]
    is_loaded: Callable[[str | None], bool]
    can_run: Callable[[Requirements], bool]
    free_in: float
    seconds: Callable[[Candidate], float]
    load_seconds: Callable[[str | None], float]
    may_fetch: Callable[[Candidate], bool]

    @property
    def is_reachable(self) -> bool:
        """Whether it will take a job some day, as far as we know now."""
        return self.free_in < OUT_OF_REACH

    def has_what_it_needs(self, candidate: Candidate) -> bool:
        """Whether it could run the job. Whoever named a server has chosen: that one can."""
        if candidate.target not in self.targets:
            return False
        needs = candidate.requirements
        return needs is None or not is_for_any(candidate.target) or self.can_run(needs)

    def may_take(self, candidate: Candidate) -> bool:
        """Whether it may take the job, be it that what it lacks is fetched first."""
        if self.has_what_it_needs(candidate):
            return True
        needs = candidate.requirements
        is_ours = candidate.target in self.targets
        return is_ours and needs is not None and needs.may_fetch and self.may_fetch(candidate)
