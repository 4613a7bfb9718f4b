"""A file that is examined, that shrinks, and that is watched for what others do."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stablequeue_core.events import EventKind
from stablequeue_core.storage.sqlite import SqliteStorage, health
from stablequeue_core.testing.contracts.reports import PLAIN
from stablequeue_core.testing.contracts.samples import (
    add,
    claimed,
    completed,
    deleted,
    laptop,
    pending,
    server_event,
)

LONG = {"positive_prompt": "long " * 2000}
VERSION_3 = Path(__file__).with_name("version_3.sql")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


@pytest.fixture
def storage(path: Path) -> Iterator[SqliteStorage]:
    with SqliteStorage(path) as opened:
        yield opened


def test_the_file_shrinks_step_by_step(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "STEP_PAGES", 500)
    with SqliteStorage(path) as storage:
        _fill_and_empty(storage)
        before = _size(storage)
        given_back = []
        while step := storage.shrink():
            given_back.append(step)
            add(storage, pending())
        assert len(given_back) > 2, "in steps"
        assert _size(storage) < before / 5
    assert path.stat().st_size < before / 5
    assert sum(given_back) > before / 2


def test_a_file_of_an_earlier_version_is_made_to_shrink_once(path: Path) -> None:
    with closing(sqlite3.connect(path)) as older:
        older.executescript(VERSION_3.read_text(encoding="utf-8"))
    with SqliteStorage(path) as storage:
        _fill_and_empty(storage)
        before = _size(storage)
        assert storage.shrink() > before / 2
        assert storage.shrink() == 0
        assert list(storage.examine()) == []
        _fill_and_empty(storage)
        assert storage.shrink() > 0
    with SqliteStorage(path) as storage:
        assert storage.jobs.get("done").images[0].name == "a_0.png"


def test_a_large_file_of_an_earlier_version_is_left_as_it_is_and_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To rebuild it would hold everybody up."""
    monkeypatch.setattr(health, "LARGEST_REBUILT", 1)
    with closing(sqlite3.connect(path)) as older:
        older.executescript(VERSION_3.read_text(encoding="utf-8"))
    with SqliteStorage(path) as storage:
        _fill_and_empty(storage)
        assert storage.shrink() == 0
        (told,) = storage.examine()
        assert "earlier version" in told
        assert "Copy the queue" in told


def test_damage_is_told_with_what_to_do(path: Path) -> None:
    with SqliteStorage(path) as storage:
        add(storage, *(pending(params=LONG) for _ in range(50)))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2048] = b"\xa5" * 2048
    path.write_bytes(content)
    with SqliteStorage(path) as storage:
        (told,) = storage.examine()
    assert "damaged" in told
    assert "backup" in told
    assert str(path.parent) not in told


def test_a_log_that_nobody_empties_is_told(
    path: Path, storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some program reads without ever ending, so that nothing of it can be moved to the file."""
    monkeypatch.setattr(health, "LARGEST_LOG", 1024**2)
    add(storage, pending())
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM jobs").fetchone()
        add(storage, *(pending(params=LONG) for _ in range(200)))
        (told,) = storage.examine()
    assert "reads the database" in told


def test_rows_that_belong_to_nothing_are_told(path: Path, storage: SqliteStorage) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("INSERT INTO download_records VALUES (99, '{}')")
    (told,) = storage.examine()
    assert "another program" in told


def test_nobody_watches_until_somebody_waits(storage: SqliteStorage) -> None:
    others = _watchers()
    storage.work.wait(storage.work.rings, 0)
    storage.changes.wait(storage.changes.rings, 0)
    assert len(_watchers() - others) == 1
    storage.close()
    assert _watchers() <= others


def test_our_own_changes_are_rung_once(path: Path, storage: SqliteStorage) -> None:
    """However they are mixed with those of another process."""
    storage.changes.wait(storage.changes.rings, 0)
    with SqliteStorage(path) as another:
        for _ in range(5):
            work, changes = storage.work.rings, storage.changes.rings
            add(storage, pending())
            storage.jobs.add([pending(), pending()], fair=True)
            storage.servers.add(laptop(alias=str(changes)), server_event())
            running = claimed(storage)
            assert storage.changes.rings == changes + 4
            assert storage.work.rings == work + 3
            another.jobs.replace(*completed(running))
            assert storage.changes.wait(changes + 4, 60) == changes + 5
            assert storage.work.rings == work + 3


def test_what_was_told_before_anybody_waited_is_heard(path: Path, storage: SqliteStorage) -> None:
    heard = storage.work.rings
    with SqliteStorage(path) as another:
        add(another, pending())
    assert storage.work.wait(heard, 60) > heard


def test_another_process_is_heard_soon(path: Path, storage: SqliteStorage) -> None:
    """Within a few looks, as the figure for idle latency needs it."""
    waits = []
    with SqliteStorage(path) as another:
        for _ in range(9):
            heard = storage.work.rings
            storage.work.wait(heard, 0)
            begun = time.perf_counter()
            add(another, pending())
            storage.work.wait(heard, 60)
            waits.append(time.perf_counter() - begun)
    assert sorted(waits)[4] < 0.5


def test_what_a_newer_version_tells_beside_us_rings_and_is_read_as_unknown(
    storage: SqliteStorage, path: Path
) -> None:
    storage.work.wait(storage.work.rings, 0)
    for _ in range(2):
        heard = storage.work.rings
        with closing(sqlite3.connect(path)) as newer, newer:
            newer.execute("INSERT INTO events (kind, at, data) VALUES ('job.dreamt', 0, '{}')")
        assert storage.work.wait(heard, 60) > heard
    assert [event.kind for event in storage.events.read()] == [EventKind.UNKNOWN] * 2


def test_a_report_does_not_wait_for_the_disk_and_the_next_change_does(
    storage: SqliteStorage,
) -> None:
    storage.reports.put(PLAIN)
    with storage.database.write() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    with storage.database.write(lasting=False) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (1,)


def _fill_and_empty(storage: SqliteStorage) -> None:
    for job in add(storage, *(pending(params=LONG) for _ in range(300))):
        deleted(storage, job)


def _size(storage: SqliteStorage) -> int:
    with storage.database.read() as connection:
        ((pages,),) = connection.execute("PRAGMA page_count")
        ((page,),) = connection.execute("PRAGMA page_size")
    return int(pages * page)


def _watchers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "stablequeue-watcher"}
