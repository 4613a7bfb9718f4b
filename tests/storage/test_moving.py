"""What each database does about a queue that was moved, beyond the contract."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from tests.storage.real_postgres import Schemas
from tests.storage.test_sqlite_schema import VERSION_3

from stablequeue_core.errors import StorageMoved
from stablequeue_core.storage import Move, Storage
from stablequeue_core.storage.postgres import PostgresStorage
from stablequeue_core.storage.postgres.moving import TABLES as POSTGRES_TABLES
from stablequeue_core.storage.postgres.moving import name_of
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.storage.sqlite.moving import TABLES as SQLITE_TABLES
from stablequeue_core.testing.contracts.samples import LATER, add, pending

AWAY = Move(to="the file 'queue.sqlite3' in the folder 'there'", at=LATER)
FILE = "queue.sqlite3"


def leave(storage: Storage) -> None:
    with storage.fence() as leaving:
        leaving(AWAY)


def test_no_table_of_a_file_is_left_out(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / FILE) as storage, storage.database.read() as connection:
        found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        names = {name for (name,) in found if not name.startswith("sqlite_")}
    assert set(SQLITE_TABLES) == names - {"moved"}


def test_no_table_of_a_schema_is_left_out(schemas: Schemas, tmp_path: Path) -> None:
    with PostgresStorage(schemas.url, schema=schemas.of(tmp_path)) as storage:
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        names = {name for (name,) in storage.database.fetch(tables)}
    assert set(POSTGRES_TABLES) == names - {"moved", "stablequeue"}


def test_a_program_that_knows_of_no_moves_is_told_in_words(tmp_path: Path) -> None:
    """A process of an older version may have had the file open for days."""
    with (
        SqliteStorage(tmp_path / FILE) as storage,
        closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as older,
    ):
        older.execute("UPDATE queue SET value = 1 WHERE name = 'paused'")
        leave(storage)
        with pytest.raises(sqlite3.IntegrityError, match=r"was moved at 2025.* the folder 'there'"):
            older.execute("UPDATE queue SET value = 0 WHERE name = 'paused'")


def test_what_other_programs_keep_in_the_file_stays_theirs(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / FILE) as storage:
        with storage.database.write() as connection:
            connection.execute("CREATE TABLE notes (name TEXT)")
        leave(storage)
        with storage.database.write() as connection:
            connection.execute("INSERT INTO notes VALUES ('new')")


def test_a_file_of_an_older_version_can_be_left_once_it_is_brought_forward(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as older:
        older.executescript(VERSION_3.read_text(encoding="utf-8"))
    with SqliteStorage(tmp_path / FILE) as storage:
        leave(storage)
        with pytest.raises(StorageMoved):
            add(storage, pending())


def test_a_schema_cannot_be_emptied_in_one_go_either(schemas: Schemas, tmp_path: Path) -> None:
    schema = schemas.of(tmp_path)
    with PostgresStorage(schemas.url, schema=schema) as storage:
        leave(storage)
        with pytest.raises(psycopg.errors.RaiseException, match="was moved at 2025"):
            schemas.execute(f'TRUNCATE "{schema}".jobs')


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("db.example", 5432, "the schema 'studio' of the PostgreSQL database 'q' at db.example"),
        ("::1", 6000, "the schema 'studio' of the PostgreSQL database 'q' at ::1, port 6000"),
        ("/var/run/postgresql", 6000, "the schema 'studio' of the PostgreSQL database 'q'"),
        ("", 5432, "the schema 'studio' of the PostgreSQL database 'q'"),
    ],
)
def test_a_schema_is_named_without_user_password_and_path(
    host: str, port: int, expected: str
) -> None:
    assert name_of("studio", "q", host, port) == expected
