"""Locks are held as long as the connection lives, and whoever has lost it knows."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.storage.cut_line import CutLine
from tests.storage.real_postgres import RealPostgres, Schemas
from tests.waiting import until

from stablequeue_core.errors import QueueClosed, StorageError, StorageUnreachable
from stablequeue_core.storage.postgres import PostgresStorage
from stablequeue_core.storage.postgres.connecting import CONNECT_SECONDS, SESSION, UNLESS_GIVEN
from stablequeue_core.storage.postgres.locks import SURE_SECONDS

Pair = tuple[PostgresStorage, PostgresStorage]

EVERYBODY = (
    "SELECT pid FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
HOLDERS = "SELECT pid FROM pg_locks WHERE locktype = 'advisory'"
LONGEST_SILENCE = 15.0
"""Seconds after which a lost computer's locks must be free, by the port."""


@pytest.fixture
def storages(schemas: Schemas) -> Iterator[Pair]:
    """The same queue, opened twice, as two processes would."""
    name = schemas.new()
    with (
        PostgresStorage(schemas.url, schema=name) as one,
        PostgresStorage(schemas.url, schema=name) as other,
    ):
        yield one, other


def test_two_processes_exclude_each_other(storages: Pair) -> None:
    one, other = (storage.lane_lock("Laptop") for storage in storages)
    assert one.try_acquire()
    assert not other.try_acquire()
    one.release()
    assert other.try_acquire()


def test_a_lock_that_was_lost_with_its_connection_is_taken_anew(
    storages: Pair, schemas: Schemas
) -> None:
    lock, other = (storage.lane_lock("Laptop") for storage in storages)
    assert lock.try_acquire()
    schemas.cut(HOLDERS)
    assert lock.try_acquire()
    assert not other.try_acquire()


def test_a_lock_that_somebody_else_took_meanwhile_is_theirs(
    storages: Pair, schemas: Schemas
) -> None:
    """All locks of the connection are lost together."""
    lane, fetching = storages[0].lane_lock("Laptop"), storages[0].fetching_lock()
    theirs = storages[1].lane_lock("Laptop")
    assert lane.try_acquire()
    assert fetching.try_acquire()
    schemas.cut(HOLDERS)
    assert theirs.try_acquire()
    assert not lane.try_acquire()
    assert fetching.try_acquire()
    lane.release()
    assert not lane.try_acquire(), "releasing what was lost takes nothing from its new holder"


def test_after_an_outage_each_process_has_first_what_it_had_before(
    storages: Pair, schemas: Schemas
) -> None:
    """All have lost all locks at once; what runs elsewhere must not be taken for an orphan."""
    mine, theirs = (storage.lane_lock("Laptop") for storage in storages)
    nobodys = storages[1].lane_lock("Desktop")
    assert mine.try_acquire()
    assert not theirs.try_acquire()
    schemas.cut(EVERYBODY)
    assert not theirs.try_acquire()
    assert not nobodys.try_acquire()
    assert mine.try_acquire()
    until(nobodys.try_acquire)
    assert not theirs.try_acquire()


def test_two_locks_of_one_process_exclude_each_other_after_a_loss(
    storages: Pair, schemas: Schemas
) -> None:
    one, two = storages[0].lane_lock("Laptop"), storages[0].lane_lock("Laptop")
    assert one.try_acquire()
    schemas.cut(HOLDERS)
    assert not two.try_acquire()
    assert one.try_acquire()


def test_all_locks_that_were_lost_are_taken_anew_as_soon_as_one_is_asked_for(
    storages: Pair, schemas: Schemas
) -> None:
    """Those of a hundred lanes that sleep are not left to others until each of them wakes up."""
    mine = [storages[0].lane_lock(name) for name in ("Laptop", "Desktop", "Tower")]
    theirs = [storages[1].lane_lock(name) for name in ("Laptop", "Desktop", "Tower")]
    assert all(lock.try_acquire() for lock in mine)
    assert not any(lock.try_acquire() for lock in theirs)
    mine[2].release()
    schemas.cut(HOLDERS)
    assert mine[0].try_acquire()
    assert [lock.term for lock in mine] == [2, 2, 1]
    assert [lock.try_acquire() for lock in theirs] == [False, False, True]


def test_a_lock_that_others_had_for_a_moment_shows_that_it_was_lost(
    storages: Pair, schemas: Schemas
) -> None:
    mine, theirs = (storage.lane_lock("Laptop") for storage in storages)
    assert mine.try_acquire()
    schemas.cut(HOLDERS)
    assert theirs.try_acquire()
    theirs.release()
    assert mine.try_acquire()
    assert mine.term == 2


def test_while_no_connection_can_be_had_nobody_waits_for_what_another_has_just_tried(
    postgres: RealPostgres,
) -> None:
    """A hundred lanes ask at once, and each attempt may take seconds."""
    with CutLine(postgres.url) as line, PostgresStorage(line.url) as storage:
        locks = [storage.lane_lock(f"Laptop {n}") for n in range(20)]
        assert all(lock.try_acquire() for lock in locks)
        line.fall_silent()
        began = time.monotonic()
        with ThreadPoolExecutor(len(locks)) as threads:
            refused = [
                type(asked.exception())
                for asked in [threads.submit(lock.try_acquire) for lock in locks]
            ]
        assert time.monotonic() - began < 2 * CONNECT_SECONDS
        assert refused == [StorageUnreachable] * len(locks)


def test_locks_can_be_released_while_a_connection_is_waited_for(postgres: RealPostgres) -> None:
    with CutLine(postgres.url) as line, PostgresStorage(line.url) as storage:
        lock = storage.lane_lock("Laptop")
        assert lock.try_acquire()
        line.fall_silent()
        with ThreadPoolExecutor(1) as thread:
            asked = thread.submit(lock.try_acquire)
            until(lambda: line.waiting)
            lock.release()
            assert not asked.done()


@pytest.mark.skipif(sys.platform == "win32", reason="no signal stops a process there")
def test_a_storage_is_closed_although_the_database_hangs_and_its_locks_are_free(
    storages: Pair, schemas: Schemas
) -> None:
    """Whoever waits for an answer about a lock learns that it is over."""
    mine, theirs = (storage.lane_lock("Laptop") for storage in storages)
    assert mine.try_acquire()
    with schemas.hanging(HOLDERS), ThreadPoolExecutor(1) as thread:
        threading.Event().wait(2 * SURE_SECONDS)
        asked = thread.submit(mine.try_acquire)
        storages[0].close()
        assert isinstance(asked.exception(10), StorageError | QueueClosed)
    until(theirs.try_acquire)


def test_the_locks_of_a_lost_computer_are_free_in_time() -> None:
    """The server asks often enough whether it is still there; and it notices that before."""
    theirs = (
        int(SESSION["tcp_keepalives_idle"])
        + int(SESSION["tcp_keepalives_interval"]) * int(SESSION["tcp_keepalives_count"])
    )  # fmt: skip
    ours = (
        UNLESS_GIVEN["keepalives_idle"]
        + UNLESS_GIVEN["keepalives_interval"] * UNLESS_GIVEN["keepalives_count"]
    )
    assert ours < theirs < LONGEST_SILENCE
