"""What a process does in a race for jobs, downloads, servers or locks.

It imports little, to start soon.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from attrs import evolve

from stablequeue_core.downloads import Download, download_event
from stablequeue_core.errors import StaleServer
from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import AUTO, Candidate, Claim, Job, Lease, Line, event_of
from stablequeue_core.storage import Storage

TARGETS = ("Laptop", AUTO)
"""Whose jobs are raced for."""

_FAR_AWAY = datetime(2100, 1, 1, tzinfo=UTC)

Opener = Callable[[], Storage]
"""Opens a storage; can be pickled when the storage is shared by processes."""


class Gate(Protocol):
    """Opens when everybody is there: a ``Barrier`` of threads or of processes."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the others."""


class Flag(Protocol):
    """An ``Event`` of threads or of processes."""

    def set(self) -> None:
        """Raise the flag."""


def first(line: Line) -> Candidate | None:
    """The simplest choice."""
    return next(line.in_order(), None)


def begin(job: Job, server: str = "Laptop", worker: str = "worker") -> tuple[Job, Event]:
    """What a lane does with the job it was given."""
    now = job.updated_at + timedelta(seconds=1)
    begun = job.begin(
        server=server,
        lease=Lease(worker=worker, until=now + timedelta(seconds=30)),
        task_id=f"task-{job.id}-{len(job.attempts) + 1}",
        seed=2**63 - 1,
        subseed=7,
        now=now,
    )
    return begun, event_of(EventKind.JOB_STARTED, begun)


_ANY = Claim(targets=TARGETS, now=_FAR_AWAY, choose=first, begin=begin)


def claim_all(storage: Storage, gate: Gate) -> list[str]:
    """Claim until nothing is left; the ids of what we were given."""
    claimed = []
    gate.wait(60)
    while job := storage.jobs.claim(_ANY):
        claimed.append(job.id)
    return claimed


def claim_all_downloads(storage: Storage, gate: Gate) -> list[str]:
    """Claim until nothing is left; the ids of what we were given."""
    claimed = []
    gate.wait(60)
    while download := storage.downloads.claim(now=_FAR_AWAY, begin=_begin_download):
        claimed.append(download.id)
    return claimed


def count_up(storage: Storage, gate: Gate, alias: str, times: int) -> None:
    """Count in a server's description, and try again whenever somebody else was faster."""
    gate.wait(60)
    for _ in range(times):
        while True:
            before = storage.servers.get(alias)
            counted = evolve(before, description=str(int(before.description or 0) + 1))
            event = Event(kind=EventKind.SERVER_CHANGED, at=_FAR_AWAY, server=alias)
            try:
                storage.servers.replace(before, counted, event)
            except StaleServer:
                continue
            break


def _begin_download(download: Download) -> tuple[Download, Event]:
    begun = download.begin(now=download.updated_at)
    return begun, download_event(EventKind.DOWNLOAD_STARTED, begun)


_gate: Gate


def meet_at(gate: Gate) -> None:
    """Tell this process which gate to wait at."""
    global _gate
    _gate = gate


def open_and_claim_all(opener: Opener) -> list[str]:
    """As :func:`claim_all`, in a process that :func:`meet_at` has prepared."""
    with opener() as storage:
        return claim_all(storage, _gate)


def open_and_claim_all_downloads(opener: Opener) -> list[str]:
    """As :func:`claim_all_downloads`, in a process that :func:`meet_at` has prepared."""
    with opener() as storage:
        return claim_all_downloads(storage, _gate)


def open_and_count_up(opener: Opener, alias: str, times: int) -> None:
    """As :func:`count_up`, in a process that :func:`meet_at` has prepared."""
    with opener() as storage:
        count_up(storage, _gate, alias, times)


def hold_lane(opener: Opener, alias: str, held: Flag) -> None:
    """Take the lock of a lane and keep it until this process is killed."""
    with opener() as storage:
        lock = storage.lane_lock(alias)
        if lock.try_acquire():
            held.set()
            threading.Event().wait()


def hold_fetching(opener: Opener, held: Flag) -> None:
    """Take the lock of the downloads and keep it until this process is killed."""
    with opener() as storage:
        lock = storage.fetching_lock()
        if lock.try_acquire():
            held.set()
            threading.Event().wait()


def hold_fence(opener: Opener, held: Flag) -> None:
    """Keep everybody from changing anything until this process is killed."""
    with opener() as storage, storage.fence():
        held.set()
        threading.Event().wait()
