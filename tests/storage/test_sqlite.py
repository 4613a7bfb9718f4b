"""SqliteStorage keeps the contract, and a few promises of its own."""

from __future__ import annotations

import multiprocessing
import os
import stat
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from tests.storage import openers

from stablequeue_core.errors import QueueClosed, StorageError
from stablequeue_core.jobs import JobFailure, JobQuery, JobStatus
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.contracts import StorageContract
from stablequeue_core.testing.contracts.samples import (
    add,
    cancelled,
    changed,
    claimed,
    deleted,
    given_back,
    laptop,
    pending,
    server_event,
)
from stablequeue_core.testing.race import Opener

FILE = "queue.db"


class TestSqliteStorage(StorageContract):
    shared_by_processes = True

    def opener(self, folder: Path) -> Opener:
        return partial(SqliteStorage, folder / FILE)


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "a" / "b" / FILE):
        assert (tmp_path / "a" / "b" / FILE).is_file()


def test_a_path_may_be_text(tmp_path: Path) -> None:
    with SqliteStorage(str(tmp_path / FILE)) as storage:
        assert add(storage, pending())


@pytest.mark.skipif(os.name != "posix", reason="file modes are of POSIX systems")
def test_nobody_but_its_owner_may_read_the_database(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / FILE) as storage:
        storage.servers.add(laptop(username="me", password="secret"), server_event())
        modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob(f"{FILE}*")}
    assert modes == {0o600}


@pytest.mark.parametrize("path", [":memory:", "file:queue.db?mode=memory"])
def test_a_database_that_is_no_file_is_refused(path: str) -> None:
    with pytest.raises(StorageError, match="MemoryStorage"):
        SqliteStorage(path)


def test_a_closed_storage_says_so(tmp_path: Path) -> None:
    storage = SqliteStorage(tmp_path / FILE)
    storage.close()
    with pytest.raises(QueueClosed):
        storage.jobs.counts()
    with pytest.raises(QueueClosed):
        add(storage, pending())


def test_closing_leaves_one_file_behind(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / FILE) as storage:
        add(storage, pending())
        storage.jobs.counts()
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_an_accepted_job_is_on_disk_before_the_answer(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / FILE) as storage, storage.database.write() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_half_a_character_from_a_server_does_not_stop_a_job(tmp_path: Path) -> None:
    """It has no form in UTF-8; JSON escapes it, and in a sentence it is spelled out."""
    lone = JobFailure(code="server_fault", message="half: \ud83d", details={"raw": "\ud83d"})
    with SqliteStorage(tmp_path / FILE) as storage:
        add(storage, pending())
        back, event = given_back(claimed(storage), failure=lone)
        waiting = storage.jobs.get(storage.jobs.replace(back, event).id)
        assert waiting.waiting_reason == "half: \\ud83d"
        assert waiting.attempts == back.attempts
        assert storage.events.read()[-1].data["reason"] == lone.message


def test_many_processes_may_make_the_same_database_at_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    gate = spawn.Barrier(4)
    with ProcessPoolExecutor(4, spawn, initializer=openers.meet_at, initargs=(gate,)) as pool:
        opened = list(pool.map(openers.open_together, [tmp_path] * 4))
    assert opened == [openers.ROUNDS] * 4
    with SqliteStorage(tmp_path / "0" / FILE) as storage:
        assert storage.jobs.counts()[JobStatus.PENDING] == 4


def test_a_second_storage_in_the_process_takes_no_locks_from_the_first(tmp_path: Path) -> None:
    """Else another process would take itself for the last one, and remove the log in use."""
    path = tmp_path / FILE
    opening = f"from {SqliteStorage.__module__} import *; SqliteStorage({str(path)!r}).close()"
    with SqliteStorage(path) as storage:
        add(storage, pending())
        SqliteStorage(path).close()
        subprocess.run([sys.executable, "-c", opening], check=True)
        assert path.with_name(f"{FILE}-wal").stat().st_size
        add(storage, pending())
    with SqliteStorage(path) as storage:
        assert storage.jobs.list(JobQuery()).total == 2


def test_the_counts_are_those_of_the_table(tmp_path: Path) -> None:
    """They are kept apart from the jobs, so they are compared with them once."""
    with SqliteStorage(tmp_path / FILE) as storage:
        jobs = add(storage, *(pending() for _ in range(20)))
        running = [claimed(storage) for _ in range(10)]
        for job in running[:5]:
            changed(storage, job, given_back)
        for job in running[5:8]:
            deleted(storage, changed(storage, job, cancelled))
        with storage.database.read() as connection:
            counted = dict(connection.execute("SELECT status, count(*) FROM jobs GROUP BY 1"))
        assert {k.value: n for k, n in storage.jobs.counts().items() if n} == counted
        assert storage.jobs.list(JobQuery()).total == len(jobs) - 3


def test_readers_do_not_wait_for_the_writer(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / FILE) as storage, ThreadPoolExecutor(4) as pool:
        add(storage, pending())
        with storage.database.write() as connection:
            connection.execute("DELETE FROM jobs")
            totals = list(pool.map(lambda _: storage.jobs.list(JobQuery()).total, range(8)))
            connection.execute("ROLLBACK")
            connection.execute("BEGIN")
    assert totals == [1] * 8
