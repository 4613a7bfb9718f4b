"""What ``stablequeue work`` and ``serve`` say at their start: for which queue, and where."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.stablequeue_flask.test_cli import END, NEW_GROUP, run

from stablequeue_core import StableQueue
from stablequeue_flask.serving import WebServer
from stablequeue_flask.starting import place_of


@pytest.fixture
def stopped_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serving ends as soon as it begins."""
    monkeypatch.setattr(WebServer, "run", lambda self: None)


def said_by_work(folder: Path) -> str:
    """All that it prints until it has said what it works for, and has ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stablequeue_flask.cli", "work", "--data-dir", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        creationflags=NEW_GROUP,
    )
    assert process.stdout is not None
    with process:
        try:
            said = ""
            while "It works for" not in said:
                said += process.stdout.readline()
            process.send_signal(END)
            said += process.stdout.read()
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
    return said


def test_work_says_that_a_folder_is_new_and_how_to_add_a_server(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    said = said_by_work(folder)
    assert f"The folder {folder} is new.\n" in said
    assert f"It works for the queue in the folder {folder}, with 0 servers.\n" in said
    assert f"Add one with `stablequeue servers add ALIAS URL --data-dir {folder}`." in said


def test_work_says_for_how_many_servers_it_works(tmp_path: Path) -> None:
    with StableQueue.open(tmp_path, dispatch=False) as queue:
        queue.servers.add("Laptop", "http://127.0.0.1:1")
        queue.servers.add("Tower", "http://127.0.0.1:2")
        queue.servers.pause("Tower")
        queue.servers.add("Attic", "http://127.0.0.1:3", enabled=False)
    said = said_by_work(tmp_path)
    assert ", with 2 servers, 1 of them paused.\n" in said
    assert "new" not in said.replace(str(tmp_path), "")


@pytest.mark.usefixtures("stopped_at_once")
def test_serve_says_so_too_and_whether_it_runs_jobs(tmp_path: Path) -> None:
    arguments = ("serve", "--port", "0", "--no-dispatch", "--data-dir", str(tmp_path))
    said = run(*arguments, "--server", "A=http://127.0.0.1:1").stdout
    assert "There was no queue in the folder" in said
    assert ", with 1 server.\n" in said
    assert "It runs no jobs itself; `stablequeue work` does." in said
    assert "There was no queue" not in run(*arguments).stdout


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://me:geheim@db.example:5433/pictures", "database pictures on db.example"),
        ("postgresql://db.example/pictures?password=geheim", "database pictures on db.example"),
        ("postgresql://me:geheim%40%2F@db.example", "database on db.example"),
        ("postgresql://me:geheim@/pictures?host=/run/postgresql", "database pictures"),
    ],
)
def test_a_database_is_named_without_its_password(url: str, place: str) -> None:
    assert place_of(Path("data"), url) == f"the queue in the {place}"
