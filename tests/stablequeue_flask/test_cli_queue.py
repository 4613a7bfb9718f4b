"""``stablequeue status``, ``pause`` and ``resume``: the queue as a whole, from a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.stablequeue_flask.test_cli import run
from tests.worlds import World

from stablequeue_core import StableQueue


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with two servers that nobody looks after."""
    with StableQueue.open(tmp_path, dispatch=False) as queue:
        queue.servers.add("Laptop", "http://127.0.0.1:1")
        queue.servers.add("Tower", "http://127.0.0.1:2")
    return tmp_path


def told(folder: Path, *words: str) -> str:
    result = run(*words, "--data-dir", str(folder))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_an_empty_queue_is_told_at_a_glance(folder: Path) -> None:
    assert told(folder, "status").splitlines() == [
        "Queue:          starts jobs",
        "Jobs:           none yet",
        "Servers:        2 unknown",
    ]


def test_jobs_and_servers_are_counted_by_where_they_stand(folder: Path) -> None:
    with StableQueue.open(folder, dispatch=False) as queue:
        for _ in range(3):
            job = queue.submit("Laptop", positive_prompt="a cat")
        queue.cancel(job.id)
        queue.servers.pause("Laptop")
        queue.servers.update("Tower", {"enabled": False})

    lines = told(folder, "status").splitlines()

    assert "Jobs:           2 pending, 1 cancelled" in lines
    assert "Left over:      2 jobs that no server can run now" in lines
    assert "Servers:        1 unknown, paused; 1 disabled" in lines


def test_it_is_told_how_long_all_of_it_takes(tmp_path: Path) -> None:
    world = World(tmp_path)
    try:
        world.run("Laptop")
        world.queue.submit("Laptop", positive_prompt="a cat", steps=150)
        world.until(lambda: "Done in:" in told(tmp_path, "status"))
    finally:
        world.close(grace=0)


def test_the_queue_is_paused_and_goes_on(folder: Path) -> None:
    assert "is paused" in told(folder, "pause")
    with StableQueue.open(folder, dispatch=False) as queue:
        assert queue.status().paused
    assert "paused, until `stablequeue resume" in told(folder, "status")
    assert told(folder, "resume") == "The queue starts jobs again.\n"
    with StableQueue.open(folder, dispatch=False) as queue:
        assert not queue.status().paused


def test_servers_that_rest_when_the_queue_goes_on_are_told_of(folder: Path) -> None:
    with StableQueue.open(folder, dispatch=False) as queue:
        queue.servers.pause("Laptop")
    assert "1 server is still paused or disabled" in told(folder, "resume")
