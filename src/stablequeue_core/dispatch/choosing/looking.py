"""One look at a line: which job is next, and what else was to be seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from attrs import evolve

from stablequeue_core.dispatch.choosing.policy import Policy
from stablequeue_core.dispatch.choosing.prospects import Prospect
from stablequeue_core.dispatch.choosing.reading import LOOK
from stablequeue_core.generation import Requirements
from stablequeue_core.jobs import Backlog, Candidate, Line
from stablequeue_core.servers import is_for_any


class Look:
    """Chooses the next job for a server, and remembers what it saw. For one claim only.

    Attributes:
        saw_any: whether there was any job in the line.
        could_run: whether the server could have run one of those that were read.
        lacked: whether it lacks something for one of them, as far as its lists tell.
    """

    def __init__(
        self, policy: Policy, here: Prospect, others: Collection[Prospect], now: datetime
    ) -> None:
        self._policy = policy
        self._here = evolve(here, can_run=self._can_run)
        self._can_run_here = here.can_run
        self._others = others
        self._now = now
        self._last: Candidate | None = None
        self._read = 0
        self.saw_any = False
        self.could_run = False
        self.lacked = False

    @property
    def read_many(self) -> bool:
        """Whether so many were read in vain that others may not have been read at all."""
        return self._read >= LOOK

    def __call__(self, line: Line) -> Candidate | None:
        """The next job; None: nothing, for now."""
        return self._policy.choose(_Seen(line, self), self._here, self._others, now=self._now)

    def saw(self, candidate: Candidate) -> None:
        """This one is in the line."""
        self.saw_any = True
        self._last = candidate
        self._read += 1
        # Whoever named a server has chosen: it can run it.
        if not is_for_any(candidate.target):
            self.could_run = True

    def _can_run(self, requirements: Requirements) -> bool:
        can = self._can_run_here(requirements)
        self.lacked |= not can
        # It is also asked for a checkpoint alone, which says little of a job.
        if can and self._last is not None and requirements is self._last.requirements:
            self.could_run = True
        return can


class _Seen(Line):
    """A line that tells a look of what was seen of it."""

    def __init__(self, line: Line, look: Look) -> None:
        self._line = line
        self._look = look

    def in_order(self) -> Iterator[Candidate]:
        return self._told(self._line.in_order())

    def backlogs(self, priority: int) -> Sequence[Backlog]:
        backlogs = self._line.backlogs(priority)
        self._look.saw_any |= bool(backlogs)
        return backlogs

    def of_checkpoint(self, checkpoint: str | None, priority: int) -> Iterator[Candidate]:
        return self._told(self._line.of_checkpoint(checkpoint, priority))

    def _told(self, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
        for candidate in candidates:
            self._look.saw(candidate)
            yield candidate
