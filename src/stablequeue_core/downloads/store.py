"""The port: who remembers downloads. Its docstrings are the contract."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import field, frozen

from stablequeue_core.downloads.download import Download
from stablequeue_core.downloads.lifecycle import ENDED, DownloadStatus
from stablequeue_core.events import Event
from stablequeue_core.quantities import countable

ALL = 2**31
"""More downloads than anybody has."""


@frozen(kw_only=True)
class DownloadQuery:
    """Which downloads to list: newest first.

    Attributes:
        statuses: only these; empty for all.
        limit: at most so many.
        offset: leave out so many first.
    """

    statuses: frozenset[DownloadStatus] = frozenset()
    limit: int = field(default=50, converter=countable)
    offset: int = field(default=0, converter=countable)


@frozen(kw_only=True)
class DownloadPage:
    """A part of a list: the downloads of the page, and how many match in all."""

    total: int
    downloads: tuple[Download, ...]


BeginDownload = Callable[[Download], tuple[Download, Event]]
"""Turns the chosen queued download into its downloading self, and tells of it."""


class DownloadStore(ABC):
    """Remembers downloads. Safe to use from several threads and several processes at once.

    Every change and the event that tells of it are kept together or not at all, and what a method
    has returned survives a power cut. Methods raise
    :class:`~stablequeue_core.errors.StorageError` when the storage itself fails; then nothing of
    the change was kept.
    """

    @abstractmethod
    def add(self, download: Download, event: Event) -> Download:
        """Keep a new download, unless the same file is being fetched to the same place already.

        That is one whose root, folder and filename (in any case) are these and that is queued,
        downloading or paused; then that one is returned, and nothing is added.

        Returns:
            the download with its ``number`` and ``revision``.
        """

    @abstractmethod
    def get(self, download_id: str) -> Download:
        """The download with this id.

        Raises:
            DownloadNotFound: there is none.
        """

    @abstractmethod
    def list(self, query: DownloadQuery) -> DownloadPage:
        """A page of those that match, by number, newest first, and how many match in all.

        Without their ``record``: it may be long, and is of no use in a list.
        """

    @abstractmethod
    def replace(self, download: Download, event: Event | None) -> Download:
        """Keep ``download`` in place of its previous revision.

        What it was accepted with stays: its id, number, ``created_at`` and ``record`` are not
        written again.

        Args:
            download: its new value.
            event: tells of the change; None for one that is not worth telling (a new ETag).

        Returns:
            the download with its new ``revision``.

        Raises:
            StaleDownload: someone else changed it since ``download.revision``; nothing is kept.
            DownloadNotFound: it was deleted meanwhile.
        """

    @abstractmethod
    def claim(self, *, now: datetime, begin: BeginDownload) -> Download | None:
        """Give one queued download whose ``not_before`` has passed to the caller.

        The highest priority first, then the oldest; none is ever given to two. ``begin`` makes the
        change; it is called inside the transaction, so it must be quick and ask nobody.

        Returns:
            the claimed one; None: there is nothing to do now.
        """

    @abstractmethod
    def next_due(self) -> datetime | None:
        """When the earliest of the queued ones that wait for a time may go on; None: none waits."""

    @abstractmethod
    def with_status(self, status: DownloadStatus) -> tuple[Download, ...]:
        """Every download that stands there, oldest first; without their ``record``."""

    @abstractmethod
    def worn_out(
        self, *, ended_before: datetime | None, keep: int | None, limit: int
    ) -> Sequence[Download]:
        """The ended downloads that need not be remembered any more, those that ended first first.

        Without their ``record``.

        Args:
            ended_before: those that ended before; None: none for that reason.
            keep: those beyond the newest so many of the ended ones; None: none for that reason.
            limit: at most so many.
        """

    @abstractmethod
    def forget(self, downloads: Sequence[Download], event: Event) -> int:
        """Forget those of these ended downloads that are as they were, with one event for all.

        Returns:
            how many were forgotten; with none, the event is not kept.
        """


def still_open(store: DownloadStore) -> tuple[Download, ...]:
    """Every download that has not ended, newest first; without their ``record``."""
    query = DownloadQuery(statuses=frozenset(DownloadStatus) - ENDED, limit=ALL)
    return store.list(query).downloads
