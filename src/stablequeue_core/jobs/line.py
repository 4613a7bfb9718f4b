"""The line of the jobs that may be claimed now, and what a lane does with it: choose, and begin."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from attrs import frozen

from stablequeue_core.events import Event
from stablequeue_core.generation import Requirements
from stablequeue_core.jobs.job import Job


@frozen(kw_only=True)
class Candidate:
    """A pending job, as far as the choice of the next one needs to know it.

    Attributes:
        place: where it stands among those of its priority, lowest first; ties go by number.
        effort: how much there is to do, in megapixel-steps.
        requirements: None where ``target`` names a server: whoever named it has chosen.
        avoids: servers that have failed it; it goes to others first.
    """

    id: str
    target: str
    priority: int
    number: int
    created_at: datetime
    checkpoint: str | None
    place: int
    effort: float = 0.0
    client_id: str | None = None
    requirements: Requirements | None = None
    avoids: tuple[str, ...] = ()


@frozen(kw_only=True)
class Backlog:
    """The jobs of one priority that wait for the same checkpoint.

    Attributes:
        checkpoint: its name as the jobs give it; None: they do not care.
        count: how many there are; at most :data:`MOST_COUNTED` are counted.
        first: the place of the first of them.
    """

    checkpoint: str | None
    count: int
    first: int


MOST_COUNTED = 32
"""A longer backlog is as good as this one: nobody has to count it."""


class Line(ABC):
    """The pending jobs that some targets may be given now, as they stand in one moment.

    Held ones, those that wait for a download, those whose ``not_before`` has not passed, and those
    that are made in parts are not in it. It is read while it is looked at: what is not looked at
    costs nothing.
    """

    @abstractmethod
    def in_order(self) -> Iterator[Candidate]:
        """Highest priority first, then by place."""

    @abstractmethod
    def backlogs(self, priority: int) -> Sequence[Backlog]:
        """What waits at this priority, by checkpoint, in no order."""

    @abstractmethod
    def of_checkpoint(self, checkpoint: str | None, priority: int) -> Iterator[Candidate]:
        """Those of this priority that name this checkpoint, letter by letter, by place."""


Choose = Callable[[Line], Candidate | None]
"""Picks the next job of a line, or none of them."""

Begin = Callable[[Job], tuple[Job, Event]]
"""Turns the chosen pending job into its processing self, and tells of it."""


@frozen(kw_only=True)
class Claim:
    """What somebody wants who wants a job.

    ``choose`` and ``begin`` may be called inside of a transaction, so they must be quick and must
    not call the store.

    Attributes:
        targets: of the jobs that may be given to whoever it is.
        now: the time.
        choose: picks one of their line; called again when another process was faster.
        begin: makes the change.
    """

    targets: Sequence[str]
    now: datetime
    choose: Choose
    begin: Begin
