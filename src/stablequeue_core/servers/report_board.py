"""What the processes that run jobs have told of their servers, and which of them are alive."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from attrs import evolve

from stablequeue_core.clock import Clock
from stablequeue_core.generation import Progress
from stablequeue_core.servers.health import ServerHealth, ServerStatus
from stablequeue_core.servers.reports import NOBODY, ReportStore, ServerReport
from stablequeue_core.servers.silence import Silence, is_this_process, process_of

READ_AGAIN = 0.25
"""Seconds for which what was read is good enough: a page may ask for every server, one by one."""

BEAT_EVERY = 5.0
"""So often, in seconds, does a process that runs jobs say that it is alive."""

ALIVE_FOR = timedelta(seconds=20)
"""It may say so late: by then another process has taken its servers over, if there is one."""


class ReportBoard:
    """The newest report of each server, whoever told it. Safe to use from several threads.

    Args:
        reports: who remembers them.
        clock: tells how old they are.
    """

    def __init__(self, reports: ReportStore, clock: Clock) -> None:
        self._reports = reports
        self._clock = clock
        self._lock = threading.Lock()
        self._read: Mapping[str, ServerReport] = {}
        self._heard: Mapping[str, datetime] = {}
        self._read_at = -READ_AGAIN

    def all(self) -> Mapping[str, ServerReport]:
        """The newest report of each server that has one, by alias.

        Raises:
            StorageError: they cannot be read now.
        """
        with self._lock:
            # By the computer's own clock: this is about the reader, not about the reports.
            now = time.monotonic()
            if now - self._read_at >= READ_AGAIN:
                self._read, self._heard = self._reports.all(), self._reports.heard()
                self._read_at = now
            return self._read

    def is_good(self, report: ServerReport) -> bool:
        """Whether somebody looks after the server: who has told of it last, and is still alive."""
        return report.worker != NOBODY and self.silence_of(report) <= ALIVE_FOR

    def silence_of(self, report: ServerReport) -> timedelta:
        """For how long nothing was heard of the process that has told of a server last."""
        heard = (report.at, self._heard.get(report.worker, report.at))
        # Either way: a moment of the future was told before somebody set the clock back.
        return min(abs(self._clock.now() - at) for at in heard)

    def silence(self, report: ServerReport, patience: timedelta = ALIVE_FOR) -> Silence | None:
        """Set, when for longer than that nothing was heard of the process that holds the server.

        Raises:
            StorageError: it cannot be read now.
        """
        worker, silent_for = report.worker, self.silence_of(report)
        if worker == NOBODY or silent_for <= patience or is_this_process(worker):
            return None
        others = [each for each in self.alive() if process_of(each) != process_of(worker)]
        return Silence(worker=worker, seconds=silent_for.total_seconds(), others_live=bool(others))

    def alive(self) -> Collection[str]:
        """The workers that run jobs, be it that they hold no server just now.

        Raises:
            StorageError: they cannot be read now.
        """
        reports, now = self.all(), self._clock.now()
        return {
            *(worker for worker, at in self._heard.items() if abs(now - at) <= ALIVE_FOR),
            *(report.worker for report in reports.values() if self.is_good(report)),
        }

    def health_of(self, alias: str) -> ServerHealth:
        """How the server felt; ``unknown`` when nobody has told of it for long.

        Raises:
            StorageError: it cannot be read now.
        """
        report = self.all().get(alias)
        if report is None:
            return ServerHealth()
        if self.is_good(report):
            return report.health
        unknown = evolve(report.health, status=ServerStatus.UNKNOWN, unanswered_since=None)
        silence = self.silence(report)
        if silence is None:
            return unknown
        return evolve(
            unknown,
            last_error=f"{silence.sentence} {silence.advice}",
            silent_worker=silence.worker,
        )

    def progress_of(self, job_id: str) -> Progress | None:
        """How far a job is that runs somewhere; None when nobody has told.

        Raises:
            StorageError: it cannot be read now.
        """
        reports = self.all().values()
        return next((report.progress for report in reports if report.job_id == job_id), None)
