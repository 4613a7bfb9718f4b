"""Locks are held as long as the connection lives, and whoever has lost it knows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.storage.real_postgres import Schemas
from tests.waiting import until

from stablequeue_core.storage.postgres import PostgresStorage
from stablequeue_core.storage.postgres.connecting import SESSION, UNLESS_GIVEN

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
    assert two.try_acquire()
    assert not one.try_acquire()


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
