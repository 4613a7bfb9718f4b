"""Whether somebody runs the jobs, and what this process is made of."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version

from stablequeue_core.doctor.diagnosis import Finding, ok, warning
from stablequeue_core.doctor.premises import Premises
from stablequeue_core.errors import StorageError
from stablequeue_core.jobs import JobStatus
from stablequeue_core.quantities import count_text, few
from stablequeue_core.servers import ReportBoard, ServerReport, Silence, process_of
from stablequeue_core.storage import Storage

SUBJECT = "processes"

MANY_THREADS = 1000

MOST_NAMES = 5
"""So many servers are named in one sentence."""


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
    board = ReportBoard(storage.reports, storage.clock)
    alive = {process_of(worker) for worker in board.alive()}
    pending = storage.jobs.counts()[JobStatus.PENDING]
    if storage.jobs.paused():
        yield warning(
            "queue",
            "It is paused: no job starts, and "
            f"{count_text(pending, 'job is', 'jobs are')} waiting.",
            "Resume it: POST /api/v1/queue/resume, or queue.resume().",
        )
    enabled = [server.alias for server in storage.servers.list() if server.enabled]
    silent = dict(_silent(board, enabled))
    if alive:
        verb = "runs" if len(alive) == 1 else "run"
        yield ok(SUBJECT, f"{count_text(len(alive), 'process', 'processes')} {verb} jobs.")
        for silence, held in silent.items():
            # Those that are alive would have taken its servers over, if they could.
            yield warning(SUBJECT, f"{silence.sentence} It keeps {_names(held)}.", silence.advice)
    elif pending and enabled:
        nobody = f"Nobody runs jobs, and {count_text(pending, 'job is', 'jobs are')} waiting."
        yield warning(
            SUBJECT,
            " ".join([nobody, *(silence.sentence for silence in silent)]),
            " ".join(silence.advice for silence in silent)
            or "Start `stablequeue serve`, or `stablequeue work` beside one that only takes jobs.",
        )
    else:
        yield ok(SUBJECT, "Nobody runs jobs now.")


def _silent(
    board: ReportBoard, enabled: Collection[str]
) -> Iterator[tuple[Silence, Sequence[str]]]:
    """The processes that hold servers and tell nothing any more, and which servers those are."""
    told: defaultdict[str, list[ServerReport]] = defaultdict(list)
    for report in board.all().values():
        if report.alias in enabled:
            told[report.worker].append(report)
    for reports in told.values():
        silence = board.silence(max(reports, key=lambda report: report.at))
        if silence is not None:
            yield silence, [report.alias for report in reports]


def _names(aliases: Sequence[str]) -> str:
    names = few([repr(alias) for alias in sorted(aliases)], MOST_NAMES)
    return f"server{'s' if len(aliases) > 1 else ''} {names}"


def _version() -> str:
    try:
        return version("stablequeue")
    except PackageNotFoundError:
        return "(not installed)"
