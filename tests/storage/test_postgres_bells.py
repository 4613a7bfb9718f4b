"""What another process changes rings the bells here, whatever happens to the connection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.storage.real_postgres import Schemas

from stablequeue_core.storage.postgres import PostgresStorage, listening
from stablequeue_core.testing.contracts.samples import add, claimed, completed, pending

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
