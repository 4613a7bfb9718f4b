"""A schema is made where there is none, and only what is ours is opened."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import pytest
from tests.storage import openers
from tests.storage.real_postgres import RealPostgres, Schemas

from stablequeue_core.errors import (
    QueueClosed,
    StorageCorrupt,
    StorageError,
    StorageReadOnly,
    StorageTooNew,
    StorageUnreachable,
)
from stablequeue_core.jobs import JobStatus
from stablequeue_core.storage.postgres import PostgresStorage
from stablequeue_core.testing.contracts.samples import add, pending

ODD_NAMES = ['Räv "quoted"', "sel'ect; --", "Tower\\Attic %s {}", "a" * 60]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_schema_may_have_any_name(postgres: RealPostgres, name: str) -> None:
    with PostgresStorage(postgres.url, schema=name) as storage:
        (kept,) = add(storage, pending())
    with PostgresStorage(postgres.url, schema=name) as again:
        assert again.jobs.get(kept.id) == kept
        assert again.jobs.counts()[JobStatus.PENDING] == 1
        assert again.examine() == []


def test_two_schemas_are_two_queues(schemas: Schemas) -> None:
    with (
        PostgresStorage(schemas.url, schema=schemas.new()) as one,
        PostgresStorage(schemas.url, schema=schemas.new()) as other,
    ):
        add(one, pending())
        assert other.jobs.counts()[JobStatus.PENDING] == 0
        assert one.lane_lock("Laptop").try_acquire()
        assert other.lane_lock("Laptop").try_acquire()


def test_many_processes_may_make_the_same_schema_at_once(schemas: Schemas) -> None:
    spawn = multiprocessing.get_context("spawn")
    gate = spawn.Barrier(3)
    names = [schemas.new() for _ in range(3)]
    open_each = [partial(PostgresStorage, schemas.url, schema=name) for name in names]
    with ProcessPoolExecutor(3, spawn, initializer=openers.meet_at, initargs=(gate,)) as pool:
        opened = list(pool.map(openers.open_each_together, [open_each] * 3))
    assert opened == [len(names)] * 3
    with open_each[0]() as storage:
        assert storage.jobs.counts()[JobStatus.PENDING] == 3


def test_a_schema_of_a_newer_version_is_refused(schemas: Schemas) -> None:
    name = schemas.new()
    with PostgresStorage(schemas.url, schema=name) as storage:
        storage.database.change("UPDATE stablequeue SET version = 99 RETURNING 1", ())
    with pytest.raises(StorageTooNew, match="99"):
        PostgresStorage(schemas.url, schema=name)


def test_a_schema_of_another_program_is_left_alone(schemas: Schemas) -> None:
    name = schemas.new()
    schemas.execute(f"CREATE SCHEMA {name_of(name)}; CREATE TABLE {name_of(name)}.jobs (x int)")
    with pytest.raises(StorageCorrupt, match="another program"):
        PostgresStorage(schemas.url, schema=name)


def test_a_database_that_cannot_hold_all_characters_is_refused(postgres: RealPostgres) -> None:
    postgres.make_database("latin", encoding="LATIN1")
    with pytest.raises(StorageError, match="UTF8"):
        PostgresStorage(postgres.url_of("latin"))


def test_a_user_that_may_not_make_a_schema_is_told_so(
    postgres: RealPostgres, schemas: Schemas
) -> None:
    schemas.execute("CREATE ROLE visitor LOGIN")
    with pytest.raises(StorageReadOnly, match="create schemas"):
        PostgresStorage(postgres.url_of("postgres", user="visitor"), schema=schemas.new())


UNREACHABLE = {
    "nobody listens": (
        "postgresql://me:geheim@127.0.0.1:1/queue",
        "at 127.0.0.1, port 1, cannot be reached",
    ),
    "no such host": (
        "postgresql://me:geheim@nowhere.invalid/queue",
        "at nowhere.invalid, port 5432, cannot be reached",
    ),
    "a password with an @": ("postgresql://me:x@geheim@127.0.0.1:1/queue", "server cannot be re"),
    "a password with a slash": ("postgresql://geheim:12/geheim@[::1]:1/queue", "cannot be re"),
    "no address": ("postgresql://me:geheim@[half/queue", "cannot be read"),
    "a port that is none": ("postgresql://me:geheim@127.0.0.1:port/queue", "cannot be re"),
    "no text": ("postgresql://me:geheim\udcff@127.0.0.1:1/queue", "cannot be read"),
    "a timeout that is none": (
        "postgresql://me:geheim@127.0.0.1:1/queue?connect_timeout=geheim",
        "cannot be read",
    ),
}


@pytest.mark.parametrize("what", UNREACHABLE)
def test_an_address_that_leads_nowhere_is_told_without_its_secrets(what: str) -> None:
    url, sentence = UNREACHABLE[what]
    with pytest.raises(StorageUnreachable, match=sentence) as caught:
        PostgresStorage(url)
    said = f"{caught.value} {caught.value.details}"
    assert not any(secret in said for secret in ("geheim", "me:", "half"))


def test_an_unknown_database_and_an_unknown_user_are_told_apart(postgres: RealPostgres) -> None:
    with pytest.raises(StorageUnreachable, match="no database of that name"):
        PostgresStorage(postgres.url_of("attic"))
    with pytest.raises(StorageUnreachable, match="user name"):
        PostgresStorage(postgres.url_of("postgres", user="stranger"))


def test_without_psycopg_it_can_be_imported_and_says_what_to_install() -> None:
    program = """
import sys
sys.modules["psycopg"] = None
from stablequeue_core.storage.postgres import PostgresStorage
from stablequeue_core.errors import ExtraMissing
try:
    PostgresStorage("postgresql://localhost/queue")
except ExtraMissing as missing:
    assert "stablequeue[postgres]" in str(missing)
else:
    raise SystemExit("it was opened")
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_closed_storage_says_so(schemas: Schemas) -> None:
    storage = PostgresStorage(schemas.url, schema=schemas.new())
    lock = storage.lane_lock("Laptop")
    storage.close()
    with pytest.raises(QueueClosed):
        storage.jobs.counts()
    with pytest.raises(QueueClosed):
        add(storage, pending())
    with pytest.raises(QueueClosed):
        lock.try_acquire()


SETTINGS: dict[str, Any] = {
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
}


def test_an_accepted_job_is_on_disk_whatever_the_server_is_set_to(
    postgres: RealPostgres, schemas: Schemas
) -> None:
    """A database may be told to answer before it has written, or to isolate otherwise."""
    postgres.make_database("hasty")
    schemas.execute("ALTER DATABASE hasty SET synchronous_commit = off")
    schemas.execute("ALTER DATABASE hasty SET default_transaction_isolation = 'serializable'")
    with PostgresStorage(postgres.url_of("hasty")) as storage:
        for setting, value in SETTINGS.items():
            assert storage.database.fetch(f"SHOW {setting}") == [(value,)]


def name_of(schema: str) -> str:
    return '"{}"'.format(schema.replace('"', '""'))
