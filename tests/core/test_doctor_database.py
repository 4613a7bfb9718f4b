"""What the doctor says of the database, also of one that is broken, missing, old or in use."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.core.doctor_clinic import PROBLEM, WARNING, told

from stablequeue_core import StableQueue
from stablequeue_core.assembly.doctor import examine_folder
from stablequeue_core.doctor import Diagnosis
from stablequeue_core.doctor.sqlite_file import look_at
from stablequeue_core.storage.copying import move
from stablequeue_core.storage.sqlite import SqliteStorage, schema
from stablequeue_core.testing.forge_simulator import ForgeSimulator, SimulatedForge

VERSION_1 = Path(__file__).parents[1] / "storage" / "version_1.sql"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with a queue that knows one server and one job that no one can run."""
    folder = tmp_path / "data"
    with StableQueue.open(folder, dispatch=False) as queue:
        queue.servers.add("Laptop", "http://laptop:7860")
        queue.submit("auto", positive_prompt="a cat", checkpoint_name="nowhere.safetensors")
    return folder


def examined(folder: Path, **environment: str) -> Diagnosis:
    forge = SimulatedForge.with_sample_models()
    transport = ForgeSimulator({"http://laptop:7860": forge})
    return examine_folder(folder, transport=transport, environment=environment)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Everything in a folder; but what SQLite itself puts beside a database while it is open."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


def test_a_sound_database_is_described(folder: Path) -> None:
    said = told(examined(folder), "database")
    assert f"schema version {schema.VERSION}." in said
    assert "Everything in it is sound." in said
    assert "warning" not in said


def test_servers_and_jobs_of_a_folder_are_looked_at(folder: Path) -> None:
    diagnosis = examined(folder)
    assert "It is online" in told(diagnosis, "server Laptop")
    assert "nowhere.safetensors" in told(diagnosis, "jobs", WARNING)


def test_nothing_is_changed(folder: Path) -> None:
    before = snapshot(folder)
    examined(folder)
    assert snapshot(folder) == before


def test_a_folder_that_another_process_uses_can_be_examined(folder: Path) -> None:
    with StableQueue.open(folder, dispatch=False) as queue:
        assert "Everything in it is sound." in told(examined(folder), "database")
        queue.submit("Laptop", positive_prompt="a dog")
    assert "Everything in it is sound." in told(examined(folder), "database")


def test_a_missing_folder_is_told_and_not_made(tmp_path: Path) -> None:
    diagnosis = examined(tmp_path / "nowhere")
    assert "is not there" in told(diagnosis, "data folder", PROBLEM)
    assert "There is no database" in told(diagnosis, "database", WARNING)
    assert told(diagnosis, "disk space")
    assert not (tmp_path / "nowhere").exists()


def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    assert "is a file" in told(examined(tmp_path / "data"), "data folder", PROBLEM)


def damage(folder: Path) -> None:
    """Overwrite the middle of the file."""
    file = folder / "queue.sqlite3"
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.seek(size // 4)
        opened.write(b"\xff" * (size // 2))


def test_a_damaged_database_is_told_and_the_rest_is_examined(folder: Path) -> None:
    damage(folder)
    diagnosis = examined(folder)
    assert "damaged" in told(diagnosis, "database", PROBLEM)
    for subject in ("data folder", "disk space", "settings", "Civitai key", "this process"):
        assert told(diagnosis, subject)


@pytest.mark.parametrize("content", [b"Dear diary, " * 100, b"x" * 100])
def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "queue.sqlite3").write_bytes(content)
    diagnosis = examined(tmp_path)
    assert "not a queue database" in told(diagnosis, "database", PROBLEM)
    assert (tmp_path / "queue.sqlite3").read_bytes() == content


def test_a_database_of_another_program_is_told_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "queue.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    before = file.read_bytes()
    assert "not a queue database" in told(examined(tmp_path), "database", PROBLEM)
    assert file.read_bytes() == before


def test_a_database_of_an_older_version_is_not_brought_up_to_date(tmp_path: Path) -> None:
    file = tmp_path / "queue.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(VERSION_1.read_text(encoding="utf-8"))
    diagnosis = examined(tmp_path)
    assert "version 1" in told(diagnosis, "database", WARNING)
    assert "make a copy first" in told(diagnosis, "database", WARNING)
    assert look_at(file).version == 1


def test_a_database_of_a_newer_version_is_told(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "queue.sqlite3")) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert "version 99" in told(examined(folder), "database", PROBLEM)


@pytest.mark.parametrize("version", [0, -3])
def test_a_database_with_a_version_that_cannot_be_is_told(folder: Path, version: int) -> None:
    with closing(sqlite3.connect(folder / "queue.sqlite3")) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    assert "backup" in told(examined(folder), "database", PROBLEM)


def test_a_job_that_cannot_be_read_is_told(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "queue.sqlite3")) as connection:
        connection.execute("UPDATE jobs SET params = '{nope'")
        connection.commit()
        ((job_id,),) = connection.execute("SELECT id FROM jobs")
    said = told(examined(folder), "database", PROBLEM)
    assert f"The record of job {job_id} in the database cannot be read" in said
    assert "DELETE FROM jobs" in said


WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("writing", flush=True)
sys.stdin.read()
"""


def test_a_process_that_writes_without_end_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stablequeue_core.doctor.sqlite_file.PATIENCE", 0.2)
    command = [sys.executable, "-c", WRITER, str(folder / "queue.sqlite3")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline()
        diagnosis = examined(folder)
        writer.communicate()
    assert "has been writing for several seconds" in told(diagnosis, "database", WARNING)
    assert "Everything in it is sound." in told(diagnosis, "database")


def test_an_address_that_leads_nowhere_is_told_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://me:geheim@127.0.0.1:9/queue?connect_timeout=1"
    diagnosis = examined(tmp_path, STABLEQUEUE_DATABASE_URL=url)
    assert told(diagnosis, "database", PROBLEM)
    assert "geheim" not in repr(diagnosis)


def test_an_address_that_is_none_is_told_without_its_password(tmp_path: Path) -> None:
    diagnosis = examined(tmp_path, STABLEQUEUE_DATABASE_URL="mysql://me:geheim@host/x")
    assert "STABLEQUEUE_DATABASE_URL" in told(diagnosis, "settings", PROBLEM)
    assert "geheim" not in repr(diagnosis)


def test_no_path_of_the_machine_is_told(folder: Path) -> None:
    damage(folder)
    assert str(folder) not in repr(examined(folder))


def test_a_queue_that_was_moved_is_a_problem_and_nothing_else_is_said_of_it(
    folder: Path, tmp_path: Path
) -> None:
    with (
        StableQueue.open(folder, dispatch=False) as queue,
        SqliteStorage(folder / "queue.sqlite3") as left,
        SqliteStorage(tmp_path / "new" / "queue.sqlite3") as new,
    ):
        move(left, new)
        of_open_queue = queue.examine()
    diagnosis = examined(folder)
    for each in (diagnosis, of_open_queue):
        said = told(each, "database", PROBLEM)
        assert "to the file 'queue.sqlite3' in the folder 'new'" in said
        assert "migrate --reopen" in said
    assert not told(diagnosis, "server Laptop")
    assert not told(diagnosis, "jobs", WARNING)
