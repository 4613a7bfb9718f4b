"""A queue in PostgreSQL that is half made, damaged, or not ours to see is told as what it is."""

from __future__ import annotations

import psycopg
import pytest
from tests.storage.real_postgres import RealPostgres, Schemas

from stablequeue_core.downloads import DownloadStatus
from stablequeue_core.errors import StorageCorrupt, StorageReadOnly
from stablequeue_core.jobs import IdempotencyKey, JobQuery
from stablequeue_core.storage.postgres import PostgresStorage
from stablequeue_core.testing.contracts.download_samples import added, queued
from stablequeue_core.testing.contracts.samples import add, pending


@pytest.fixture
def name(schemas: Schemas) -> str:
    """A schema with a queue that has one job."""
    name = schemas.new()
    with PostgresStorage(schemas.url, schema=name) as storage:
        add(storage, pending())
    return name


def damage(schemas: Schemas, name: str, statements: str) -> None:
    """What another program does in this schema."""
    with psycopg.connect(schemas.url, autocommit=True) as connection:
        connection.execute("SELECT set_config('search_path', quote_ident(%s), false)", (name,))
        connection.execute(statements.encode())


VERSIONS = {
    "none": "DELETE FROM stablequeue",
    "zero": "UPDATE stablequeue SET version = 0",
    "below zero": "UPDATE stablequeue SET version = -3",
    "nothing": """
        ALTER TABLE stablequeue ALTER version DROP NOT NULL; UPDATE stablequeue SET version = NULL
    """,
    "a word": """
        ALTER TABLE stablequeue ALTER version TYPE text; UPDATE stablequeue SET version = 'two'
    """,
}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_schema_with_a_version_that_cannot_be_is_left_alone(
    schemas: Schemas, name: str, version: str
) -> None:
    damage(schemas, name, VERSIONS[version])
    with pytest.raises(StorageCorrupt, match=r"no version .* backup"):
        PostgresStorage(schemas.url, schema=name)


MISSING = {
    "the column of the version": "ALTER TABLE stablequeue RENAME version TO v",
    "the queue": "DROP TABLE queue",
    "its counters": "ALTER TABLE queue DROP sequence",
}


@pytest.mark.parametrize("what", MISSING)
def test_a_schema_that_lacks_something_says_so(schemas: Schemas, name: str, what: str) -> None:
    damage(schemas, name, MISSING[what])
    with pytest.raises(StorageCorrupt, match="missing"):
        PostgresStorage(schemas.url, schema=name)


def test_a_schema_in_which_the_name_of_a_table_is_taken_says_so(schemas: Schemas) -> None:
    name = schemas.new()
    quoted = name.replace('"', '""')
    schemas.execute(f'CREATE SCHEMA "{quoted}"; CREATE VIEW "{quoted}".jobs AS SELECT 1')
    with pytest.raises(StorageCorrupt, match="another program"):
        PostgresStorage(schemas.url, schema=name)


def test_a_queue_without_its_row_is_not_opened(schemas: Schemas, name: str) -> None:
    damage(schemas, name, "DELETE FROM queue")
    with pytest.raises(StorageCorrupt, match=r"row of the table queue.* backup"):
        PostgresStorage(schemas.url, schema=name)


def test_a_queue_whose_row_goes_while_it_is_open_says_so(schemas: Schemas, name: str) -> None:
    with PostgresStorage(schemas.url, schema=name) as storage:
        damage(schemas, name, "DELETE FROM queue")
        for call in (
            lambda: add(storage, pending()),
            lambda: storage.jobs.add([pending()], IdempotencyKey(key="k", digest="d")),
            lambda: storage.jobs.list(JobQuery()),
            storage.jobs.counts,
            storage.jobs.paused,
            storage.events.last,
            lambda: added(storage, queued()),
            lambda: list(storage.dump()),
            storage.examine,
        ):
            with pytest.raises(StorageCorrupt, match="row of the table queue"):
                call()
        assert storage.downloads.with_status(DownloadStatus.QUEUED) == ()


def test_a_user_who_may_not_look_into_the_schema_is_not_told_that_it_is_damaged(
    postgres: RealPostgres, schemas: Schemas, name: str
) -> None:
    schemas.execute("CREATE ROLE passer_by LOGIN")
    with pytest.raises(StorageReadOnly, match="may not do this") as caught:
        PostgresStorage(postgres.url_of("postgres", user="passer_by"), schema=name)
    assert "backup" not in caught.value.message
