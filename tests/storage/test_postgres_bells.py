"""What another process changes rings the bells here, whatever happens to the connection."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest
from tests.storage.real_postgres import Schemas

from stablequeue_core.jobs import JobStatus
from stablequeue_core.storage.postgres import PostgresStorage, listening
from stablequeue_core.storage.postgres.connecting import Connected
from stablequeue_core.testing.contracts.samples import add, claimed, completed, model, pending

Pair = tuple[PostgresStorage, PostgresStorage]

TERMINATE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'stablequeue' AND query LIKE '%pg_notify%' AND pid <> pg_backend_pid()
"""


@pytest.fixture
def storages(schemas: Schemas) -> Iterator[Pair]:
    """The same queue, opened twice, as two processes would."""
    name = schemas.new()
    with (
        PostgresStorage(schemas.url, schema=name) as one,
        PostgresStorage(schemas.url, schema=name) as other,
    ):
        yield one, other


def test_our_own_changes_ring_once(storages: Pair) -> None:
    """Not again when the message comes back to us: what comes after it has come before it."""
    one, other = storages
    work, changes = one.work.rings, one.changes.rings
    add(one, pending())
    heard = other.changes.wait(0, 60)
    assert heard
    theirs = one.changes.wait(changes, 60)
    add(other, pending())
    assert one.changes.wait(theirs, 60) == changes + 2
    assert one.work.rings == work + 2


def test_many_changes_in_a_row_are_told_in_few_messages(storages: Pair) -> None:
    """All are rung for, but not one by one."""
    one, other = storages
    for _ in range(200):
        add(one, pending())
    heard = other.changes.wait(0, 60)
    assert other.work.wait(0, 60)
    assert heard < 200
    assert len(list(other.events.read())) == 200


def test_what_gives_nobody_work_does_not_ring_for_it_elsewhere(storages: Pair) -> None:
    one, other = storages
    add(one, pending())
    other.work.wait(0, 60)
    changes, work = other.changes.rings, other.work.rings
    done = completed(claimed(one))
    one.jobs.replace(*done)
    assert other.changes.wait(changes, 60) > changes
    assert other.work.rings == work


def test_after_the_connection_was_lost_both_bells_ring(storages: Pair, schemas: Schemas) -> None:
    """Nobody knows what was told meanwhile."""
    one, other = storages
    add(one, pending())
    add(other, pending())
    other.work.wait(0, 60)
    one.work.wait(1, 60)
    work, changes = other.work.rings, other.changes.rings
    schemas.execute(TERMINATE)
    assert other.work.wait(work, 60) > work
    assert other.changes.wait(changes, 60) > changes
    work = other.work.rings
    add(one, pending())
    assert other.work.wait(work, 60) > work


def test_a_change_that_its_process_died_before_telling_is_found(
    storages: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within seconds: somebody looks at the log."""
    monkeypatch.setattr(listening, "LOOK_SECONDS", 0.05)
    one, other = storages
    add(one, pending())
    other.work.wait(0, 60)
    work = other.work.rings
    one.database.transact(
        lambda connection: connection.execute("UPDATE queue SET sequence = sequence + 1").rowcount
    )
    assert other.work.wait(work, 60) > work


FOREIGN = ["hello", "", "one two three", "somebody work 7 and more", "9 " * 3000]
"""Whoever may connect may send them; a newer version of ours may speak so, too."""


@pytest.mark.parametrize("words", FOREIGN, ids=range(len(FOREIGN)))
def test_a_message_that_nobody_understands_rings_for_work(storages: Pair, words: str) -> None:
    one, other = storages
    work, changes = other.work.rings, other.changes.rings
    _notify(one, words)
    assert other.work.wait(work, 60) > work
    assert other.changes.wait(changes, 60) > changes
    _check_hears(one, other)


def test_a_message_that_tells_of_more_than_there_is_hides_nothing(
    storages: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "LOOK_SECONDS", 0.05)
    one, other = storages
    work = other.work.rings
    _notify(one, f"somebody work {2**63}")
    work = other.work.wait(work, 60)
    # It is looked at the log again: what is told of it cannot be.
    work = other.work.wait(work, 60)
    one.database.transact(
        lambda connection: connection.execute("UPDATE queue SET sequence = sequence + 1").rowcount
    )
    assert other.work.wait(work, 60) > work


def test_what_is_told_while_we_tell_something_ourselves_is_heard(storages: Pair) -> None:
    """It comes with the answer to what we have asked the database."""
    one, other = storages

    def tell_meanwhile(connection: Connected) -> int:
        connection.execute("LOCK TABLE queue IN ACCESS EXCLUSIVE MODE")
        other.models.save([model("Pony/a.safetensors", root="/models")])
        while not connection.execute(_WAITS_FOR_THE_LOCK).fetchall():
            threading.Event().wait(0.01)
        heard = other.work.rings
        _notify(one, "somebody work 0")
        return heard

    heard = one.database.transact(tell_meanwhile)
    assert other.work.wait(heard, 60) > heard


def test_who_listens_outlives_a_defect(
    storages: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told with its traceback, and both bells ring: nobody knows what was missed."""
    one, other = storages
    work = other.work.rings
    ring = other.work.ring

    def stumble() -> None:
        monkeypatch.setattr(other.work, "ring", ring)
        raise ZeroDivisionError

    monkeypatch.setattr(other.work, "ring", stumble)
    _notify(one, "hello")
    assert other.work.wait(work, 60) > work
    _check_hears(one, other)
    (told,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert told.exc_info


def test_who_listens_waits_for_a_queue_that_was_damaged(
    storages: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a traceback; and goes on when it was mended."""
    monkeypatch.setattr(listening, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(listening, "AGAIN_SECONDS", 0.05)
    one, other = storages
    add(one, pending())
    work = other.work.wait(0, 60)
    one.database.transact(lambda connection: connection.execute("DELETE FROM queue").rowcount)
    while not any("backup" in record.getMessage() for record in caplog.records):
        threading.Event().wait(0.01)
    one.database.transact(
        lambda connection: (
            connection.execute("INSERT INTO queue (number, sequence) VALUES (9, 9)").rowcount
        )
    )
    assert other.work.wait(work, 60) > work
    _check_hears(one, other)
    assert not any(record.exc_info for record in caplog.records)


_WAITS_FOR_THE_LOCK = """
    SELECT 1 FROM pg_locks WHERE relation = 'queue'::regclass AND NOT granted
"""


def _notify(storage: PostgresStorage, words: str) -> None:
    channel = storage.database.address.name_of("bells")
    storage.database.fetch("SELECT pg_notify(%s, %s)", (channel, words))


def _check_hears(one: PostgresStorage, other: PostgresStorage) -> None:
    """What one does is heard by the other."""
    changes = other.changes.rings
    add(one, pending())
    assert other.changes.wait(changes, 60) > changes
    assert other.jobs.counts()[JobStatus.PENDING]
