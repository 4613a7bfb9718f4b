"""What a user does with downloads: add, look, wait, pause, cancel, retry."""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator

from stablequeue_core.announcer import Announcer
from stablequeue_core.bell import Bell
from stablequeue_core.clock import Clock
from stablequeue_core.downloads.download import Download
from stablequeue_core.downloads.events import download_event
from stablequeue_core.downloads.lifecycle import DownloadStatus
from stablequeue_core.downloads.progress import DownloadBoard, DownloadProgress, Meter
from stablequeue_core.downloads.runner import Aftercare, DownloadRunner, FileFetcher
from stablequeue_core.downloads.store import (
    DownloadPage,
    DownloadQuery,
    DownloadStore,
    still_open,
)
from stablequeue_core.downloads.workers import DownloadWorkers, FetchingLock
from stablequeue_core.errors import DownloadError, DownloadTimedOut, StaleDownload
from stablequeue_core.events import EventKind
from stablequeue_core.settings import Settings

logger = logging.getLogger(__name__)

ANOTHER_PROCESS_SECONDS = 0.5
"""How late a waiting caller may see what another process has done to its download."""


class DownloadQueue:
    """The downloads, as their user sees them; ``queue.downloads`` is one.

    Safe to use from several threads. Downloads survive a restart, and of several processes that
    have opened the same storage one fetches them, whoever added them.
    """

    def __init__(
        self,
        store: DownloadStore,
        fetcher: FileFetcher,
        aftercare: Aftercare,
        *,
        lock: FetchingLock,
        work: Bell,
        changes: Bell,
        announcer: Announcer,
        clock: Clock,
        settings: Settings,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Put the parts together; nothing is fetched before :meth:`start`.

        Args:
            store: who remembers the downloads.
            fetcher: brings the files here.
            aftercare: sees to a file that is in its place.
            lock: whoever holds it fetches.
            work: rings when there may be something to fetch.
            changes: rings after every change.
            announcer: tells listeners of progress.
            clock: the time.
            settings: how many at the same time, how often to try.
            jitter: a random number from 0 to 1, for the pauses between two attempts.
        """
        self._store = store
        self._fetcher = fetcher
        self._changes = changes
        self._clock = clock
        self._board = DownloadBoard(announcer, clock)
        runner = DownloadRunner(
            store,
            fetcher,
            self._board,
            aftercare,
            clock=clock,
            settings=settings,
            jitter=jitter,
        )
        self._workers = DownloadWorkers(
            store, runner, lock=lock, work=work, clock=clock, settings=settings
        )

    def start(self) -> None:
        """Fetch in this process, too; safe to call again."""
        self._workers.start()

    def close(self) -> None:
        """Stop fetching, soon; what is here of each file stays, and is read on later."""
        self._workers.close()

    def add(self, download: Download) -> Download:
        """Queue a download, or join the one that fetches the same file to the same place.

        Returns:
            the download as it is kept: the new one, or the one that was there.
        """
        return self._store.add(download, download_event(EventKind.DOWNLOAD_ADDED, download))

    def get(self, download_id: str) -> Download:
        """The download with this id.

        Raises:
            DownloadNotFound: there is none.
        """
        return self._store.get(download_id)

    def list(
        self,
        *,
        status: DownloadStatus | str | Collection[DownloadStatus | str] | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> DownloadPage:
        """A page of the downloads, newest first, and how many match in all.

        Args:
            status: only these, as a ``DownloadStatus`` or its text, one or several; None for all.
            limit: at most so many.
            offset: leave out so many first.
        """
        wanted = [status] if isinstance(status, str) else status or ()
        statuses = frozenset(map(DownloadStatus, wanted))
        return self._store.list(DownloadQuery(statuses=statuses, limit=limit, offset=offset))

    def pause(self, download_id: str) -> Download:
        """Let a download wait until it is resumed; what is here of its file stays.

        Raises:
            DownloadNotFound: there is none.
            IllegalDownloadTransition: it has ended, or is paused already.
        """
        paused = self._change(download_id, EventKind.DOWNLOAD_PAUSED, Download.pause)
        self._workers.let_go(download_id)
        return paused

    def resume(self, download_id: str) -> Download:
        """Let a paused download go on.

        Raises:
            DownloadNotFound: there is none.
            IllegalDownloadTransition: it is not paused.
        """
        return self._change(download_id, EventKind.DOWNLOAD_RESUMED, Download.resume)

    def cancel(self, download_id: str) -> Download:
        """Give a download up; what is here of its file is removed.

        Raises:
            DownloadNotFound: there is none.
            IllegalDownloadTransition: it has already ended.
        """
        cancelled = self._change(download_id, EventKind.DOWNLOAD_CANCELLED, Download.cancel)
        if not self._workers.let_go(download_id):
            # If another process fetches it, that one tidies up as well, within a second.
            try:
                self._fetcher.discard(cancelled)
            except DownloadError as error:
                logger.warning("Download %s leaves something behind: %s", download_id, error)
        return cancelled

    def retry(self, download_id: str) -> Download:
        """Fetch a failed or cancelled download again, from what is here of its file.

        Returns:
            the download; or the one that fetches the same file to the same place by now.

        Raises:
            DownloadNotFound: there is none.
            IllegalDownloadTransition: it has not failed and was not cancelled.
        """
        other = self._other_at_its_place(self._store.get(download_id))
        if other is not None:
            return other
        return self._change(download_id, EventKind.DOWNLOAD_RETRIED, Download.retry)

    def wait(self, download_id: str, timeout: float | None = None) -> Download:
        """Wait until the download has ended; None waits for ever, through a pause, too.

        Raises:
            DownloadNotFound: there is none.
            DownloadTimedOut: it had not ended after ``timeout`` seconds; it goes on.
        """
        (last,) = deque(self._looks_at(download_id, timeout), maxlen=1)
        return last

    def progress(self, download_id: str) -> DownloadProgress:
        """How far the download is; its rate only while this process fetches it.

        Raises:
            DownloadNotFound: there is none.
        """
        return self._board.of(download_id) or self._seen(self._store.get(download_id))

    def watch(
        self, download_id: str, *, timeout: float | None = None
    ) -> Iterator[DownloadProgress]:
        """The download's progress, each time it has changed, until the download has ended.

        Raises:
            DownloadNotFound: there is none.
            DownloadTimedOut: it had not ended after ``timeout`` seconds; it goes on.

        Example::

            for progress in queue.downloads.watch(download.id):
                print(progress.bytes_done, progress.seconds_left)
        """
        meter = Meter(self._clock)
        last: tuple[int, int | None] | None = None
        for download in self._looks_at(download_id, timeout):
            now = self._board.of(download_id) or self._measured(download, meter)
            if (now.bytes_done, now.total) != last:
                last = now.bytes_done, now.total
                yield now

    def _looks_at(self, download_id: str, timeout: float | None) -> Iterator[Download]:
        """The download after each change, in whatever process; it has ended the last time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            heard = self._changes.rings
            download = self._store.get(download_id)
            yield download
            if download.status.ended:
                return
            patience = ANOTHER_PROCESS_SECONDS
            if deadline is not None:
                patience = min(patience, deadline - time.monotonic())
                if patience <= 0:
                    raise DownloadTimedOut(download_id, timeout or 0.0, download.status)
            self._changes.wait(heard, patience)

    def _seen(self, download: Download) -> DownloadProgress:
        """How far a download is that is not fetched here."""
        if download.status is DownloadStatus.COMPLETED:
            return DownloadProgress(bytes_done=download.bytes_done, total=download.bytes_done)
        here = self._fetcher.bytes_here(download)
        if download.status is DownloadStatus.DOWNLOADING:
            # The part is gone once the file is in its place.
            here = max(here, download.bytes_done)
        return DownloadProgress(bytes_done=here, total=download.expected_size)

    def _measured(self, download: Download, meter: Meter) -> DownloadProgress:
        """The same, with the rate if it is fetched elsewhere."""
        seen = self._seen(download)
        if download.status is not DownloadStatus.DOWNLOADING:
            return seen
        meter.put(seen.bytes_done, seen.total)
        return meter.read()

    def _other_at_its_place(self, download: Download) -> Download | None:
        """The download that fetches the same file again by now; None when there is no such."""
        if not download.status.ended:
            return None
        for other in still_open(self._store):
            if _place(other) == _place(download):
                return other
        return None

    def _change(
        self, download_id: str, kind: EventKind, change: Callable[..., Download]
    ) -> Download:
        """Read, change, keep; again if someone else was faster."""
        while True:
            changed = change(self._store.get(download_id), now=self._clock.now())
            try:
                return self._store.replace(changed, download_event(kind, changed))
            except StaleDownload:
                continue


def _place(download: Download) -> tuple[str, str]:
    """Where its file is going to be, in any case."""
    return download.root, download.path.casefold()
