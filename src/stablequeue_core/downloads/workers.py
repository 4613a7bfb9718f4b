"""Who fetches: one living process per storage, a few files at the same time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

from stablequeue_core.bell import Bell
from stablequeue_core.clock import Clock
from stablequeue_core.deadline import Deadline
from stablequeue_core.downloads.download import Download
from stablequeue_core.downloads.events import download_event
from stablequeue_core.downloads.lifecycle import DownloadStatus
from stablequeue_core.downloads.runner import Attempt, DownloadRunner
from stablequeue_core.downloads.store import DownloadQuery, DownloadStore
from stablequeue_core.errors import DownloadNotFound, StaleDownload, StorageError
from stablequeue_core.events import Event, EventKind
from stablequeue_core.outage import Outage
from stablequeue_core.settings import Settings

logger = logging.getLogger(__name__)

REST = 1.0
"""Seconds between two looks when nothing rings: another process may have added a download."""

SHORTEST_REST = 0.05
"""Seconds; the bell also rings for each new job, which is no reason to look at the downloads."""

LAST_WORDS = 5.0
"""Seconds for all that is told to come back, together."""

PROCESS_GONE = "The process that fetched it ended; it is read on from where it was."

_OPEN = DownloadQuery(
    statuses=frozenset({DownloadStatus.QUEUED, DownloadStatus.DOWNLOADING}), limit=1
)


class FetchingLock(Protocol):
    """Held by the one process that fetches; freed by its death."""

    def try_acquire(self) -> bool:
        """Take the lock if nobody holds it; True when we hold it now. Does not wait."""

    def release(self) -> None:
        """Give the lock up; harmless when we do not hold it."""


class DownloadWorkers:
    """Fetches what is queued, for as long as it runs.

    One thread keeps watch, and sleeps while there is nothing to do; each download that is fetched
    has a thread of its own.

    Args:
        store: who remembers the downloads.
        runner: takes each of them from its claim to its end.
        lock: whoever holds it fetches; all others wait for his end.
        work: rings when there may be something to fetch.
        clock: the time.
        settings: how many at the same time.
    """

    def __init__(
        self,
        store: DownloadStore,
        runner: DownloadRunner,
        *,
        lock: FetchingLock,
        work: Bell,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._store = store
        self._runner = runner
        self._lock = lock
        self._work = work
        self._clock = clock
        self._settings = settings
        self._guard = threading.Lock()
        self._current: dict[str, Attempt] = {}
        self._threads: dict[Attempt, threading.Thread] = {}
        self._stopping = threading.Event()
        self._watch: threading.Thread | None = None
        self._outage = Outage(logger, "The downloads have to wait", "The downloads go on.")

    def start(self) -> None:
        """Begin; safe to call again."""
        with self._guard:
            if self._watch is None and not self._stopping.is_set():
                self._watch = threading.Thread(
                    target=self._run, name="stablequeue-downloads", daemon=True
                )
                self._watch.start()

    def let_go(self, download_id: str) -> bool:
        """Its user paused or cancelled it; whether it is fetched here, so that somebody tidies."""
        with self._guard:
            attempt = self._current.get(download_id)
        if attempt is None:
            return False
        attempt.abort.pull()
        return True

    def close(self) -> None:
        """Give back what is being fetched, for whoever comes next; safe to call again.

        Comes back also where the storage hangs.
        """
        self._stopping.set()
        self._work.ring()
        deadline = Deadline(LAST_WORDS)
        with self._guard:
            watch = self._watch
        self._abort_all()
        has_ended = watch is None or deadline.join(watch)
        threads = self._abort_all()
        if has_ended and all(deadline.join(thread) for thread in threads):
            # Else the death of the process frees it: two must not write the same part file.
            deadline.see_to(self._lock.release)

    def _abort_all(self) -> Sequence[threading.Thread]:
        with self._guard:
            threads = dict(self._threads)
        for attempt in threads:
            attempt.abort.pull()
        return list(threads.values())

    def _run(self) -> None:
        while not self._stopping.is_set():
            heard = self._work.rings
            try:
                rest = self._turn()
                self._outage.is_over()
            except StorageError as error:
                self._outage.goes_on(error)
                rest, heard = REST, self._work.rings
            except Exception:
                logger.exception("The downloads stumbled; they go on.")
                rest, heard = REST, self._work.rings
            if not self._stopping.wait(SHORTEST_REST):
                self._work.wait(heard, rest)

    def _turn(self) -> float:
        """Do what there is to do; how many seconds to rest."""
        if not self._threads and not self._store.list(_OPEN).total:
            return REST
        if not self._lock.try_acquire():
            return REST
        self._settle()
        while len(self._threads) < self._settings.max_downloads and not self._stopping.is_set():
            download = self._store.claim(now=self._clock.now(), begin=self._begin)
            if download is None:
                break
            self._fetch(download)
        if self._threads:
            return self._settings.poll
        due = self._store.next_due()
        until_due = (due - self._clock.now()).total_seconds() if due else REST
        return min(REST, max(0.0, until_due))

    def _settle(self) -> None:
        """Compare what is marked as downloading with what is being fetched.

        Who holds the lock fetches everything: whatever else is marked was left by a process that
        is dead. What is fetched and not marked any more was paused or cancelled elsewhere.
        """
        marked = {each.id: each for each in self._store.with_status(DownloadStatus.DOWNLOADING)}
        with self._guard:
            current = dict(self._current)
        for download_id, attempt in current.items():
            if download_id not in marked:
                attempt.abort.pull()
        for download_id, left in marked.items():
            if download_id not in current:
                self._take_over(left)

    def _take_over(self, left: Download) -> None:
        back = left.give_back(
            reason=PROCESS_GONE, failures=left.failures, not_before=None, now=self._clock.now()
        )
        try:
            self._store.replace(back, download_event(EventKind.DOWNLOAD_INTERRUPTED, back))
        except (StaleDownload, DownloadNotFound):
            # It has just ended, or its user was faster.
            return
        logger.info("Download %s had lost its process; it is queued again.", left.id)

    def _begin(self, download: Download) -> tuple[Download, Event]:
        begun = download.begin(now=self._clock.now())
        return begun, download_event(EventKind.DOWNLOAD_STARTED, begun)

    def _fetch(self, download: Download) -> None:
        attempt = Attempt(download)
        with self._guard:
            # One that was paused and resumed: its first attempt may still be on its way out.
            former = {a: t for a, t in self._threads.items() if a.download.id == download.id}
            thread = threading.Thread(
                target=self._run_attempt,
                args=(attempt, list(former.values())),
                name=f"stablequeue-download-{download.id[:8]}",
                daemon=True,
            )
            self._current[download.id] = attempt
            self._threads[attempt] = thread
        for before in former:
            before.abort.pull()
        thread.start()

    def _run_attempt(self, attempt: Attempt, former: Sequence[threading.Thread]) -> None:
        try:
            for thread in former:
                thread.join()
            self._runner.run(attempt)
        except Exception:
            logger.exception("Download %s stumbled; it is taken up again.", attempt.download.id)
        # From here on nobody leaves it to us to tidy up.
        with self._guard:
            if self._current.get(attempt.download.id) is attempt:
                del self._current[attempt.download.id]
        try:
            self._runner.tidy(attempt.download)
        except Exception:
            logger.exception("Download %s has left something behind.", attempt.download.id)
        with self._guard:
            del self._threads[attempt]
        self._work.ring()
