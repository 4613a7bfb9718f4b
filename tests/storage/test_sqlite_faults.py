"""What goes wrong with a database is told in our words, and nothing accepted is lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from attrs import evolve
from tests.storage import openers

from stablequeue_core.errors import (
    StorageBusy,
    StorageCorrupt,
    StorageError,
    StorageFull,
    StorageReadOnly,
)
from stablequeue_core.jobs import Job, JobQuery
from stablequeue_core.models import ModelQuery
from stablequeue_core.storage import Storage
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.storage.sqlite.faults import translated
from stablequeue_core.testing.contracts.samples import (
    add,
    claimed,
    completed,
    model,
    pending,
    save,
)

FEW_PAGES = 100


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with one job."""
    path = tmp_path / "queue.db"
    with SqliteStorage(path) as storage:
        add(storage, pending())
    return path


def test_a_database_held_by_another_process_is_busy(path: Path) -> None:
    with SqliteStorage(path, busy_timeout=0.01) as storage:
        with _held_by_another(path), pytest.raises(StorageBusy, match="Try again") as caught:
            add(storage, pending())
        _check_discreet(caught.value, path)
        assert storage.jobs.list(JobQuery()).total == 1
        add(storage, pending())
        assert storage.events.last() == 2


def test_a_database_held_by_another_process_can_be_read(path: Path) -> None:
    with _held_by_another(path), SqliteStorage(path, busy_timeout=0.01) as storage:
        assert storage.jobs.list(JobQuery()).total == 1


def test_a_new_database_that_another_process_is_making_is_busy(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageBusy):
            SqliteStorage(path, busy_timeout=0.01)


def test_a_full_disk_keeps_all_models_of_a_call_or_none(path: Path) -> None:
    """Those that moved are where they were."""
    with SqliteStorage(path) as storage:
        kept = save(storage, *(model(f"{number}.pt") for number in range(10)))
        with storage.database.write() as connection:
            connection.execute(f"PRAGMA max_page_count = {FEW_PAGES}")
        moved = [evolve(one, path=f"there/{one.path}") for one in kept]
        new = [model(f"new/{number}.pt") for number in range(1000)]
        with pytest.raises(StorageFull, match="Free some space"):
            save(storage, *moved, *new)
        assert storage.models.list(ModelQuery(limit=None)).models == tuple(kept)


def test_a_full_disk_loses_nothing_that_was_accepted(path: Path) -> None:
    with SqliteStorage(path) as storage:
        with storage.database.write() as connection:
            connection.execute(f"PRAGMA max_page_count = {FEW_PAGES}")
        accepted: list[Job] = []
        with pytest.raises(StorageFull, match="Free some space") as caught:
            _fill(storage, accepted)
        _check_discreet(caught.value, path)
        assert accepted
        assert storage.jobs.list(JobQuery()).total == len(accepted) + 1 == storage.events.last()

        with storage.database.write() as connection:
            connection.execute("PRAGMA max_page_count = 100000")
        add(storage, pending())
    with SqliteStorage(path) as storage:
        assert storage.jobs.list(JobQuery()).total == len(accepted) + 2


def test_a_running_job_outlives_a_full_disk(path: Path) -> None:
    with SqliteStorage(path) as storage:
        running = claimed(storage)
        done, event = completed(running)
        with storage.database.write() as connection:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StorageFull):
            _fill(storage, [])
        assert storage.jobs.get(running.id) == running
        with storage.database.write() as connection:
            connection.execute("PRAGMA max_page_count = 100000")
        assert storage.jobs.replace(done, event) == storage.jobs.get(running.id)


def test_text_that_no_database_can_hold_is_told(path: Path) -> None:
    half = "a\udcff"
    with SqliteStorage(path) as storage:
        for refused in (
            lambda: storage.jobs.get(half),
            lambda: add(storage, evolve(pending(), client_id=half)),
            lambda: add(storage, pending(), evolve(pending(), client_id=half)),
        ):
            with pytest.raises(StorageError, match="half of a character") as caught:
                refused()
            _check_discreet(caught.value, path)
        assert storage.jobs.list(JobQuery()).total == 1


def test_a_database_that_may_not_be_written_is_read_only(path: Path) -> None:
    """By SQLite's word, as a super-user may write whatever the file's mode says."""
    with (
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection,
        pytest.raises(StorageReadOnly, match="writable") as caught,
        translated(),
    ):
        connection.execute("DELETE FROM jobs")
    _check_discreet(caught.value, path)


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="the mode of a file stops nobody here"
)
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_file_or_folder_that_may_not_be_written_is_read_only(path: Path, what: str) -> None:
    if what == "file":
        path.chmod(0o400)
        target = path
    else:
        path.parent.chmod(0o500)
        target = path.parent / "new.db"
    try:
        with pytest.raises(StorageReadOnly, match="writable") as caught:
            SqliteStorage(target)
    finally:
        path.parent.chmod(0o700)
    _check_discreet(caught.value, path)


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        SqliteStorage(tmp_path)
    _check_discreet(caught.value, tmp_path)


def test_a_file_in_the_way_of_the_folder_is_told(path: Path) -> None:
    with pytest.raises(StorageError, match="folder") as caught:
        SqliteStorage(path / "queue.db")
    _check_discreet(caught.value, path)


def test_a_damaged_database_is_told_from_an_empty_one(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:] = b"\xa5" * len(content[100:])
    path.write_bytes(content)
    with pytest.raises(StorageCorrupt, match="backup") as caught:
        SqliteStorage(path)
    _check_discreet(caught.value, path)
    assert path.read_bytes() == content


def test_damage_that_is_found_later_is_told_then(path: Path) -> None:
    with SqliteStorage(path) as storage:
        add(storage, *(pending() for _ in range(200)))
    content = bytearray(path.read_bytes())
    content[len(content) // 3 :] = b"\xa5" * len(content[len(content) // 3 :])
    with SqliteStorage(path) as storage:
        path.write_bytes(content)
        with pytest.raises(StorageCorrupt, match="damaged"):
            storage.jobs.list(JobQuery(limit=500))


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    acknowledged: list[str] = []
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, openers.__file__, str(path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            acknowledged += [writer.stdout.readline().strip() for _ in range(50)]
            writer.kill()
            # The last line may have been cut off by the kill.
            acknowledged += [line.strip() for line in writer.stdout if line.endswith("\n")]
    with SqliteStorage(path) as storage:
        page = storage.jobs.list(JobQuery(limit=100_000))
        assert {job.id for job in page.jobs} >= set(acknowledged)
        assert page.total == len(page.jobs) == storage.events.last()
        with storage.database.read() as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_database_can_be_opened_without_its_log(path: Path, tmp_path: Path) -> None:
    """A copy of the file alone, made while nobody has it open, is a backup."""
    copy = tmp_path / "backup.db"
    shutil.copyfile(path, copy)
    with SqliteStorage(copy) as storage:
        assert storage.jobs.list(JobQuery()).total == 1


@contextmanager
def _held_by_another(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def _fill(storage: Storage, accepted: list[Job]) -> None:
    """Add jobs, several at a time, until the storage will take no more."""
    while True:
        accepted += add(storage, *(pending(params={"prompt": "long " * 500}) for _ in range(3)))


def _check_discreet(error: StorageError, path: Path) -> None:
    """The error names no path of the machine."""
    told = f"{error.message} {error.details}"
    assert str(path.parent) not in told
    assert path.name not in told
