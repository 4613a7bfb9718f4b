"""``--json``: scripts are told on the command line what the HTTP API tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.stablequeue_flask.test_cli import check_sentence, run

from stablequeue_core import StableQueue
from stablequeue_flask import create_app

PENDING = "a cat \x9b2J \u202e é"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with two servers, and jobs that nobody runs."""
    with StableQueue.open(tmp_path, dispatch=False) as queue:
        queue.servers.add("Laptop", "http://127.0.0.1:1", username="ada", password="geheim")
        queue.servers.add("Tower", "http://127.0.0.1:2", tags=["studio"])
        queue.servers.update("Tower", {"enabled": False})
        for _ in range(3):
            queue.submit("Tower", positive_prompt=PENDING)
    return tmp_path


@pytest.fixture
def job_id(folder: Path) -> str:
    with StableQueue.open(folder, dispatch=False) as queue:
        return queue.list().jobs[0].id


@pytest.fixture
def http(folder: Path) -> Iterator[Any]:
    with StableQueue.open(folder, dispatch=False) as queue:
        yield create_app(queue).test_client()


def told(folder: Path, *words: str) -> Any:
    result = run(*words, "--json", "--data-dir", str(folder))
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert result.stdout.isascii()
    assert "geheim" not in result.stdout
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    ("words", "route"),
    [
        (("servers", "list"), "servers"),
        (("servers",), "servers"),
        (("servers", "show", "Laptop"), "servers/Laptop"),
        (("servers", "show", "Tower"), "servers/Tower"),
        (("jobs", "list"), "queue/jobs"),
        (("jobs", "list", "--limit", "1"), "queue/jobs?limit=1"),
        (("jobs", "list", "--status", "failed"), "queue/jobs?status=failed"),
        (("status",), "status"),
    ],
    ids=lambda part: part if isinstance(part, str) else " ".join(part),
)
def test_a_command_tells_scripts_what_the_route_tells(
    folder: Path, http: Any, words: tuple[str, ...], route: str
) -> None:
    assert told(folder, *words) == http.get(f"/api/v1/{route}").json


def test_a_job_is_told_to_scripts_as_by_the_route(folder: Path, http: Any, job_id: str) -> None:
    assert told(folder, "jobs", "show", job_id) == http.get(f"/api/v1/queue/jobs/{job_id}").json


def test_an_explanation_is_told_to_scripts_as_by_the_route(
    folder: Path, http: Any, job_id: str
) -> None:
    assert (
        told(folder, "explain", job_id[:8]) == http.get(f"/api/v1/queue/jobs/{job_id}/explain").json
    )


def test_a_queue_without_servers_is_an_empty_list_for_scripts(tmp_path: Path) -> None:
    StableQueue.open(tmp_path, dispatch=False).close()
    assert told(tmp_path, "servers", "list") == []
    assert told(tmp_path, "jobs", "list") == {"total": 0, "jobs": []}


def test_what_goes_wrong_stays_a_sentence_on_the_other_stream(folder: Path) -> None:
    result = run("servers", "show", "Nobody", "--json", "--data-dir", str(folder))
    check_sentence(result, "'Nobody' not found")
    assert result.stdout == ""
