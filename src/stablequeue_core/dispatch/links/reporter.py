"""Tells the other processes of one server: how it feels, and what it does for us."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime

from attrs import evolve

from stablequeue_core.clock import Clock
from stablequeue_core.errors import StorageError
from stablequeue_core.events import Event, EventKind
from stablequeue_core.generation import Progress
from stablequeue_core.servers import (
    NOBODY,
    HealthBoard,
    ReportBoard,
    ReportStore,
    ServerHealth,
    ServerReport,
    ServerStatus,
)

logger = logging.getLogger(__name__)

PROGRESS_EVERY = 2.0
"""Seconds between two reports that only tell of progress."""

AT_LEAST_EVERY = 10.0
"""Seconds after which a job that runs is told of again although nothing has changed."""


class Reporter:
    """Tells of one server, for as long as this process holds its lane. Thread-safe.

    Jobs that take less than a moment are not told of one by one: their lane would write more of
    them than of their pictures.

    Args:
        alias: of the server.
        reports: who remembers what is told.
        told: what was told last, be it by a process that is gone.
        health: how servers feel, as this process knows it.
        worker: who we are.
        clock: the time.
    """

    def __init__(
        self,
        alias: str,
        reports: ReportStore,
        told: ReportBoard,
        health: HealthBoard,
        *,
        worker: str,
        clock: Clock,
    ) -> None:
        self._alias = alias
        self._reports = reports
        self._told = told
        self._board = health
        self._worker = worker
        self._clock = clock
        self._lock = threading.Lock()
        self._holds = False
        self._job_id: str | None = None
        self._progress: Progress | None = None
        self._error_before: str | None = None
        self._last: ServerReport | None = None
        self._put_at = 0.0

    @property
    def health(self) -> ServerHealth:
        """How the server felt when it was last asked."""
        return self._board.of(self._alias)

    def begin(self) -> None:
        """We hold the server's lane now, or again: it is for us to tell of it.

        Raises:
            StorageError: what was told before cannot be read.
        """
        with self._lock:
            if self._holds:
                if self._last is not None:
                    # We had lost it for a moment: what others have told in it is told over.
                    self._put(self._report(self.health))
                return
        last = self._told.all().get(self._alias)
        with self._lock:
            if not self._holds:
                self._holds = True
                self._last = last and evolve(last, job_id=None, progress=None)
                if self._last is not None and self._last.worker not in (NOBODY, self._worker):
                    # Before the server answers: else a process that is gone counts as its holder.
                    self._put(evolve(self._last, worker=self._worker, at=self._clock.now()))

    def leave(self) -> None:
        """We are about to let go of the lane: until others take it, nobody looks after the server.

        Then nobody waits for a process that has ended.
        """
        with self._lock:
            last = self._last
            if self._holds and last is not None:
                self._put(evolve(last, worker=NOBODY, job_id=None, progress=None))
        self.end()

    def follow(self, alias: str) -> None:
        """The server is called otherwise now; what was told of it before bears the new name."""
        with self._lock:
            if alias == self._alias:
                return
            if self._holds:
                self._board.put(alias, self._board.of(self._alias))
                self._board.forget(self._alias)
                self._last = self._last and evolve(self._last, alias=alias)
            self._alias = alias

    def end(self) -> None:
        """We do not hold the lane any more: what others tell of the server counts."""
        with self._lock:
            if self._holds:
                self._holds = False
                self._board.forget(self._alias)

    def feels(self, health: ServerHealth, free_bytes: int | None = None) -> None:
        """The server was asked how it feels. When that is news, an event tells of it.

        Args:
            health: its answer.
            free_bytes: memory that its computer has left; None: as was told last.
        """
        with self._lock:
            if self._holds:
                self._feel(health, free_bytes)

    def heard(self) -> None:
        """The server has answered, be it about a job of ours: so it was seen to be well."""
        with self._lock:
            if not self._holds:
                return
            health = self.health
            if health.checked_at is None and self._last is not None:
                # It was given another name, and forgotten by the one that it had.
                health = self._last.health
            health = evolve(health, checked_at=self._clock.now())
            if health.unanswered_since is not None:
                health = evolve(health, last_error=self._error_before, unanswered_since=None)
            if health.status is ServerStatus.UNKNOWN:
                self._feel(evolve(health, status=ServerStatus.ONLINE))
            elif time.monotonic() - self._put_at >= AT_LEAST_EVERY:
                self._feel(health)
            else:
                self._board.put(self._alias, health)

    def misses(self, since: datetime, sentence: str) -> None:
        """The server leaves unanswered what it is asked about a job of ours, since then."""
        with self._lock:
            if not self._holds:
                return
            health = self.health
            if health.unanswered_since is None:
                self._error_before = health.last_error
                logger.warning("%s", sentence)
                self._feel(
                    evolve(
                        health,
                        status=ServerStatus.UNKNOWN,
                        last_error=sentence,
                        unanswered_since=since,
                    )
                )

    def works(self, job_id: str, progress: Progress | None) -> None:
        """The server works on a job of ours; told when there is something new about it."""
        with self._lock:
            if not self._holds:
                return
            self._job_id, self._progress = job_id, progress
            last, age = self._last, time.monotonic() - self._put_at
            is_new_job = last is None or last.job_id != job_id
            has_moved = last is not None and last.progress != progress
            if is_new_job or age >= AT_LEAST_EVERY or (has_moved and age >= PROGRESS_EVERY):
                self._put(self._report(self.health))

    def ends(self) -> None:
        """The job is over; told with whatever is told next, for mostly that is another job."""
        with self._lock:
            self._job_id = self._progress = None

    def rests(self) -> None:
        """The server works on nothing of ours."""
        with self._lock:
            self._job_id = self._progress = None
            if self._holds and self._last is not None and self._last.job_id is not None:
                self._put(self._report(self.health))

    def _feel(self, health: ServerHealth, free_bytes: int | None = None) -> None:
        before = self.health
        if before.unanswered_since and health.status is ServerStatus.ONLINE:
            logger.info("Server %r answers again.", self._alias)
        self._board.put(self._alias, health)
        is_news = self._last is None or self._last.health.status is not health.status
        self._put(self._report(health, free_bytes), self._event(health) if is_news else None)

    def _report(self, health: ServerHealth, free_bytes: int | None = None) -> ServerReport:
        if free_bytes is None and self._last is not None:
            free_bytes = self._last.free_bytes
        return ServerReport(
            alias=self._alias,
            health=health,
            worker=self._worker,
            at=self._clock.now(),
            job_id=self._job_id,
            progress=self._progress,
            free_bytes=free_bytes,
        )

    def _event(self, health: ServerHealth) -> Event:
        return Event(
            kind=EventKind.SERVER_HEALTH,
            at=self._clock.now(),
            server=self._alias,
            data={"status": health.status.value, "last_error": health.last_error},
        )

    def _put(self, report: ServerReport, event: Event | None = None) -> None:
        """Keep it; what cannot be told now is told with the next report."""
        try:
            self._reports.put(report, event)
        except StorageError as error:
            logger.debug("Server %r cannot be told of now: %s", self._alias, error)
            return
        self._last = report
        self._put_at = time.monotonic()
