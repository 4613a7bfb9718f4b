"""Which files are opened: ours, brought forward if need be; no others are touched."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from stablequeue_core.downloads import DownloadQuery
from stablequeue_core.errors import StorageCorrupt, StorageError, StorageTooNew
from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import IdempotencyKey, Job, JobQuery, JobStatus, event_of
from stablequeue_core.models import ModelQuery
from stablequeue_core.storage.sqlite import SqliteStorage, schema
from stablequeue_core.testing.contracts.download_samples import added, elaborate
from stablequeue_core.testing.contracts.samples import (
    LATER,
    RESULT,
    START,
    add,
    changed,
    claim,
    claimed,
    in_line,
    model,
    pending,
    save,
)

VERSION_1 = Path(__file__).with_name("version_1.sql")
VERSION_2 = Path(__file__).with_name("version_2.sql")
VERSION_3 = Path(__file__).with_name("version_3.sql")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with one job."""
    path = tmp_path / "queue.db"
    with SqliteStorage(path) as storage:
        add(storage, pending())
    return path


def test_the_file_says_whose_it_is(tmp_path: Path) -> None:
    SqliteStorage(tmp_path / "queue.db").close()
    with closing(sqlite3.connect(tmp_path / "queue.db")) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (0x53745175,)
        assert connection.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)


@pytest.mark.parametrize("content", [b"These are my notes, not a database. " * 100, b"x"])
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "queue.db"
    path.write_bytes(content)
    with pytest.raises(StorageCorrupt, match="not a queue database"):
        SqliteStorage(path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE photos (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(StorageCorrupt, match="not a queue database"):
        SqliteStorage(path)
    assert path.read_bytes() == before


def test_a_database_of_a_newer_version_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(StorageTooNew, match="Update StableQueue") as caught:
        SqliteStorage(path)
    assert caught.value.details == {"found": schema.VERSION + 1, "known": schema.VERSION}
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [0, -3])
def test_a_database_with_a_version_that_cannot_be_is_left_alone(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    with pytest.raises(StorageCorrupt, match="backup"):
        SqliteStorage(path)
    assert path.read_bytes() == before


def test_a_database_that_was_emptied_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        other.execute(f"PRAGMA user_version = {schema.VERSION}")
    with pytest.raises(StorageCorrupt, match="backup"):
        SqliteStorage(path)


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM queue", "DROP TABLE queue", "ALTER TABLE queue RENAME value TO number"],
)
def test_a_database_that_lacks_something_says_so(path: Path, damage: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        for (trigger,) in other.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
        ).fetchall():
            other.execute(f"DROP TRIGGER {trigger}")
        other.execute(damage)
    with SqliteStorage(path) as storage:
        for call in (storage.jobs.paused, storage.jobs.counts):
            with pytest.raises(StorageCorrupt, match="backup"):
                call()


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    path.touch()
    with SqliteStorage(path) as storage:
        add(storage, pending())
    with SqliteStorage(path) as storage:
        assert storage.jobs.list(JobQuery()).total == 1


def test_a_database_without_models_keeps_its_jobs_and_gets_them(tmp_path: Path) -> None:
    """It was written by the first version, which knew of no models."""
    path = _made_of(VERSION_1, tmp_path)
    with SqliteStorage(path) as storage:
        done, running, waiting = storage.jobs.list(JobQuery(newest_first=False)).jobs
        assert [job.id for job in storage.jobs.processing()] == [running.id] == ["running"]
        assert done.result == RESULT
        assert waiting.params == {"positive_prompt": "a räv at “dawn”"}
        assert storage.jobs.counts()[JobStatus.COMPLETED] == 1
        assert storage.jobs.add([pending()], IdempotencyKey(key="key", digest="digest")) == [
            waiting
        ]
        assert storage.servers.get("Laptop").password == "geh:eim"
        log = storage.events.read()
        assert storage.models.list(ModelQuery()).total == 0
        (found,) = save(storage, model())
    with SqliteStorage(path) as storage:
        assert storage.models.get(found.id) == found
        assert storage.events.read() == log


def test_a_database_without_downloads_keeps_all_it_has_and_gets_them(tmp_path: Path) -> None:
    """It was written by the second version, whose jobs waited for nothing but a time."""
    path = _made_of(VERSION_2, tmp_path)
    with SqliteStorage(path) as storage:
        page = storage.jobs.list(JobQuery(newest_first=False))
        done, later, running, waiting = page.jobs
        assert [job.id for job in page.jobs] == ["done", "later", "running", "waiting"]
        assert all(job.waits_for == () for job in page.jobs)
        assert done.result == RESULT
        assert later.not_before == LATER == storage.jobs.next_due(["Laptop", "auto"])
        assert [job.id for job in storage.jobs.processing()] == ["running"]
        assert storage.jobs.position(waiting, now=LATER) == 0
        assert storage.jobs.waiting() == []
        (known,) = storage.models.of_hash("ab" * 32)
        assert storage.models.fingerprints(known.root) == {known.folder: "as it was"}
        log = storage.events.read()
        assert storage.identities.of(["ab" * 32]) == {}
        assert storage.downloads.list(DownloadQuery()).total == 0
        assert claimed(storage, now=START).id == waiting.id
        lacking = changed(storage, running, _found_lacking)
        (download,) = added(storage, elaborate())
    with SqliteStorage(path) as storage:
        assert storage.jobs.waiting() == [lacking]
        assert storage.downloads.get(download.id) == download
        assert storage.events.read()[: len(log)] == log
        assert claimed(storage).id == later.id
        assert claim(storage) is None


def test_a_database_of_one_process_keeps_all_it_has_and_serves_many(tmp_path: Path) -> None:
    """It was written by the third version, in which a job stood where its number said."""
    path = _made_of(VERSION_3, tmp_path)
    with SqliteStorage(path) as storage:
        page = storage.jobs.list(JobQuery(newest_first=False))
        assert [job.id for job in page.jobs] == ["done", "later", "running", "lacking", "waiting"]
        assert page.total == 5
        assert all(job.place == job.number for job in page.jobs)
        done, later, running, lacking, waiting = page.jobs
        assert done.result == RESULT
        assert storage.jobs.waiting() == [lacking]
        assert storage.jobs.processing() == [running]
        assert storage.jobs.next_due(["auto"]) == LATER
        assert storage.jobs.worn_out(ended_before=None, keep=0, limit=9) == [done]
        assert storage.servers.get("Laptop").tags == ()
        assert list(storage.costs.all()) == []
        assert [candidate.id for candidate in in_line(storage, now=START)] == ["waiting"]
        assert [candidate.id for candidate in in_line(storage)] == ["waiting", "later"]
        (fair,) = storage.jobs.add([pending(id="fair")], fair=True)
        assert fair.place == lacking.place + 1
        moved = storage.jobs.move_to_front(later, event_of(EventKind.JOB_MOVED, later))
        assert list(storage.examine()) == []
    with SqliteStorage(path) as storage:
        assert [storage.jobs.get(job.id) for job in (moved, fair)] == [moved, fair]
        assert claimed(storage).id == waiting.id
        assert claimed(storage).id == later.id
        assert storage.jobs.counts()[JobStatus.PENDING] == 2


def test_jobs_of_a_process_that_still_runs_an_older_version_are_lost_by_nobody(
    tmp_path: Path,
) -> None:
    """It had the file open when a newer one brought it forward, and knows only its own columns."""
    path = _made_of(VERSION_3, tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        columns = {name for _, name, *_ in older.execute("PRAGMA table_info(jobs)")}
        same = ", ".join(columns - {"number", "id"})
        with SqliteStorage(path) as storage:
            add_late = f"INSERT INTO jobs (id, {same}) SELECT ?, {same} FROM jobs WHERE id = ?"
            older.execute(add_late, ("new", "waiting"))
            older.execute(add_late, ("timed", "later"))
            older.execute(add_late, ("supplied later", "lacking"))
            assert [job.id for job in in_line(storage, now=START)] == ["waiting", "new"]
            older.execute("UPDATE jobs SET status = 'cancelled', ended_at = 9 WHERE id = 'waiting'")
            older.execute("UPDATE jobs SET status = 'pending' WHERE id = 'running'")
            assert [job.id for job in in_line(storage, now=START)] == ["new", "running"]
            assert {job.id for job in in_line(storage)} == {"new", "running", "later", "timed"}
            assert claimed(storage, now=START).id == "new"
            assert claimed(storage, now=START).id == "running"


def test_an_older_database_is_brought_forward(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _add_step(monkeypatch, "CREATE TABLE notes (name TEXT)", "INSERT INTO notes VALUES ('new')")
    with SqliteStorage(path) as storage:
        assert storage.jobs.list(JobQuery()).total == 1
        with storage.database.read() as connection:
            assert connection.execute("SELECT name FROM notes").fetchall() == [("new",)]
            assert connection.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)


def test_a_step_that_fails_leaves_the_older_database(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = schema.VERSION
    with monkeypatch.context() as patched:
        _add_step(patched, "CREATE TABLE notes (name TEXT)", "INSERT INTO nowhere VALUES (1)")
        with pytest.raises(StorageError):
            SqliteStorage(path)
    with SqliteStorage(path) as storage, storage.database.read() as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (version,)
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema")]
        assert "notes" not in names


def _made_of(dump: Path, folder: Path) -> Path:
    """A database as an older version has left it."""
    path = folder / "queue.db"
    with closing(sqlite3.connect(path)) as older:
        older.executescript(dump.read_text(encoding="utf-8"))
    return path


def _found_lacking(job: Job) -> tuple[Job, Event]:
    back = job.wait_for(("download-1",), "A model is being fetched.", now=LATER)
    return back, event_of(EventKind.JOB_REQUEUED, back)


def _add_step(monkeypatch: pytest.MonkeyPatch, *statements: str) -> None:
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, statements))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
