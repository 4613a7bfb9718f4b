"""``stablequeue migrate``."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.stablequeue_flask.test_cli import check_sentence, run
from tests.storage.copied_queues import fill
from tests.storage.real_postgres import real_postgres

from stablequeue_core.jobs import JobQuery
from stablequeue_core.storage.sqlite import SqliteStorage

BOTH_FILES = ("migrate", "--from", "sqlite", "--to", "sqlite")
TO_POSTGRES = ("migrate", "--from", "sqlite", "--to", "postgres")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a queue."""
    folder = tmp_path / "data"
    with SqliteStorage(folder / "queue.sqlite3") as storage:
        fill(storage)
    return folder


def jobs_in(folder: Path) -> list[str]:
    with SqliteStorage(folder / "queue.sqlite3") as storage:
        return [job.id for job in storage.jobs.list(JobQuery(limit=1000)).jobs]


def test_a_queue_is_copied_to_another_folder(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    result = run(*BOTH_FILES, "--data-dir", str(data), "--to-data-dir", str(copy))
    assert result.exit_code == 0, result.output
    assert "Both sides are the same" in result.output
    assert f"{len(jobs_in(data)) + 1:>9,} jobs" in result.output
    assert jobs_in(copy) == jobs_in(data)


def test_a_queue_goes_to_a_postgresql_and_back(data: Path, tmp_path: Path) -> None:
    with real_postgres() as server:
        there = run(*TO_POSTGRES, "--data-dir", str(data), STABLEQUEUE_DATABASE_URL=server.url)
        assert there.exit_code == 0, there.output
        back_again = ("migrate", "--from", "postgres", "--to", "sqlite")
        folder = tmp_path / "back"
        back = run(*back_again, "--data-dir", str(folder), STABLEQUEUE_DATABASE_URL=server.url)
        assert back.exit_code == 0, back.output
        assert server.url not in there.output + back.output
    assert jobs_in(folder) == jobs_in(data)
    same = "Both sides are the same: "
    assert there.output.partition(same)[2] == back.output.partition(same)[2] != ""


def test_no_secret_is_printed(data: Path, tmp_path: Path) -> None:
    result = run(*BOTH_FILES, "--data-dir", str(data), "--to-data-dir", str(tmp_path / "copy"))
    assert "geheim" not in result.output


def test_a_folder_with_a_queue_is_left_alone(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with SqliteStorage(copy / "queue.sqlite3") as storage:
        fill(storage, jobs=3)
    before = jobs_in(copy)
    result = run(*BOTH_FILES, "--data-dir", str(data), "--to-data-dir", str(copy))
    check_sentence(result, "There is a queue already", "Choose a database, or a data folder")
    assert jobs_in(copy) == before


def test_a_queue_that_is_in_use_is_not_copied(data: Path, tmp_path: Path) -> None:
    with SqliteStorage(data / "queue.sqlite3") as storage:
        lock = storage.lane_lock("Laptop")
        assert lock.try_acquire()
        result = run(*BOTH_FILES, "--data-dir", str(data), "--to-data-dir", str(tmp_path / "copy"))
        lock.release()
    check_sentence(result, "Stop every process")


def test_a_folder_without_a_queue_is_told_and_none_is_made(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    result = run(*BOTH_FILES, "--data-dir", str(nowhere), "--to-data-dir", str(tmp_path / "copy"))
    check_sentence(result, "There is no queue in the data folder")
    assert not nowhere.exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("migrate", "--to", "sqlite"), "--from"),
        (TO_POSTGRES, "STABLEQUEUE_DATABASE_URL"),
        (BOTH_FILES, "--to-data-dir"),
        ((*BOTH_FILES, "--data-dir", "x", "--to-data-dir", "x"), "choose another"),
        ((*TO_POSTGRES, "--database-url", "postgresql://h/d", "--to-data-dir", "x"), "only"),
        (
            ("migrate", "--from", "postgres", "--to", "postgres", "--database-url", "postgresql:x"),
            "pg_dump",
        ),
    ],
)
def test_a_line_that_makes_no_sense_is_told(arguments: tuple[str, ...], expected: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert expected in result.output


def test_an_address_that_is_none_is_told_without_its_password(data: Path) -> None:
    address = "mysql://me:geheim@host/x"
    result = run(*TO_POSTGRES, "--data-dir", str(data), STABLEQUEUE_DATABASE_URL=address)
    assert result.exit_code == 1
    assert "geheim" not in result.output
