"""The promises about the bells: who is woken by what, also by what another process does."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from stablequeue_core.downloads import Download, DownloadStatus
from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import Job, JobQuery, Lease, event_of
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.download_samples import (
    added,
    altered,
    arrived,
    begun,
    dropped,
    fetched,
    interrupted,
    paused,
    queued,
)
from stablequeue_core.testing.contracts.reports import PLAIN
from stablequeue_core.testing.contracts.samples import (
    LATER,
    add,
    cancelled,
    changed,
    claimed,
    completed,
    deleted,
    given_back,
    laptop,
    model,
    models_event,
    pending,
    queue_event,
    save,
    server_event,
)
from stablequeue_core.testing.race import Opener

Doing = Callable[[Storage, Job], object]

GIVES_WORK: dict[str, Doing] = {
    "a new job": lambda storage, job: add(storage, pending()),
    "a new job in turn": lambda storage, job: storage.jobs.add([pending()], fair=True),
    "a job given back": lambda storage, job: changed(storage, job, given_back),
    "a job released": lambda storage, job: changed(storage, _waiting(storage), _released),
    "a new server": lambda storage, job: storage.servers.add(laptop(), server_event()),
    "a changed server": lambda storage, job: storage.servers.replace(
        storage.servers.get("Tower"),
        laptop(alias="Tower", paused=True),
        server_event(EventKind.SERVER_CHANGED),
    ),
    "a removed server": lambda storage, job: storage.servers.remove(
        "Tower", server_event(EventKind.SERVER_REMOVED)
    ),
    "a server that feels otherwise": lambda storage, job: storage.reports.put(
        PLAIN, server_event(EventKind.SERVER_HEALTH)
    ),
    "a pause": lambda storage, job: storage.jobs.set_paused(True, queue_event()),
    "a new download": lambda storage, job: added(storage, queued()),
    "a download given back": lambda storage, job: altered(storage, _fetched(storage), interrupted),
    "a download done": lambda storage, job: altered(storage, _fetched(storage), arrived),
    "a download cancelled": lambda storage, job: altered(storage, _fetched(storage), dropped),
}
GIVES_NONE: dict[str, Doing] = {
    "a claim": lambda storage, job: claimed(storage),
    "a job done": lambda storage, job: changed(storage, job, completed),
    "a job cancelled": lambda storage, job: changed(storage, job, cancelled),
    "a job deleted": deleted,
    "a job held": lambda storage, job: changed(storage, _waiting(storage), _held),
    "a job moved": lambda storage, job: storage.jobs.move_to_front(
        _waiting(storage), event_of(EventKind.JOB_MOVED, job)
    ),
    "jobs forgotten": lambda storage, job: storage.jobs.forget(
        [changed(storage, job, completed)], queue_event(EventKind.QUEUE_TIDIED)
    ),
    "a scan": lambda storage, job: storage.models.record(models_event()),
    "a download begun": lambda storage, job: altered(storage, _queued(storage), begun),
    "a download paused": lambda storage, job: altered(storage, _queued(storage), paused),
}
UNTOLD: dict[str, Doing] = {
    "a lease renewed": lambda storage, job: storage.jobs.renew(
        job.id, Lease(worker="worker", until=LATER)
    ),
    "a report": lambda storage, job: storage.reports.put(PLAIN),
}
EVERYTHING: Mapping[str, Doing] = {**GIVES_WORK, **GIVES_NONE, **UNTOLD}


class RingingContract(StorageCase):
    """The promises of ``work`` and ``changes``, as tests."""

    @pytest.mark.parametrize("what", GIVES_WORK)
    def test_what_may_give_a_lane_work_rings_both_bells(self, storage: Storage, what: str) -> None:
        """At least once each."""
        job = prepare(storage)
        work, changes = storage.work.rings, storage.changes.rings
        GIVES_WORK[what](storage, job)
        assert storage.work.rings > work
        assert storage.changes.rings > changes

    @pytest.mark.parametrize("what", GIVES_NONE)
    def test_what_gives_nobody_work_rings_one_bell(self, storage: Storage, what: str) -> None:
        """Else each job done would wake every lane."""
        job = prepare(storage)
        work, changes = storage.work.rings, storage.changes.rings
        GIVES_NONE[what](storage, job)
        assert storage.work.rings == work
        assert storage.changes.rings > changes

    @pytest.mark.parametrize("what", UNTOLD)
    def test_what_changes_nothing_that_anybody_waits_for_rings_no_bell(
        self, storage: Storage, what: str
    ) -> None:
        """It happens every few seconds, for each job that runs."""
        job = prepare(storage)
        heard = storage.work.rings, storage.changes.rings
        UNTOLD[what](storage, job)
        assert (storage.work.rings, storage.changes.rings) == heard

    def test_a_new_model_rings_one_bell(self, storage: Storage) -> None:
        """No event tells of it, but somebody here may show models."""
        work, changes = storage.work.rings, storage.changes.rings
        save(storage, model())
        assert storage.work.rings == work
        assert storage.changes.rings > changes

    def test_the_bell_rings_when_the_change_can_be_seen(self, storage: Storage) -> None:
        """Not before: who wakes up finds it."""
        seen: list[int] = []

        def look() -> None:
            storage.changes.wait(heard, 60)
            seen.append(storage.jobs.list(JobQuery()).total)

        heard = storage.changes.rings
        sleeper = threading.Thread(target=look)
        sleeper.start()
        add(storage, pending())
        sleeper.join(60)
        assert seen == [1]

    def test_what_another_process_does_rings_the_bells_here(self, tmp_path: Path) -> None:
        """The same ones as there, and soon; also if nobody waited yet when it was done."""
        with self._another_process() as another:
            for place, what in enumerate((*GIVES_WORK, *GIVES_NONE)):
                opener = self._opener(tmp_path, place)
                with opener() as storage:
                    prepare(storage)
                    work, changes = storage.work.rings, storage.changes.rings
                    another.submit(_do, opener, what).result(60)
                    assert storage.changes.wait(changes, 60) > changes, what
                    if what in GIVES_WORK:
                        assert storage.work.wait(work, 60) > work, what
                    else:
                        # When the next change is heard, all that the first one rings has rung.
                        changes = storage.changes.rings
                        another.submit(_scan, opener).result(60)
                        assert storage.changes.wait(changes, 60) > changes
                        assert storage.work.rings == work, what

    def test_what_another_process_does_untold_rings_no_bell_here(self, tmp_path: Path) -> None:
        """Lanes of other processes renew leases and tell reports all the time."""
        with self._another_process() as another:
            for place, what in enumerate(UNTOLD):
                opener = self._opener(tmp_path, place)
                with opener() as storage:
                    prepare(storage)
                    storage.changes.wait(storage.changes.rings, 0)
                    heard = storage.changes.rings
                    another.submit(_do, opener, what).result(60)
                    another.submit(_scan, opener).result(60)
                    assert storage.changes.wait(heard, 60) == heard + 1, what

    def _another_process(self) -> ProcessPoolExecutor:
        if not self.shared_by_processes:
            pytest.skip("this storage belongs to one process")
        return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))

    def _opener(self, folder: Path, place: int) -> Opener:
        """Of a storage of its own."""
        own = folder / str(place)
        own.mkdir()
        return self.opener(own)


def prepare(storage: Storage) -> Job:
    """A server; a job and a download that are under way, and one of each that waits."""
    storage.servers.add(laptop(alias="Tower"), server_event())
    add(storage, pending(), pending())
    job = claimed(storage)
    added(storage, queued(priority=1), queued())
    fetched(storage)
    return job


def _do(opener: Opener, what: str) -> None:
    """In another process: one thing."""
    with opener() as storage:
        (job,) = storage.jobs.processing()
        EVERYTHING[what](storage, job)


def _scan(opener: Opener) -> None:
    """In another process: something that gives nobody work."""
    with opener() as storage:
        storage.models.record(models_event())


def _waiting(storage: Storage) -> Job:
    (waiting,) = [job for job in storage.jobs.open_on("Laptop") if job.lease is None]
    return waiting


def _fetched(storage: Storage) -> Download:
    (running,) = storage.downloads.with_status(DownloadStatus.DOWNLOADING)
    return running


def _queued(storage: Storage) -> Download:
    (waiting,) = storage.downloads.with_status(DownloadStatus.QUEUED)
    return waiting


def _held(job: Job) -> tuple[Job, Event]:
    held = job.hold(now=LATER)
    return held, event_of(EventKind.JOB_HELD, held)


def _released(job: Job) -> tuple[Job, Event]:
    free = job.release(now=LATER)
    return free, event_of(EventKind.JOB_RELEASED, free)
