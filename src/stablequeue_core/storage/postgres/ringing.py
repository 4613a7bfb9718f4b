"""Bells that ring in all processes: here at once, in the others a moment later."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import field, frozen

from stablequeue_core.bell import Bell
from stablequeue_core.events import EventKind
from stablequeue_core.storage.ringing import GIVES_WORK


@frozen
class SharedBells:
    """The two bells of a storage that many processes share.

    Attributes:
        tell_others: sees to it that theirs ring, too; told whether it is for work. Does not wait.
        work, changes: see :class:`~stablequeue_core.storage.base.Storage`.
    """

    tell_others: Callable[[bool], None]
    work: Bell = field(factory=Bell)
    changes: Bell = field(factory=Bell)

    def ring(self, told: Iterable[EventKind] = (), *, for_work: bool = False) -> None:
        """Ring after a change that these events tell of, and for work where one of them gives it.

        Args:
            told: none for a change without an event.
            for_work: whether it gives work whatever the events are.
        """
        gives_work = for_work or any(kind in GIVES_WORK for kind in told)
        self.ring_here(for_work=gives_work)
        self.tell_others(gives_work)

    def ring_here(self, *, for_work: bool) -> None:
        """Ring in this process only: somebody else has made a change."""
        self.changes.ring()
        if for_work:
            self.work.ring()
