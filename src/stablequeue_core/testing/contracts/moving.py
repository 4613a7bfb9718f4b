"""The promises about a storage whose queue goes elsewhere."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest

from stablequeue_core.errors import StorageBusy, StorageError, StorageMoved
from stablequeue_core.jobs import IdempotencyKey, JobQuery
from stablequeue_core.storage import Move, Storage
from stablequeue_core.storage.copying import move
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.contracts.bells import EVERYTHING, Doing, prepare
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.costs import FULL as COST
from stablequeue_core.testing.contracts.identities import FULL as IDENTITY
from stablequeue_core.testing.contracts.samples import (
    LATER,
    ROOT,
    add,
    model,
    pending,
    save,
)
from stablequeue_core.testing.race import Opener, hold_fence

AWAY = Move(to="the 'queue' of o\"Neill's räv {狐} at $1 %s", at=LATER)
CHANGES: Mapping[str, Doing] = {
    **EVERYTHING,
    "a job with a key": lambda storage, job: storage.jobs.add(
        [pending()], IdempotencyKey(key="k", digest="d")
    ),
    "several new jobs": lambda storage, job: add(storage, *(pending() for _ in range(100))),
    "a cost": lambda storage, job: storage.costs.save(COST),
    "a sign of life": lambda storage, job: storage.reports.beat("worker", LATER),
    "a model": lambda storage, job: save(storage, model()),
    "a folder": lambda storage, job: storage.models.keep_fingerprints(ROOT, {"": "as it is"}),
    "an identity": lambda storage, job: storage.identities.save([IDENTITY]),
    "old events": lambda storage, job: storage.events.trim(before=LATER, limit=1),
}


class MovingContract(StorageCase):
    """The promises of ``fence``, ``moved`` and ``reopen``, as tests."""

    def test_a_queue_is_where_it_is(self, storage: Storage) -> None:
        """Unless somebody has moved it; and its place has a name."""
        assert storage.moved() is None
        assert storage.reopen() is None
        assert storage.location()

    def test_all_can_be_read_while_nobody_may_change_anything(self, storage: Storage) -> None:
        """What others change meanwhile waits, or is refused; afterwards all goes on."""
        with ThreadPoolExecutor(1) as another:
            with storage.fence():
                late = another.submit(_what_comes_of, lambda: add(storage, pending()))
                assert storage.jobs.list(JobQuery()).total == 0
                assert sum(len(chunk.values) for chunk in storage.dump()) == 1
            refused = isinstance(late.result(60), StorageBusy)
        assert refused or late.result() is None
        assert storage.moved() is None
        add(storage, pending())
        assert storage.jobs.list(JobQuery()).total == 2 - refused

    def test_what_breaks_off_leaves_the_queue_where_it_is(self, storage: Storage) -> None:
        """Also if it was to be left."""
        with pytest.raises(OSError, match="disk"):
            _break_off(storage)
        assert storage.moved() is None
        add(storage, pending())

    def test_the_death_of_a_process_leaves_the_queue_where_it_is(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        """However sudden."""
        self._only_if_shared()
        spawn = multiprocessing.get_context("spawn")
        held = spawn.Event()
        holder = spawn.Process(target=hold_fence, args=(self.opener(tmp_path), held), daemon=True)
        holder.start()
        assert held.wait(60)
        with ThreadPoolExecutor(1) as another:
            late = another.submit(add, storage, pending())
            holder.kill()
            holder.join(60)
            assert len(late.result(60)) == 1
        assert storage.moved() is None

    def test_a_queue_that_was_moved_takes_no_change_of_anybody(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        """Whoever opened it, and when; each is told where it is."""
        job = prepare(storage)
        before = storage.jobs.list(JobQuery()), list(storage.events.read())
        with self._again(storage, tmp_path) as other, other.fence() as leave:
            leave(AWAY)
        for what, change in CHANGES.items():
            refused = _what_comes_of(partial(change, storage, job))
            assert isinstance(refused, StorageMoved), what
        with self._again(storage, tmp_path) as newer:
            with pytest.raises(StorageMoved, match="2025") as caught:
                add(newer, pending())
            assert caught.value.to == AWAY.to
            assert newer.moved() == AWAY
        assert (storage.jobs.list(JobQuery()), list(storage.events.read())) == before

    def test_a_queue_is_moved_once(self, storage: Storage) -> None:
        """What is left is not copied again."""
        with storage.fence() as leave:
            leave(AWAY)
        with pytest.raises(StorageMoved), storage.fence():
            raise AssertionError("nobody comes here")
        assert storage.moved() == AWAY

    def test_a_queue_can_be_told_to_go_on_where_it_was(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        """Whoever has it open notices, too."""
        with storage.fence() as leave:
            leave(AWAY)
        assert isinstance(_what_comes_of(lambda: add(storage, pending())), StorageMoved)
        with self._again(storage, tmp_path) as other:
            assert other.reopen() == AWAY
        add(storage, pending())
        assert storage.moved() is None
        with storage.fence() as leave:
            leave(AWAY)
        assert storage.moved() == AWAY

    def test_no_job_is_accepted_that_a_move_leaves_behind(self, storage: Storage) -> None:
        """Threads go on adding until they are told."""
        with ThreadPoolExecutor(2) as others, MemoryStorage() as target:
            adding = [others.submit(_add_until_moved, storage) for _ in range(2)]
            _wait_for_jobs(storage)
            move(storage, target)
            accepted = {job_id for each in adding for job_id in each.result(60)}
            assert accepted == {job.id for job in target.jobs.open_on("Laptop")}
        assert accepted == {job.id for job in storage.jobs.open_on("Laptop")}

    def test_no_job_is_accepted_elsewhere_that_a_move_leaves_behind(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        """Processes have had it open for as long as they please."""
        self._only_if_shared()
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, spawn) as others, MemoryStorage() as target:
            adding = others.submit(_open_and_add_until_moved, self.opener(tmp_path))
            _wait_for_jobs(storage)
            move(storage, target)
            accepted = set(adding.result(60))
            assert accepted == {job.id for job in target.jobs.open_on("Laptop")}
        assert accepted == {job.id for job in storage.jobs.open_on("Laptop")}

    def _again(self, storage: Storage, folder: Path) -> Storage | nullcontext[Storage]:
        """The same storage, opened once more where that can be."""
        return self.opener(folder)() if self.shared_by_processes else nullcontext(storage)

    def _only_if_shared(self) -> None:
        if not self.shared_by_processes:
            pytest.skip("this storage belongs to one process")


def _break_off(storage: Storage) -> None:
    with storage.fence() as leave:
        leave(AWAY)
        raise OSError("the other disk is gone")


def _what_comes_of(do: Callable[[], object]) -> StorageError | None:
    """The error of a change; None: it was made."""
    try:
        do()
    except StorageError as error:
        return error
    return None


def _add_until_moved(storage: Storage) -> list[str]:
    """Add jobs, one after the other; the ids of those that were accepted."""
    accepted: list[str] = []
    while True:
        try:
            accepted += (job.id for job in add(storage, pending()))
        except StorageBusy:
            continue
        except StorageMoved:
            return accepted


def _open_and_add_until_moved(opener: Opener) -> list[str]:
    with opener() as storage:
        return _add_until_moved(storage)


def _wait_for_jobs(storage: Storage) -> None:
    """Until others have added a few."""
    while storage.jobs.list(JobQuery()).total < 10:
        storage.changes.wait(storage.changes.rings, 0.01)
