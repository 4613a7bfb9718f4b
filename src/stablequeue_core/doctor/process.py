"""Whether somebody runs the jobs, and what this process is made of."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version

from stablequeue_core.doctor.diagnosis import Finding, ok, warning
from stablequeue_core.doctor.premises import Premises
from stablequeue_core.errors import StorageError
from stablequeue_core.jobs import JobStatus
from stablequeue_core.quantities import count_text
from stablequeue_core.storage import Storage

SUBJECT = "processes"

SILENCE = timedelta(seconds=30)
"""Whoever drives a server says so at least every ten seconds."""

MANY_THREADS = 1000


def check_process(premises: Premises) -> Iterator[Finding]:
    """Versions and threads of this process, and the processes that run jobs."""
    threads = threading.active_count()
    python = ".".join(map(str, sys.version_info[:3]))
    yield ok(
        "this process",
        f"StableQueue {_version()}, Python {python}, SQLite {sqlite3.sqlite_version}, "
        f"{count_text(threads, 'thread')}.",
    )
    if threads > MANY_THREADS:
        yield warning(
            "this process",
            f"It has {threads:,} threads.",
            "Look for code that subscribes to events, or opens queues, and never closes them.",
        )
    if premises.storage is not None:
        try:
            yield from _of_workers(premises.storage)
        except StorageError:
            return  # What is wrong with it, the check of the database tells.


def _of_workers(storage: Storage) -> Iterator[Finding]:
    since = storage.clock.now() - SILENCE
    alive = {_process(each.worker) for each in storage.reports.all().values() if each.at >= since}
    pending = storage.jobs.counts()[JobStatus.PENDING]
    if storage.jobs.paused():
        yield warning(
            "queue",
            "It is paused: no job starts, and "
            f"{count_text(pending, 'job is', 'jobs are')} waiting.",
            "Resume it: POST /api/v1/queue/resume, or queue.resume().",
        )
    if alive:
        verb = "runs" if len(alive) == 1 else "run"
        yield ok(SUBJECT, f"{count_text(len(alive), 'process', 'processes')} {verb} jobs.")
    elif pending and any(server.enabled for server in storage.servers.list()):
        yield warning(
            SUBJECT,
            f"Nobody runs jobs, and {count_text(pending, 'job is', 'jobs are')} waiting.",
            "Start `stablequeue serve`, or `stablequeue work` beside one that only takes jobs.",
        )
    else:
        yield ok(SUBJECT, "Nobody runs jobs now.")


def _process(worker: str) -> str:
    """Which process it is, of ``host:process:…``."""
    return ":".join(worker.split(":")[:2])


def _version() -> str:
    try:
        return version("stablequeue")
    except PackageNotFoundError:
        return "(not installed)"
