"""All processes tell the database's time, whatever their own clocks say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from tests.storage.real_postgres import RealPostgres, Schemas

from stablequeue_core.storage.postgres import PostgresStorage
from stablequeue_core.storage.postgres.clock import SMALL_STEP, DatabaseClock

CLOSE = timedelta(seconds=0.5)
"""Far more than it takes to ask, far less than a wrong clock."""


class Seconds:
    """Seconds that pass when a test says so."""

    def __init__(self, start: float) -> None:
        self.passed = start

    def __call__(self) -> float:
        return self.passed


class Told:
    """A connection to a database whose clock a test sets."""

    def __init__(self, moment: float) -> None:
        self.moment = moment

    def execute(self, _: str) -> Told:
        return self

    def fetchone(self) -> tuple[float]:
        return (self.moment,)


@pytest.fixture
def connection(postgres: RealPostgres) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        yield connection


def test_processes_with_different_clocks_agree_on_the_time(
    connection: psycopg.Connection[tuple[object, ...]],
) -> None:
    """One counts its seconds from yesterday, the other from next year."""
    clocks = [
        DatabaseClock(lambda: time.monotonic() - 86_400.0),
        DatabaseClock(lambda: time.monotonic() + 365 * 86_400.0),
    ]
    for clock in clocks:
        clock.measure(connection)
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    for clock in clocks:
        assert abs(clock.now() - row[0]) < CLOSE  # type: ignore[operator]


def test_a_storage_tells_the_time_of_its_database(schemas: Schemas) -> None:
    with PostgresStorage(schemas.url, schema=schemas.new()) as storage:
        ((there,),) = storage.database.fetch("SELECT clock_timestamp()")
        assert abs(storage.clock.now() - there) < CLOSE
        assert storage.clock.now().microsecond % 1000 == 0


def test_time_does_not_go_back_when_it_is_measured_anew() -> None:
    """Where we were a little ahead, time stands still until the database is as late."""
    seconds, database = Seconds(100.0), Told(1_000_000.0)
    clock = DatabaseClock(seconds)
    clock.measure(database)  # type: ignore[arg-type]
    first = clock.now()
    seconds.passed += 10
    database.moment += 9.7
    assert clock.now() == first + timedelta(seconds=10)
    clock.measure(database)  # type: ignore[arg-type]
    assert clock.now() == first + timedelta(seconds=10)
    seconds.passed += 1
    assert clock.now() == first + timedelta(seconds=10.7)


def test_a_database_whose_clock_was_set_back_is_followed() -> None:
    """Far back: else no time would pass for hours."""
    seconds, database = Seconds(0.0), Told(1_000_000.0)
    clock = DatabaseClock(seconds)
    clock.measure(database)  # type: ignore[arg-type]
    clock.now()
    database.moment -= 3600
    assert clock.is_off(database.moment, asked=0.0, answered=0.1)
    clock.measure(database)  # type: ignore[arg-type]
    assert clock.now() == datetime.fromtimestamp(1_000_000.0 - 3600, UTC)
    assert not clock.is_off(database.moment + SMALL_STEP / 2, asked=0.0, answered=0.1)
