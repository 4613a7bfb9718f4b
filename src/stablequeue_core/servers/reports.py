"""What the processes that run jobs tell the others: how each server feels, and what it does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import frozen

from stablequeue_core.events import Event
from stablequeue_core.generation import Progress
from stablequeue_core.servers.health import ServerHealth

NOBODY = ""
"""The worker of a server whose lane nobody holds."""


SILENT_FOR = timedelta(hours=1)
"""A process that has told nothing for so long is forgotten when another one tells something."""


@frozen(kw_only=True)
class ServerReport:
    """One server, as whoever holds its lane sees it.

    Attributes:
        alias: its name.
        health: how it feels.
        worker: who holds its lane: ``host:process:…``; :data:`NOBODY` once they have let go of it.
        at: when this was told. Nothing is told again where nothing happens: whether the worker is
            alive is told by :meth:`ReportStore.heard`.
        job_id: what it runs now; None when nothing of ours.
        progress: how far that is.
        free_bytes: memory that its computer has left; None when it does not tell.
    """

    alias: str
    health: ServerHealth
    worker: str
    at: datetime
    job_id: str | None = None
    progress: Progress | None = None
    free_bytes: int | None = None


class ReportStore(ABC):
    """Remembers the newest report of each server, for the other processes.

    Safe to use from several threads and several processes at once. Neither bell rings, unless an
    event is kept with the report. A server that is renamed keeps its report, one that is removed
    loses it, both by the server store. It need not survive a power cut.
    """

    @abstractmethod
    def put(self, report: ServerReport, event: Event | None = None) -> None:
        """Keep it in place of the server's report before; with the event, if it is worth one."""

    @abstractmethod
    def all(self) -> Mapping[str, ServerReport]:
        """The newest report of each server that has one, by alias."""

    @abstractmethod
    def beat(self, worker: str, at: datetime) -> None:
        """This process runs jobs, and is alive. Those silent for :data:`SILENT_FOR` are forgotten.

        Neither bell rings.
        """

    @abstractmethod
    def heard(self) -> Mapping[str, datetime]:
        """When each process that runs jobs has last said that it is alive, by worker."""

    @abstractmethod
    def leave(self, worker: str) -> None:
        """This process runs no jobs any more; harmless when nothing was heard of it."""
