"""``stablequeue migrate``."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.stablequeue_flask.test_cli import check_sentence, run
from tests.storage.copied_queues import fill
from tests.storage.real_postgres import real_postgres

from stablequeue_core import StableQueue
from stablequeue_core.jobs import JobQuery
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_flask import create_app

BOTH_FILES = ("migrate", "--from", "sqlite", "--to", "sqlite")
TO_POSTGRES = ("migrate", "--from", "sqlite", "--to", "postgres")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a queue."""
    folder = tmp_path / "data"
    with SqliteStorage(folder / "queue.sqlite3") as storage:
        fill(storage)
    return folder


def digest_in(output: str) -> str:
    return output.partition("Both sides are the same: ")[2].partition("\n")[0]


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
    assert digest_in(there.output) == digest_in(back.output) != ""


def test_a_web_process_that_still_runs_takes_no_job_that_the_new_queue_lacks(
    data: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    body = {"target_server_alias": "Laptop", "generation_params": {"positive_prompt": "a cat"}}
    with StableQueue.open(data, dispatch=False) as queue:
        client = create_app(queue).test_client()
        assert client.post("/api/v1/generate", json=body).status_code == 202
        moved = run(*BOTH_FILES, "--data-dir", str(data), "--to-data-dir", str(copy))
        assert moved.exit_code == 0, moved.output
        answer = client.post("/api/v1/generate", json=body)
        assert client.get("/api/v1/queue/jobs").status_code == 200
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["error"] == "storage_moved"
    assert "in the folder 'copy'" in answer.json["details"]["to"]
    assert str(tmp_path) not in answer.text
    assert jobs_in(copy) == jobs_in(data)


@pytest.mark.parametrize(
    "arguments", [("work",), ("serve", "--port", "0"), ("jobs", "list"), ("migrate",)]
)
def test_nobody_goes_on_with_a_queue_that_was_moved_unaware(
    data: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    run(*BOTH_FILES, "--data-dir", str(data), "--to-data-dir", str(tmp_path / "copy"))
    if arguments == ("migrate",):
        arguments = (*BOTH_FILES, "--to-data-dir", str(tmp_path / "other"))
    result = run(*arguments, "--data-dir", str(data))
    check_sentence(result, "This queue was moved", "in the folder 'copy'", "--reopen")


def test_a_queue_that_was_moved_goes_on_here_when_told_to(data: Path, tmp_path: Path) -> None:
    reopen = ("migrate", "--reopen", "--from", "sqlite", "--data-dir", str(data))
    assert "was not moved" in run(*reopen).output
    run(*BOTH_FILES, "--data-dir", str(data), "--to-data-dir", str(tmp_path / "copy"))
    again = run(*reopen)
    assert again.exit_code == 0, again.output
    assert "knows nothing of what has happened since" in again.output
    with StableQueue.open(data, dispatch=False) as queue:
        queue.submit("Laptop", positive_prompt="a cat")


def test_where_a_queue_went_is_told_without_user_and_password(data: Path) -> None:
    with real_postgres() as server:
        url = server.url_of("postgres", password="geheim")
        moved = run(*TO_POSTGRES, "--data-dir", str(data), STABLEQUEUE_DATABASE_URL=url)
        assert moved.exit_code == 0, moved.output
        back = ("migrate", "--from", "postgres", "--to", "sqlite", "--data-dir", str(data))
        there = run(*back, STABLEQUEUE_DATABASE_URL=url)
        check_sentence(there, "still one that was moved away", "Move the file")
        (data / "queue.sqlite3").rename(data / "before.sqlite3")
        assert run(*back, STABLEQUEUE_DATABASE_URL=url).exit_code == 0
        again = run(*TO_POSTGRES, "--data-dir", str(data), STABLEQUEUE_DATABASE_URL=url)
        check_sentence(again, "Drop its schema")
        left = run("jobs", "list", "--data-dir", str(data), STABLEQUEUE_DATABASE_URL=url)
        check_sentence(left, "to the file 'queue.sqlite3' in the folder 'data'")
    with SqliteStorage(data / "before.sqlite3") as storage:
        move = storage.moved()
    assert move is not None
    assert move.to == "the schema 'stablequeue' of the PostgreSQL database 'postgres'"


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
        lock = storage.lane_lock(storage.servers.get("Laptop").lane)
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
        (("migrate", "--from", "sqlite"), "--to"),
        ((*BOTH_FILES, "--reopen"), "--reopen moves nothing"),
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
