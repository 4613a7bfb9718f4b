"""What the doctor says of a PostgreSQL, a real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.core.doctor_clinic import PROBLEM, WARNING, told
from tests.storage.real_postgres import RealPostgres, real_postgres

from stablequeue_core import StableQueue
from stablequeue_core.assembly.doctor import examine_folder
from stablequeue_core.doctor import Diagnosis


@pytest.fixture(scope="module")
def server() -> Iterator[RealPostgres]:
    with real_postgres() as made:
        yield made


def examined(folder: Path, server: RealPostgres) -> Diagnosis:
    return examine_folder(folder, database_url=server.url, environment={})


def test_a_server_without_a_queue_stays_without_one(tmp_path: Path, server: RealPostgres) -> None:
    for _ in range(2):
        assert "holds no queue" in told(examined(tmp_path, server), "database", WARNING)


def test_a_queue_there_is_examined_and_the_clocks_are_compared(
    tmp_path: Path, server: RealPostgres
) -> None:
    with StableQueue.open(tmp_path, dispatch=False, database_url=server.url) as queue:
        queue.servers.add("Laptop", "http://127.0.0.1:9")
        of_open_queue = queue.examine()
    for diagnosis in (examined(tmp_path, server), of_open_queue):
        said = told(diagnosis, "database")
        assert "ok: PostgreSQL " in said
        assert "Everything in it is sound." in said
        assert "agrees" in told(diagnosis, "clock")
        assert "cannot be reached" in told(diagnosis, "server Laptop", PROBLEM)


def test_a_server_that_is_stopped_is_a_problem_and_the_rest_is_examined(
    tmp_path: Path, server: RealPostgres
) -> None:
    server.stop()
    try:
        diagnosis = examined(tmp_path, server)
    finally:
        server.start()
    assert told(diagnosis, "database", PROBLEM)
    assert told(diagnosis, "data folder")


DAMAGES = {
    "a version that cannot be": ("UPDATE stablequeue.stablequeue SET version = 0", "no version"),
    "no row of the queue": ("DELETE FROM stablequeue.queue", "row of the table queue"),
    "a job that cannot be read": ("UPDATE stablequeue.jobs SET params = '{'", "The record of job"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_queue_is_a_problem_and_the_rest_is_examined(
    tmp_path: Path, server: RealPostgres, damage: str
) -> None:
    statement, sentence = DAMAGES[damage]
    server.make_database(damage)
    url = server.url_of(damage)
    with StableQueue.open(tmp_path, dispatch=False, database_url=url) as queue:
        queue.servers.add("Laptop", "http://127.0.0.1:9")
        queue.submit("Laptop", positive_prompt="a cat")
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())
    diagnosis = examine_folder(tmp_path, database_url=url, environment={})
    assert sentence in told(diagnosis, "database", PROBLEM)
    assert told(diagnosis, "data folder")
