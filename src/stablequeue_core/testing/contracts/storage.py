"""What every storage must do: everything."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from stablequeue_core.downloads import Download, DownloadStatus
from stablequeue_core.events import EventKind
from stablequeue_core.jobs import IdempotencyKey, Job, JobQuery, Lease
from stablequeue_core.storage import ProcessLock, Storage
from stablequeue_core.testing.contracts.download_samples import (
    added,
    altered,
    arrived,
    begun,
    dropped,
    elaborate,
    fetched,
    interrupted,
    paused,
    queued,
)
from stablequeue_core.testing.contracts.downloads import DownloadStoreContract
from stablequeue_core.testing.contracts.events import EventLogContract
from stablequeue_core.testing.contracts.identities import FULL, IdentityStoreContract
from stablequeue_core.testing.contracts.jobs import JobStoreContract
from stablequeue_core.testing.contracts.models import ModelStoreContract
from stablequeue_core.testing.contracts.samples import (
    LATER,
    ROOT,
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
from stablequeue_core.testing.contracts.servers import ServerStoreContract
from stablequeue_core.testing.race import hold_fetching, hold_lane

Doing = Callable[[Storage, Job], object]

GIVES_WORK: dict[str, Doing] = {
    "a new job": lambda storage, job: add(storage, pending()),
    "a job given back": lambda storage, job: changed(storage, job, given_back),
    "a new server": lambda storage, job: storage.servers.add(laptop(), server_event()),
    "a changed server": lambda storage, job: storage.servers.replace(
        "Tower", laptop(alias="Tower", paused=True), server_event()
    ),
    "a removed server": lambda storage, job: storage.servers.remove("Tower", server_event()),
    "a pause": lambda storage, job: storage.jobs.set_paused(True, queue_event()),
    "a new download": lambda storage, job: added(storage, queued()),
    "a download given back": lambda storage, job: altered(storage, _running(storage), interrupted),
    "a download done": lambda storage, job: altered(storage, _running(storage), arrived),
    "a download cancelled": lambda storage, job: altered(storage, _running(storage), dropped),
}
GIVES_NONE: dict[str, Doing] = {
    "a claim": lambda storage, job: claimed(storage),
    "a job done": lambda storage, job: changed(storage, job, completed),
    "a job cancelled": lambda storage, job: changed(storage, job, cancelled),
    "a job deleted": deleted,
    "a model": lambda storage, job: save(storage, model()),
    "a scan": lambda storage, job: storage.models.record(models_event()),
    "a download begun": lambda storage, job: altered(storage, _waiting(storage), begun),
    "a download paused": lambda storage, job: altered(storage, _waiting(storage), paused),
}


class StorageContract(
    JobStoreContract,
    ServerStoreContract,
    ModelStoreContract,
    IdentityStoreContract,
    DownloadStoreContract,
    EventLogContract,
):
    """The promises of :class:`~stablequeue_core.storage.Storage` and its stores, as tests.

    Example::

        class TestMyStorage(StorageContract):
            shared_by_processes = True

            def opener(self, folder: Path) -> Callable[[], Storage]:
                return functools.partial(MyStorage, folder / "queue.db")
    """

    @pytest.mark.parametrize("what", GIVES_WORK)
    def test_what_may_give_a_lane_work_rings_both_bells(self, storage: Storage, what: str) -> None:
        """At least once each."""
        assert all(self._rings(storage, GIVES_WORK[what]))

    @pytest.mark.parametrize("what", GIVES_NONE)
    def test_what_gives_nobody_work_rings_one_bell(self, storage: Storage, what: str) -> None:
        """Else each job done would wake every lane."""
        work, changes = self._rings(storage, GIVES_NONE[what])
        assert changes
        assert not work

    def test_a_renewed_lease_rings_no_bell(self, storage: Storage) -> None:
        """It changes nothing that anybody waits for."""
        lease = Lease(worker="worker", until=LATER)
        assert not any(self._rings(storage, lambda kept, job: kept.jobs.renew(job.id, lease)))

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

    def test_a_lane_is_held_by_one(self, storage: Storage) -> None:
        """And free for the next when it is released."""
        one, two = self._locks(storage, "Laptop", "Laptop")
        assert one.try_acquire()
        assert one.try_acquire(), "who holds it, holds it"
        assert not two.try_acquire()
        one.release()
        assert two.try_acquire()
        assert not one.try_acquire()
        two.release()

    def test_lanes_do_not_get_in_each_others_way(self, storage: Storage) -> None:
        """Whatever their names look like."""
        locks = self._locks(storage, "Laptop", "laptop", "Türm: 🗼?", "a" * 128, "..")
        assert all(lock.try_acquire() for lock in locks)
        for lock in locks:
            lock.release()

    def test_a_lane_that_is_not_held_can_be_released(self, storage: Storage) -> None:
        """It stays with whoever holds it."""
        one, two = self._locks(storage, "Laptop", "Laptop")
        one.release()
        assert one.try_acquire()
        two.release()
        assert not two.try_acquire()
        one.release()

    def test_a_lane_may_be_released_by_another_thread(self, storage: Storage) -> None:
        """A lock belongs to a lane, not to a thread."""
        one, two = self._locks(storage, "Laptop", "Laptop")
        assert one.try_acquire()
        helper = threading.Thread(target=one.release)
        helper.start()
        helper.join(60)
        assert two.try_acquire()
        two.release()

    def test_the_death_of_a_process_frees_its_lanes(self, storage: Storage, tmp_path: Path) -> None:
        """However sudden."""
        if not self.shared_by_processes:
            pytest.skip("this storage belongs to one process")
        spawn = multiprocessing.get_context("spawn")
        held = spawn.Event()
        (lock,) = self._locks(storage, "Laptop")
        holder = spawn.Process(
            target=hold_lane, args=(self.opener(tmp_path), "Laptop", held), daemon=True
        )
        holder.start()
        assert held.wait(60)
        assert not lock.try_acquire()
        holder.kill()
        holder.join(60)
        assert lock.try_acquire()
        lock.release()

    def test_the_downloads_are_fetched_by_one(self, storage: Storage) -> None:
        """Whatever lanes are held, and free for the next when it is released."""
        (lane,) = self._locks(storage, "fetching")
        one, two = storage.fetching_lock(), storage.fetching_lock()
        assert lane.try_acquire()
        assert one.try_acquire()
        assert not two.try_acquire()
        one.release()
        assert two.try_acquire()
        two.release()
        lane.release()

    def test_the_death_of_a_process_lets_another_fetch(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        """However sudden."""
        if not self.shared_by_processes:
            pytest.skip("this storage belongs to one process")
        spawn = multiprocessing.get_context("spawn")
        held = spawn.Event()
        lock = storage.fetching_lock()
        holder = spawn.Process(
            target=hold_fetching, args=(self.opener(tmp_path), held), daemon=True
        )
        holder.start()
        assert held.wait(60)
        assert not lock.try_acquire()
        holder.kill()
        holder.join(60)
        assert lock.try_acquire()
        lock.release()

    def test_everything_survives_a_restart(self, storage: Storage, tmp_path: Path) -> None:
        """What was kept is there again, and numbers go on growing."""
        if not self.survives_restart:
            pytest.skip("this storage forgets")
        key = IdempotencyKey(key="k", digest="d")
        ordered = pending()
        storage.servers.add(laptop(password="secret", username="me"), server_event())
        kept = storage.jobs.add([ordered], key)
        add(storage, pending(1))
        running = claimed(storage)
        (found,) = save(storage, model())
        storage.models.keep_fingerprints(ROOT, {"": "as it was"})
        storage.identities.save([FULL])
        added(storage, elaborate(not_before=None))
        fetching = fetched(storage)
        storage.jobs.set_paused(True, queue_event(EventKind.QUEUE_PAUSED))
        page, counts = storage.jobs.list(JobQuery()), storage.jobs.counts()
        log = list(storage.events.read())
        storage.close()

        with self.opener(tmp_path)() as again:
            assert again.jobs.list(JobQuery()) == page
            assert again.jobs.counts() == counts
            assert again.jobs.processing() == [running]
            assert again.jobs.add([pending()], key) == [running]
            assert again.jobs.paused()
            assert again.servers.get("Laptop").password == "secret"
            assert again.models.get(found.id) == found
            assert again.models.fingerprints(ROOT) == {"": "as it was"}
            assert again.identities.of([FULL.sha256]) == {FULL.sha256: FULL}
            assert again.downloads.get(fetching.id) == fetching
            assert list(again.events.read()) == log
            (new,) = add(again, pending())
            assert new.number > max(job.number for job in (*kept, *page.jobs))
            assert again.events.last() == len(log) + 1

    def test_closing_twice_does_no_harm(self, storage: Storage) -> None:
        """The second time there is nothing to do."""
        storage.close()
        storage.close()

    @staticmethod
    def _rings(storage: Storage, do: Doing) -> tuple[int, int]:
        """How often the bells for work and for changes ring.

        Before, a job and a download are under way, and one of each waits.
        """
        storage.servers.add(laptop(alias="Tower"), server_event())
        add(storage, pending(), pending())
        job = claimed(storage)
        added(storage, queued(priority=1), queued())
        fetched(storage)
        work, changes = storage.work.rings, storage.changes.rings
        do(storage, job)
        return storage.work.rings - work, storage.changes.rings - changes

    @staticmethod
    def _locks(storage: Storage, *aliases: str) -> list[ProcessLock]:
        return [storage.lane_lock(alias) for alias in aliases]


def _running(storage: Storage) -> Download:
    (running,) = storage.downloads.with_status(DownloadStatus.DOWNLOADING)
    return running


def _waiting(storage: Storage) -> Download:
    (waiting,) = storage.downloads.with_status(DownloadStatus.QUEUED)
    return waiting
