"""Forgets what need not be kept any more: ended jobs and downloads, pictures, events, and room."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from attrs import frozen

from stablequeue_core.clock import Clock
from stablequeue_core.downloads import Download
from stablequeue_core.downloads.fetching.part_file import part_path
from stablequeue_core.errors import (
    DownloadNotFound,
    ImageStoreError,
    JobNotFound,
    StorageBusy,
    StorageError,
)
from stablequeue_core.events import Event, EventKind
from stablequeue_core.images import ImageStore
from stablequeue_core.images.names import attempt_prefix, is_picture_name
from stablequeue_core.jobs import Job, JobQuery, JobStatus, JobStore
from stablequeue_core.settings import Settings
from stablequeue_core.storage import Storage

logger = logging.getLogger(__name__)

JOBS_A_STEP = DOWNLOADS_A_STEP = 50
EVENTS_A_STEP = 1000
"""So many are forgotten in one transaction, which others wait for."""

MOST_TIME = 0.05
"""So much of the time, at most, is spent on it while the queue works."""

REST = 60.0
"""Seconds between two looks for what need not be kept."""

SHRINK_EVERY = 3600.0
"""Seconds. The room that one job leaves is soon taken by another; only what stays is given back."""

SPARED = timedelta(hours=1)
"""So long every job stays after its end, whatever the settings say.

Its submitter may still be waiting for it, or repeat the request with the same idempotency key
because the answer was lost: a forgotten job would be made a second time.
"""

PATIENCE = 5.0
"""Seconds that :meth:`Tidying.tidy` waits for another process that tidies."""


@frozen(kw_only=True)
class Tidied:
    """What was forgotten.

    Attributes:
        jobs: how many ended jobs.
        images: how many of their pictures were deleted.
        downloads: how many ended downloads; the files that they have fetched stay.
        events: how many entries of the log.
        bytes_freed: given back by the database; what pictures took comes on top.
    """

    jobs: int = 0
    images: int = 0
    downloads: int = 0
    events: int = 0
    bytes_freed: int = 0

    def __add__(self, other: Tidied) -> Tidied:
        return Tidied(
            jobs=self.jobs + other.jobs,
            images=self.images + other.images,
            downloads=self.downloads + other.downloads,
            events=self.events + other.events,
            bytes_freed=self.bytes_freed + other.bytes_freed,
        )


class Tidying:
    """Tidies up in small steps, in one process at a time. Used by one thread.

    Whatever the moment at which a process dies, only what was to go is gone, and the next sweep
    goes on from there.

    Args:
        storage: whose jobs and events are looked through.
        images: where the pictures are.
        clock: the time.
        settings: ``keep_days``, ``keep_jobs`` and ``keep_images``.
    """

    def __init__(
        self, storage: Storage, images: ImageStore, clock: Clock, settings: Settings
    ) -> None:
        self._storage = storage
        self._jobs: JobStore = storage.jobs
        self._images = images
        self._clock = clock
        self._settings = settings
        self._forgets = settings.keep_days is not None or settings.keep_jobs is not None
        self._lock = storage.tidying_lock()
        self._sweep: Iterator[Tidied] | None = None
        self._rests_until = clock.monotonic() + REST
        self._shrinks_at = self._rests_until

    @property
    def due_in(self) -> float:
        """Seconds until it is time for a step."""
        return max(0.0, self._rests_until - self._clock.monotonic())

    def settle(self) -> None:
        """Make one small step, if it is time for one; comes back at once when it is not."""
        started = self._clock.monotonic()
        if started < self._rests_until:
            return
        done = None
        try:
            if self._lock.try_acquire():
                self._sweep = self._sweep or self._steps(shrinks=started >= self._shrinks_at)
                done = next(self._sweep, None)
        except StorageError as error:
            logger.warning("Tidying up broke off; it is tried again: %s", error)
        ended = self._clock.monotonic()
        if done is not None:
            self._rests_until = ended + (ended - started) / MOST_TIME
            return
        if started >= self._shrinks_at:
            self._shrinks_at = ended + SHRINK_EVERY
        self._rests_until = ended + REST if self._forgets else self._shrinks_at
        self.close()

    def tidy(self) -> Tidied:
        """Forget all that need not be kept, now; others get their turn between the steps.

        Raises:
            StorageBusy: another process is at it already.
        """
        pause = threading.Event().wait
        deadline = self._clock.monotonic() + PATIENCE
        while not self._lock.try_acquire():
            if self._clock.monotonic() >= deadline:
                raise StorageBusy(
                    "The queue is being tidied up already, by a process that runs jobs; it goes "
                    "on by itself."
                )
            self._clock.wait(0.1, pause)
        try:
            total = Tidied()
            started = self._clock.monotonic()
            for done in self._steps(shrinks=True):
                total += done
                self._clock.wait(self._clock.monotonic() - started, pause)
                started = self._clock.monotonic()
            return total
        finally:
            self.close()

    def close(self) -> None:
        """Let another process have its turn; safe to call again."""
        self._sweep = None
        self._lock.release()

    def _steps(self, *, shrinks: bool) -> Iterator[Tidied]:
        """One sweep, step by step; each tells what it has done."""
        if self._forgets:
            yield from self._forget_jobs()
            yield from self._forget_downloads()
            yield from self._trim_events()
        while shrinks and (freed := self._storage.shrink()):
            yield Tidied(bytes_freed=freed)

    def _forget_jobs(self) -> Iterator[Tidied]:
        while jobs := self._worn_out():
            done = self._forget(jobs)
            if not done.jobs:
                return
            yield done

    def _worn_out(self) -> Sequence[Job]:
        spared = self._clock.now() - SPARED
        found = self._jobs.worn_out(
            ended_before=self._ended_before(), keep=self._settings.keep_jobs, limit=JOBS_A_STEP
        )
        return [job for job in found if job.ended_at is not None and job.ended_at < spared]

    def _ended_before(self) -> datetime | None:
        """What ended before need not be kept; None: nothing for that reason."""
        now, days = self._clock.now(), self._settings.keep_days
        return None if days is None else min(_days_before(now, days), now - SPARED)

    def _forget(self, jobs: Sequence[Job]) -> Tidied:
        """Forget these, but for those of which a part is still being made.

        The pictures of a completed job go first: if we die before it is forgotten, it is found
        again. Any other may be tried again by its user until it is forgotten, and would use what
        its parts have made already: those pictures go last.
        """
        going: list[Job] = []
        later: list[tuple[Job, list[str]]] = []
        images = 0
        for job in jobs:
            parts = self._jobs.parts_of(job.id) if job.parts else ()
            if not all(part.status.ended for part in parts):
                continue
            names = [] if self._settings.keep_images else _pictures_of(job, parts)
            if job.status is not JobStatus.COMPLETED:
                later.append((job, names))
            elif not self._discard(names):
                continue
            else:
                images += len(names)
            going.append(job)
        images_later = sum(len(names) for _, names in later)
        forgotten = self._jobs.forget(going, self._event(len(going), images + images_later))
        for job, names in later:
            if names and self._is_forgotten(job) and self._discard(names):
                images += len(names)
        return Tidied(jobs=forgotten, images=images)

    def _forget_downloads(self) -> Iterator[Tidied]:
        """Those that a job still waits for stay until it has seen how they ended."""
        while True:
            waited_for = {each for job in self._jobs.waiting() for each in job.waits_for}
            spared = self._clock.now() - SPARED
            found = self._storage.downloads.worn_out(
                ended_before=self._ended_before(),
                keep=self._settings.keep_jobs,
                limit=DOWNLOADS_A_STEP + len(waited_for),
            )
            going = [
                each
                for each in found
                if each.id not in waited_for
                and each.ended_at is not None
                and each.ended_at < spared
            ]
            event = self._event(downloads=len(going))
            forgotten = self._storage.downloads.forget(going, event) if going else 0
            if not forgotten:
                return
            for each in going:
                self._discard_part(each)
            yield Tidied(downloads=forgotten)

    def _discard_part(self, download: Download) -> None:
        """What a download has left half done would be read on by nobody now."""
        try:
            self._storage.downloads.get(download.id)
        except DownloadNotFound:
            try:
                part_path(download).unlink(missing_ok=True)
            except OSError as error:
                logger.warning("Half a file of an old download stays: %s", error.strerror)

    def _discard(self, names: Sequence[str]) -> bool:
        """Delete pictures; a job whose pictures cannot be deleted stays, so that it is told."""
        try:
            self._images.discard(names)
        except ImageStoreError as error:
            logger.warning("The pictures of an old job stay, and so does the job: %s", error)
            return False
        return True

    def _is_forgotten(self, job: Job) -> bool:
        try:
            self._jobs.get(job.id)
        except JobNotFound:
            return True
        return False

    def _event(self, jobs: int = 0, images: int = 0, downloads: int = 0) -> Event:
        return Event(
            kind=EventKind.QUEUE_TIDIED,
            at=self._clock.now(),
            data={"jobs": jobs, "images": images, "downloads": downloads},
        )

    def _trim_events(self) -> Iterator[Tidied]:
        """What happened before the oldest job that is still known is of no use to anybody."""
        before = self._clock.now() - SPARED
        for oldest in self._jobs.list(JobQuery(newest_first=False, limit=1)).jobs:
            before = min(before, oldest.created_at)
        while trimmed := self._storage.events.trim(before, EVENTS_A_STEP):
            yield Tidied(events=trimmed)


def _days_before(now: datetime, days: float) -> datetime:
    """So many days ago; as long ago as can be said, for more days than there ever were."""
    try:
        return now - timedelta(days=days)
    except OverflowError:
        return datetime.min.replace(tzinfo=now.tzinfo)


def _pictures_of(job: Job, parts: Sequence[Job]) -> list[str]:
    """The names of the pictures that this job has made, and its parts; no others, ever.

    A name that none of their attempts can have given is left alone, whatever the record says.
    """
    makers = (job, *parts)
    ours = tuple(
        attempt_prefix(maker.picture_owner, attempt.started_at)
        for maker in makers
        for attempt in maker.attempts
    )
    named = dict.fromkeys(
        name for maker in makers if maker.result is not None for name in maker.result.images
    )
    return [name for name in named if is_picture_name(name) and name.startswith(ours)]
