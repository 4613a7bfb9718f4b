"""The journey of one download: fetched, cared for, told; or given back, or failed."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

from attrs import evolve

from stablequeue_core.clock import Clock
from stablequeue_core.downloads.download import Download, DownloadFailure
from stablequeue_core.downloads.events import download_event
from stablequeue_core.downloads.failures import judge
from stablequeue_core.downloads.lifecycle import DownloadStatus
from stablequeue_core.downloads.progress import DownloadBoard, TellBytes
from stablequeue_core.downloads.store import DownloadStore
from stablequeue_core.errors import (
    DownloadNotFound,
    InternalError,
    QueueClosed,
    StableQueueError,
    StaleDownload,
    StorageError,
    TransferAborted,
)
from stablequeue_core.events import EventKind
from stablequeue_core.settings import Settings
from stablequeue_core.transport import Abort

logger = logging.getLogger(__name__)

WRITE_EVERY = 5.0
"""Seconds between two times that the number of bytes is written down: the part file knows it."""

NoteDownload = Callable[[Download], Download]
"""Keeps what must survive a kill; returns the download as it is kept."""

Aftercare = Callable[[Download], tuple[tuple[str, ...], Mapping[str, bool]]]
"""Sees to a file that is in its place; notes about what did not work, and which servers list it."""


class FileFetcher(Protocol):
    """Brings files here; see :class:`~stablequeue_core.downloads.fetching.fetcher.Fetcher`."""

    def fetch(
        self, download: Download, *, abort: Abort, note: NoteDownload, tell: TellBytes
    ) -> Download:
        """Bring the whole, proved file into its place; goes on from what is here of it.

        Returns:
            the download with what was learnt of it, ``notes`` on what could not be proved among
            that.

        Raises:
            TransferAborted: ``abort`` was pulled; what is here stays.
            StableQueueError: it could not be had this time.
        """

    def discard(self, download: Download) -> None:
        """Remove what is here of an unfinished file; harmless when there is nothing.

        Raises:
            DownloadError: it cannot be removed.
        """

    def bytes_here(self, download: Download) -> int:
        """How much of it is here."""


class Attempt:
    """One download that is being fetched right now.

    Attributes:
        download: as it is kept by now.
        abort: makes the fetching come back.
        is_ours: whether nobody else has changed the download since, as far as we have seen.
    """

    def __init__(self, download: Download) -> None:
        self.download = download
        self.abort = Abort()
        self.is_ours = True


class DownloadRunner:
    """Takes downloads from their claim to their end. Safe to use from several threads.

    Whatever somebody else makes of a download meanwhile, a user who pauses or cancels it, goes
    first: then nothing of the attempt is kept but what is here of the file.

    Args:
        store: who remembers the downloads.
        fetcher: brings the files here.
        board: where progress is written.
        aftercare: sees to a file that is in its place.
        clock: the time.
        settings: how often to try, and how long to wait.
        jitter: a random number from 0 to 1.
    """

    def __init__(
        self,
        store: DownloadStore,
        fetcher: FileFetcher,
        board: DownloadBoard,
        aftercare: Aftercare,
        *,
        clock: Clock,
        settings: Settings,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._fetcher = fetcher
        self._board = board
        self._aftercare = aftercare
        self._clock = clock
        self._settings = settings
        self._jitter = jitter

    def run(self, attempt: Attempt) -> None:
        """Fetch the claimed download of ``attempt``, and keep what came of it.

        Raises:
            StorageError: what came of it could not be kept; it still stands as downloading.
        """
        here_before = self._fetcher.bytes_here(attempt.download)
        announce = self._board.put_up(attempt.download, here_before)
        try:
            self._fetch(attempt, announce)
            if attempt.is_ours:
                self._complete(attempt.download)
        except (TransferAborted, QueueClosed):
            self._give_back(attempt)
        except StorageError:
            raise
        except StableQueueError as error:
            self._judge(attempt, error, here_before)
        except Exception as defect:
            # A defect of ours must not fetch the same file for ever.
            logger.exception("Download %s met a defect of StableQueue.", attempt.download.id)
            self._judge(attempt, InternalError(defect), here_before)
        finally:
            self._board.take_down(attempt.download.id)

    def tidy(self, download: Download) -> None:
        """The attempt is over: leave what is here as its user, who may have ended it, wants it."""
        try:
            present = self._store.get(download.id)
        except DownloadNotFound:
            self._fetcher.discard(download)
            return
        if present.status is DownloadStatus.CANCELLED:
            self._fetcher.discard(present)
        elif present.status is DownloadStatus.PAUSED:
            with suppress(StaleDownload):
                self._store.replace(self._with_bytes_here(present), None)

    def _fetch(self, attempt: Attempt, announce: TellBytes) -> None:
        written_at = self._clock.monotonic()

        def tell(done: int, total: int | None) -> None:
            nonlocal written_at
            announce(done, total)
            now = self._clock.monotonic()
            if now - written_at >= WRITE_EVERY:
                written_at = now
                # The number is for people; whoever reads on looks at the part file.
                with suppress(StorageError):
                    self._note(attempt, evolve(attempt.download, bytes_done=done))

        def note(download: Download) -> Download:
            return self._note(attempt, download)

        note(self._fetcher.fetch(attempt.download, abort=attempt.abort, note=note, tell=tell))

    def _note(self, attempt: Attempt, download: Download) -> Download:
        """Keep what was learnt on the way; if somebody else has changed the download, give up."""
        try:
            attempt.download = self._store.replace(
                evolve(download, revision=attempt.download.revision), None
            )
        except (StaleDownload, DownloadNotFound):
            attempt.is_ours = False
            attempt.abort.pull()
            return download
        return attempt.download

    def _complete(self, fetched: Download) -> None:
        try:
            notes, servers = self._aftercare(fetched)
        except (TransferAborted, QueueClosed):
            raise  # we are closing: whoever goes on finds the file, and sees to it
        except StableQueueError as error:
            notes, servers = (error.message,), {}
        except Exception as defect:
            logger.exception("Nobody could see to the file of download %s.", fetched.id)
            notes, servers = (InternalError(defect).message,), {}
        done = fetched.complete(
            notes=(*fetched.notes, *notes), servers=servers, now=self._clock.now()
        )
        self._keep(done, EventKind.DOWNLOAD_COMPLETED)

    def _give_back(self, attempt: Attempt) -> None:
        """The abort was pulled: because its user wants so, or because we are closing."""
        left = self._with_bytes_here(attempt.download)
        back = left.give_back(
            reason=None, failures=left.failures, not_before=None, now=self._clock.now()
        )
        self._keep(back, EventKind.DOWNLOAD_INTERRUPTED)

    def _judge(self, attempt: Attempt, error: StableQueueError, here_before: int) -> None:
        download, now = self._with_bytes_here(attempt.download), self._clock.now()
        verdict = judge(
            error,
            download,
            self._settings,
            self._jitter,
            got_further=download.bytes_done > here_before,
        )
        if verdict.retry_after is None:
            failure = DownloadFailure(code=error.code, message=error.message, details=error.details)
            self._keep(download.fail(failure, now=now), EventKind.DOWNLOAD_FAILED)
            return
        back = download.give_back(
            reason=error.message,
            failures=verdict.failures,
            not_before=now + timedelta(seconds=verdict.retry_after),
            now=now,
        )
        self._keep(back, EventKind.DOWNLOAD_INTERRUPTED)

    def _keep(self, changed: Download, kind: EventKind) -> None:
        """Keep what came of it, unless somebody else was faster."""
        with suppress(StaleDownload, DownloadNotFound):
            self._store.replace(changed, download_event(kind, changed))

    def _with_bytes_here(self, download: Download) -> Download:
        return evolve(download, bytes_done=self._fetcher.bytes_here(download))
