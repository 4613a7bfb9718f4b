"""The seam: who remembers. A storage is a bundle of stores over one durable place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Self

from stablequeue_core.bell import Bell
from stablequeue_core.clock import Clock
from stablequeue_core.downloads import DownloadStore
from stablequeue_core.events import EventLog
from stablequeue_core.jobs import JobStore
from stablequeue_core.models import IdentityStore, ModelStore
from stablequeue_core.servers import CostStore, ReportStore, ServerStore
from stablequeue_core.storage.chunks import Chunk
from stablequeue_core.storage.moves import Fence, Move


class ProcessLock(ABC):
    """The right to do what one living process (and thread of it) may do at a time.

    It is given up by :meth:`release` or by the death of its process, however sudden, so that
    whoever gets it next knows: what is still marked as under way is an orphan. Another process can
    have it within 15 seconds of that death, and at once where both run on one machine.

    Attributes:
        term: how often it was really taken. While it stays the same, nobody else had the lock in
            between; a lock that was lost and taken anew shows it here, and nowhere else.
    """

    term: int = 0

    @abstractmethod
    def try_acquire(self) -> bool:
        """Take the lock if nobody holds it; True when we hold it now. Does not wait.

        Whoever holds it asks again before each new piece of work: the lock may have been lost,
        with the connection to a database. Then it is taken anew, if nobody was faster.
        """

    @abstractmethod
    def release(self) -> None:
        """Give the lock up; harmless when we do not hold it."""


class Storage(ABC):
    """Remembers everything that must survive a restart.

    Attributes:
        jobs, servers, models, identities, downloads, costs, reports, events: the stores.
        clock: the time that all processes agree on that share this storage.
        work: rings after a change that may give somebody something to do: a job became pending or
            was released, a part of a job has ended, a server or the queue was changed, a server
            feels otherwise, a download was queued or has ended. After one by this process at once,
            after one by another process soon (but for the parts: whoever ended one is told).
        changes: rings after every change that an event tells of, in the same way.
    """

    jobs: JobStore
    servers: ServerStore
    models: ModelStore
    identities: IdentityStore
    downloads: DownloadStore
    costs: CostStore
    reports: ReportStore
    events: EventLog
    clock: Clock
    work: Bell
    changes: Bell

    @abstractmethod
    def lane_lock(self, lane: str) -> ProcessLock:
        """A lock for whoever sends jobs to a server; not yet taken.

        Args:
            lane: which one, as :attr:`Server.lane <stablequeue_core.servers.Server.lane>` says.
        """

    @abstractmethod
    def fetching_lock(self) -> ProcessLock:
        """A lock for whoever fetches the downloads; not yet taken."""

    @abstractmethod
    def tidying_lock(self) -> ProcessLock:
        """A lock for whoever removes what need not be kept any more; not yet taken."""

    @abstractmethod
    def examine(self) -> Sequence[str]:
        """What is wrong with the database, in sentences that say what to do; none: it is well.

        May take a while: everything is read.
        """

    @abstractmethod
    def shrink(self) -> int:
        """Give a little of the room back that removed things took; others are hardly held up.

        Returns:
            how many bytes were given back; 0: there is nothing more to give.
        """

    @abstractmethod
    def dump(self) -> Iterator[Chunk]:
        """Everything that is remembered, in pieces of bounded size, as it was in one moment."""

    @abstractmethod
    def restore(self, chunks: Iterable[Chunk]) -> None:
        """Remember all that another storage has dumped: numbers, revisions and sequences included.

        All or nothing: if it breaks off, the storage is as empty as before.

        Raises:
            StorageNotEmpty: something is remembered here already.
        """

    @abstractmethod
    def location(self) -> str:
        """Where it is, for people: names no user, no password and no path."""

    @abstractmethod
    def fence(self) -> Fence:
        """Let nobody change anything for as long as a block lasts, in whatever process.

        Everything can be read meanwhile. A change waits until the block has ended, or raises
        ``StorageBusy``. When the block raises, or its process dies however suddenly, all goes on
        as before; so it does at its end, unless the ``Leave`` that it was given was called. Then
        the queue was moved: every change raises ``StorageMoved``, also in processes that have had
        the storage open all the time, until :meth:`reopen`.

        Raises:
            StorageBusy: somebody has been changing something for too long.
            StorageMoved: it was moved already.
        """

    @abstractmethod
    def moved(self) -> Move | None:
        """Where the queue was moved to; None: it is here."""

    @abstractmethod
    def reopen(self) -> Move | None:
        """Let the queue go on here, though it was moved; where it was, None: nowhere else."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections; safe to call again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
