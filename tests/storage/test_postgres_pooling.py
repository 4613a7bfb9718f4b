"""Why no connection can be had is told to whoever wants one, and not by psycopg in the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import psycopg
import pytest
from tests.storage.real_postgres import RealPostgres, Schemas

from stablequeue_core.errors import StorageUnreachable
from stablequeue_core.jobs import JobStatus
from stablequeue_core.storage.postgres import PostgresStorage, database

THEIRS = "SELECT pid FROM pg_stat_activity WHERE usename = 'guest'"
POOL_LOGGER = "psycopg.pool"


@pytest.fixture(scope="module")
def guest(postgres: RealPostgres) -> str:
    """The address of a database for a user who may have few connections."""
    postgres.make_database("guesthouse")
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN CONNECTION LIMIT 9")
        connection.execute("ALTER DATABASE guesthouse OWNER TO guest")
    return postgres.url_of("guesthouse", user="guest")


@pytest.fixture
def storage(
    guest: str, schemas: Schemas, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PostgresStorage]:
    """A queue of that user, which was working a moment ago; now there is no room for it."""
    monkeypatch.setattr(database, "PATIENCE", 0.5)
    with PostgresStorage(guest) as storage:
        assert storage.jobs.counts()[JobStatus.PENDING] == 0
        schemas.execute("ALTER ROLE guest CONNECTION LIMIT 0")
        try:
            yield storage
        finally:
            schemas.execute("ALTER ROLE guest CONNECTION LIMIT 9")


def refused(storage: PostgresStorage, schemas: Schemas) -> str:
    """What a call is told once the last of its connections is gone."""
    while True:
        schemas.cut(THEIRS)
        try:
            storage.jobs.counts()
        except StorageUnreachable as error:
            return error.message


def test_a_server_that_has_no_room_left_says_so_while_the_queue_runs(
    storage: PostgresStorage, schemas: Schemas
) -> None:
    assert "no room for another connection" in refused(storage, schemas)
    schemas.execute("ALTER ROLE guest CONNECTION LIMIT 9")
    assert storage.jobs.counts()[JobStatus.PENDING] == 0


def test_the_pool_tells_nobody_else_where_the_database_is(
    storage: PostgresStorage, schemas: Schemas, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.NOTSET, POOL_LOGGER)
    assert refused(storage, schemas)
    assert not [record for record in caplog.records if record.name == POOL_LOGGER]


def test_a_program_that_asked_for_the_log_of_the_pool_gets_it(
    storage: PostgresStorage, schemas: Schemas, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, POOL_LOGGER)
    assert refused(storage, schemas)
    assert [record for record in caplog.records if record.name == POOL_LOGGER]


def test_the_pools_of_the_program_itself_warn_as_before(
    storage: PostgresStorage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.NOTSET, POOL_LOGGER)
    logging.getLogger(POOL_LOGGER).warning("error connecting in %r: %s", "photos", "no route")
    assert [record.getMessage() for record in caplog.records if record.name == POOL_LOGGER] == [
        "error connecting in 'photos': no route"
    ]
