"""What the processes that run jobs have told of their servers, read now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import timedelta

from attrs import evolve

from stablequeue_core.clock import Clock
from stablequeue_core.generation import Progress
from stablequeue_core.servers.health import ServerHealth, ServerStatus
from stablequeue_core.servers.reports import NOBODY, ReportStore, ServerReport
from stablequeue_core.settings import Settings

READ_AGAIN = 0.25
"""Seconds for which what was read is good enough: a page may ask for every server, one by one."""

SPARED = 15.0
"""Seconds that a report may come late: another process takes the server over meanwhile."""


class ReportBoard:
    """The newest report of each server, whoever told it. Safe to use from several threads.

    Args:
        reports: who remembers them.
        clock: tells how old they are.
        settings: how often the servers are asked how they feel.
    """

    def __init__(self, reports: ReportStore, clock: Clock, settings: Settings) -> None:
        self._reports = reports
        self._clock = clock
        # Whoever holds a lane tells of it at least as often as it asks the server.
        self._good_for = 2 * max(settings.probe_age, settings.circuit_cap) + SPARED
        self._lock = threading.Lock()
        self._read: Mapping[str, ServerReport] = {}
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
                self._read = self._reports.all()
                self._read_at = now
            return self._read

    def is_good(self, report: ServerReport) -> bool:
        """Whether somebody still looks after the server, as far as a report can tell."""
        if report.worker == NOBODY:
            return False
        # Either way: one of the future was told before somebody set the clock back.
        return abs(self._clock.now() - report.at) <= timedelta(seconds=self._good_for)

    def health_of(self, alias: str) -> ServerHealth:
        """How the server felt; ``unknown`` when nobody has told of it for long.

        Raises:
            StorageError: it cannot be read now.
        """
        report = self.all().get(alias)
        if report is None:
            return ServerHealth()
        if not self.is_good(report):
            return evolve(report.health, status=ServerStatus.UNKNOWN)
        return report.health

    def progress_of(self, job_id: str) -> Progress | None:
        """How far a job is that runs somewhere; None when nobody has told.

        Raises:
            StorageError: it cannot be read now.
        """
        reports = self.all().values()
        return next((report.progress for report in reports if report.job_id == job_id), None)
