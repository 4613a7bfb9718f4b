"""What every storage must do: everything."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stablequeue_core.events import EventKind
from stablequeue_core.jobs import IdempotencyKey, JobQuery
from stablequeue_core.storage import ProcessLock, Storage
from stablequeue_core.testing.contracts.bells import RingingContract
from stablequeue_core.testing.contracts.costs import FULL as COST
from stablequeue_core.testing.contracts.costs import CostStoreContract
from stablequeue_core.testing.contracts.download_samples import added, elaborate, fetched, queued
from stablequeue_core.testing.contracts.downloads import DownloadStoreContract
from stablequeue_core.testing.contracts.dumping import DumpingContract
from stablequeue_core.testing.contracts.events import EventLogContract
from stablequeue_core.testing.contracts.identities import FULL, IdentityStoreContract
from stablequeue_core.testing.contracts.jobs import JobStoreContract
from stablequeue_core.testing.contracts.models import ModelStoreContract
from stablequeue_core.testing.contracts.moving import MovingContract
from stablequeue_core.testing.contracts.reports import ReportStoreContract
from stablequeue_core.testing.contracts.samples import (
    ROOT,
    add,
    claimed,
    deleted,
    laptop,
    model,
    pending,
    queue_event,
    save,
    server_event,
)
from stablequeue_core.testing.contracts.servers import ServerStoreContract
from stablequeue_core.testing.race import hold_fetching, hold_lane


class StorageContract(
    JobStoreContract,
    ServerStoreContract,
    CostStoreContract,
    ReportStoreContract,
    ModelStoreContract,
    IdentityStoreContract,
    DownloadStoreContract,
    EventLogContract,
    RingingContract,
    DumpingContract,
    MovingContract,
):
    """The promises of :class:`~stablequeue_core.storage.Storage` and its stores, as tests.

    Example::

        class TestMyStorage(StorageContract):
            shared_by_processes = True

            def opener(self, folder: Path) -> Callable[[], Storage]:
                return functools.partial(MyStorage, folder / "queue.db")
    """

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

    def test_a_lane_shows_how_often_it_was_taken(self, storage: Storage) -> None:
        """Not how often it was asked for: while it shows the same, nobody had it in between."""
        one, two = self._locks(storage, "Laptop", "Laptop")
        first = one.term
        assert one.try_acquire()
        taken = one.term
        assert taken > first
        assert one.try_acquire()
        assert not two.try_acquire()
        assert one.term == taken
        one.release()
        assert one.try_acquire()
        assert one.term > taken
        one.release()

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
        assert _soon(lock.try_acquire)
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
        assert _soon(lock.try_acquire)
        lock.release()

    def test_one_tidies_up(self, storage: Storage) -> None:
        """Whoever fetches, and whatever lanes are held."""
        fetching, one, two = (
            storage.fetching_lock(),
            storage.tidying_lock(),
            storage.tidying_lock(),
        )
        assert fetching.try_acquire()
        assert one.try_acquire()
        assert not two.try_acquire()
        one.release()
        assert two.try_acquire()
        two.release()
        fetching.release()

    def test_a_storage_that_is_well_says_nothing(self, storage: Storage) -> None:
        """Empty or not."""
        assert list(storage.examine()) == []
        add(storage, pending())
        added(storage, queued())
        assert list(storage.examine()) == []

    def test_room_is_given_back_little_by_little(self, storage: Storage) -> None:
        """Until there is none left; what is kept stays as it is."""
        long = {"positive_prompt": "long " * 2000}
        jobs = add(storage, *(pending(params=long) for _ in range(200)))
        for job in jobs[:-1]:
            deleted(storage, job)
        while storage.shrink():
            assert storage.jobs.get(jobs[-1].id) == jobs[-1]
        assert storage.shrink() == 0
        assert storage.jobs.list(JobQuery()).jobs == (jobs[-1],)
        assert list(storage.examine()) == []

    def test_the_clock_tells_the_time(self, storage: Storage) -> None:
        """In UTC, in whole milliseconds; it goes on."""
        now = storage.clock.now()
        assert now.utcoffset() == timedelta(0)
        assert now.microsecond % 1000 == 0
        assert abs(datetime.now(UTC) - now) < timedelta(minutes=5)
        assert storage.clock.monotonic() <= storage.clock.monotonic()

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
        storage.costs.save(COST)
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
            assert list(again.costs.all()) == [COST]
            assert list(again.events.read()) == log
            (new,) = add(again, pending())
            assert new.number > max(job.number for job in (*kept, *page.jobs))
            assert again.events.last() == len(log) + 1

    def test_closing_twice_does_no_harm(self, storage: Storage) -> None:
        """The second time there is nothing to do."""
        storage.close()
        storage.close()

    @staticmethod
    def _locks(storage: Storage, *aliases: str) -> list[ProcessLock]:
        return [storage.lane_lock(alias) for alias in aliases]


def _soon(holds: Callable[[], bool]) -> bool:
    """Whether it holds within the time that the port gives to whoever has to notice a death."""
    pause = threading.Event()
    deadline = time.monotonic() + 15
    while not holds():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.005)
    return True
