"""What jobs cost, as far as it was learned: pure estimation over what a store remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from statistics import median

from stablequeue_core.servers import Cost

DEFAULT_PACE = 0.5
"""Seconds for each megapixel-step where nothing was learned yet: SDXL on a good card."""

DEFAULT_LOAD = 15.0
"""Seconds to load a checkpoint where nothing was learned yet: 6.5 GB from a good disk."""

TYPICAL_EFFORT = 20.0
"""Megapixel-steps of a job of which that is not known: one megapixel, twenty steps."""

NEWEST_WEIGHT = 0.2
"""How much of a new estimate is the newest job, once there were a few."""

LARGEST_JUMP = 4.0
"""One job says at most so many times more, or less, than those before it: the card was busy with
something else, or the picture came from a cache."""

LEAST_PACE, LEAST_LOAD = 1e-6, 0.1
"""What is quicker is as good as this; from zero, no factor leads up again."""

ALL = ""
"""The family that stands for all that a server ran, whatever it was."""


class LearnedCosts:
    """What is known of every server and family. A value: what is learned makes a new one.

    Where something was not seen yet, the nearest that was seen stands for it: the server's own
    average, then what other servers take for the family, then what they take for anything.
    """

    def __init__(self, costs: Iterable[Cost] = ()) -> None:
        self._of: Mapping[tuple[str, str], Cost] = {(c.server, c.family): c for c in costs}
        self._paces: dict[tuple[str, str], float] = {}
        self._loads: dict[tuple[str, str], float] = {}

    def seconds(self, server: str, family: str, effort: float) -> float:
        """How long ``server`` works on a job, once the checkpoint is loaded."""
        key = server, family
        pace = self._paces.get(key)
        if pace is None:
            found = self._nearest(_pace, server, family)
            pace = self._paces[key] = DEFAULT_PACE if found is None else found
        return pace * (effort if effort > 0 else TYPICAL_EFFORT)

    def load(self, server: str, family: str) -> float:
        """How long ``server`` takes to load a checkpoint of this family."""
        key = server, family
        load = self._loads.get(key)
        if load is None:
            found = self._nearest(_load, server, family)
            load = self._loads[key] = DEFAULT_LOAD if found is None else found
        return load

    def is_learned(self, server: str, family: str) -> bool:
        """Whether ``server`` has finished a job of this family."""
        return (server, family) in self._of

    def after(
        self, server: str, family: str, *, effort: float, seconds: float, was_loaded: bool
    ) -> tuple[LearnedCosts, tuple[Cost, ...]]:
        """What is known after one more job.

        Args:
            server: whose it was.
            family: of its checkpoint.
            effort: how much there was to do.
            seconds: how long it took, loading included.
            was_loaded: whether its checkpoint was loaded before.

        Returns:
            all that is known now, and what of it is new.
        """
        pace, load = self._told_apart(server, family, effort, seconds, was_loaded)
        changed = tuple(
            _moved(self._of.get((server, each)) or Cost(server=server, family=each), pace, load)
            for each in dict.fromkeys((family, ALL))
        )
        rest = {**self._of, **{(cost.server, cost.family): cost for cost in changed}}
        return LearnedCosts(rest.values()), changed

    def _told_apart(
        self, server: str, family: str, effort: float, seconds: float, was_loaded: bool
    ) -> tuple[float | None, float | None]:
        """What the job says of the pace, and of loading; None: nothing."""
        effort = effort if effort > 0 else TYPICAL_EFFORT
        if was_loaded:
            return max(seconds / effort, LEAST_PACE), None
        pace = self._nearest(_pace, server, family)
        if pace is None:
            # Nobody has seen either; the next job whose checkpoint is loaded will correct this.
            share = DEFAULT_PACE * effort / (DEFAULT_PACE * effort + DEFAULT_LOAD)
            return max(seconds * share / effort, LEAST_PACE), max(seconds * (1 - share), LEAST_LOAD)
        work = pace * effort
        if seconds < work:
            return max(seconds / effort, LEAST_PACE), None
        return None, max(seconds - work, LEAST_LOAD)

    def _nearest(
        self, what: Callable[[Cost], float | None], server: str, family: str
    ) -> float | None:
        for wanted in (family, ALL):
            own = self._of.get((server, wanted))
            value = what(own) if own else None
            if value is not None:
                return value
        for wanted in (family, ALL):
            of_all = [what(cost) for cost in self._of.values() if cost.family == wanted]
            known = [value for value in of_all if value is not None]
            if known:
                return median(known)
        return None


def _pace(cost: Cost) -> float | None:
    return cost.pace


def _load(cost: Cost) -> float | None:
    return cost.load


def _moved(cost: Cost, pace: float | None, load: float | None) -> Cost:
    weight = max(NEWEST_WEIGHT, 1 / (cost.samples + 1))
    return Cost(
        server=cost.server,
        family=cost.family,
        pace=_average(cost.pace, pace, weight),
        load=_average(cost.load, load, weight),
        samples=cost.samples + 1,
    )


def _average(known: float | None, new: float | None, weight: float) -> float | None:
    if known is None or new is None:
        return new if known is None else known
    damped = min(max(new, known / LARGEST_JUMP), known * LARGEST_JUMP)
    return known + weight * (damped - known)
