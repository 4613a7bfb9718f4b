"""The seam: who remembers. A storage is a bundle of stores over one durable place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from stablequeue_core.bell import Bell
from stablequeue_core.downloads import DownloadStore
from stablequeue_core.events import EventLog
from stablequeue_core.jobs import JobStore
from stablequeue_core.models import IdentityStore, ModelStore
from stablequeue_core.servers import ServerStore


class ProcessLock(ABC):
    """The right to do what one living process (and thread of it) may do at a time.

    It is given up by :meth:`release` or by the death of its process, however sudden, so that
    whoever gets it next knows: what is still marked as under way is an orphan.
    """

    @abstractmethod
    def try_acquire(self) -> bool:
        """Take the lock if nobody holds it; True when we hold it now. Does not wait."""

    @abstractmethod
    def release(self) -> None:
        """Give the lock up; harmless when we do not hold it."""


class Storage(ABC):
    """Remembers everything that must survive a restart.

    Attributes:
        jobs, servers, models, identities, downloads, events: the stores.
        work: rings, in this process, after a change that may give somebody something to do: a job
            became pending, a server or the queue was changed, a download was queued or has ended.
        changes: rings, in this process, after every change.
    """

    jobs: JobStore
    servers: ServerStore
    models: ModelStore
    identities: IdentityStore
    downloads: DownloadStore
    events: EventLog
    work: Bell
    changes: Bell

    @abstractmethod
    def lane_lock(self, alias: str) -> ProcessLock:
        """A lock for whoever sends jobs to the server named ``alias``; not yet taken."""

    @abstractmethod
    def fetching_lock(self) -> ProcessLock:
        """A lock for whoever fetches the downloads; not yet taken."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections; safe to call again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
