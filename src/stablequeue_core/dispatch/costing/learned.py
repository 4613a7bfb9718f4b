"""What jobs cost, as far as it was learned: pure estimation over what a store remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from statistics import median

from attrs import evolve

from stablequeue_core.servers import Cost

DEFAULT_PACE = 0.5
"""Seconds for each megapixel-step where nothing was learned yet: SDXL on a good card."""

DEFAULT_LOAD = 15.0
"""Seconds to load a checkpoint where nothing was learned yet: 6.5 GB from a good disk."""

TYPICAL_EFFORT = 20.0
"""Megapixel-steps of a job of which that is not known: one megapixel, twenty steps."""

ORDINARY_EFFORT = 4.0
"""Megapixel-steps from which a job is taken at its word: 512×512 in sixteen steps, or a megapixel
in four. What every job costs, however small (reading the prompt, decoding, sending, saving), is
worth up to so many of them on a quick card, so a smaller job tells little of the pace."""

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

    An ordinary job tells the pace: its seconds for each megapixel-step, in a moving average in
    which a huge job weighs no more than any other. A small job (:data:`ORDINARY_EFFORT`) tells only
    between which bounds the pace is: it may have taken the time of an ordinary job, or of its own
    work alone. A pace within these bounds stays as it is. One outside of them moves to the nearest
    bound, by as much less as the job was smaller, so that any number of small jobs leaves the pace
    where it was, or where all of them together prove that it is. The first ordinary job takes the
    place of what they have told.
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
        """Whether ``server`` has shown its own pace, by an ordinary job of this family."""
        own = self._of.get((server, family))
        return own is not None and _has_proved_its_pace(own)

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
        effort = effort if effort > 0 else TYPICAL_EFFORT
        work, load = self._told_apart(server, family, effort, seconds, was_loaded)
        changed = list[Cost]()
        for each in dict.fromkeys((family, ALL)):
            known = self._of.get((server, each)) or Cost(server=server, family=each)
            cost = known if load is None else _with_load(known, load)
            if work is not None:
                cost = self._with_pace(cost, work, effort)
            if cost != known:
                changed.append(cost)
        rest = {**self._of, **{(cost.server, cost.family): cost for cost in changed}}
        return LearnedCosts(rest.values()), tuple(changed)

    def _told_apart(
        self, server: str, family: str, effort: float, seconds: float, was_loaded: bool
    ) -> tuple[float | None, float | None]:
        """How long was worked on the job, and how long was loaded; None: it does not tell."""
        if was_loaded:
            return seconds, None
        pace = self._nearest(_pace, server, family)
        if pace is None:
            # Nobody has seen either; the next job whose checkpoint is loaded will correct this.
            share = DEFAULT_PACE * effort / (DEFAULT_PACE * effort + DEFAULT_LOAD)
            # A small one would tell but the default again, and keep it from what others learn.
            is_ordinary = effort >= ORDINARY_EFFORT
            return seconds * share if is_ordinary else None, seconds * (1 - share)
        work = pace * effort
        return (seconds, None) if seconds < work else (None, seconds - work)

    def _with_pace(self, cost: Cost, work: float, effort: float) -> Cost:
        """What is known after a job that was worked on for so many seconds."""
        weight = max(NEWEST_WEIGHT, 1 / (cost.samples + 1))
        told = max(work / effort, LEAST_PACE)
        if effort >= ORDINARY_EFFORT:
            known = cost.pace if _has_proved_its_pace(cost) else None
            return evolve(cost, pace=_average(known, told, weight), samples=cost.samples + 1)
        found = self._nearest(_pace, cost.server, cost.family)
        before = DEFAULT_PACE if found is None else found
        within = min(max(before, work / ORDINARY_EFFORT), told)
        if within == before:
            return cost
        return evolve(cost, pace=_average(before, within, weight * effort / ORDINARY_EFFORT))

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


def _has_proved_its_pace(cost: Cost) -> bool:
    """Whether the pace is more than what small jobs have told."""
    return cost.pace is not None and cost.samples > 0


def _with_load(cost: Cost, load: float) -> Cost:
    # The jobs that tell of loading are others than those that are counted: never all of the weight.
    weight = max(NEWEST_WEIGHT, 1 / (cost.samples + 2))
    return evolve(cost, load=_average(cost.load, max(load, LEAST_LOAD), weight))


def _average(known: float | None, new: float, weight: float) -> float:
    if known is None:
        return new
    damped = min(max(new, known / LARGEST_JUMP), known * LARGEST_JUMP)
    return known + weight * (damped - known)
