"""GET /queue/jobs/<id>/explain, and the command that prints the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.worlds import SDXL, World

from stablequeue_core import Job, ServerHealth, ServerStatus, StableQueue
from stablequeue_core.clock import SystemClock
from stablequeue_core.servers import ServerReport
from stablequeue_core.storage import Storage
from stablequeue_flask import cli, create_app

Submit = Callable[..., str]

FIELDS = [
    "stablequeue_job_id",
    "status",
    "why",
    "eta_seconds",
    "queue_position",
    "jobs_before",
    "chosen_server",
    "chosen_why",
    "story",
    "waits_for",
    "servers",
]
OF_A_SERVER = [
    "server",
    "can",
    "missing",
    "status",
    "is_loaded",
    "load_seconds",
    "seconds",
    "starts_in",
    "is_learned",
    "is_best",
    "worker",
    "note",
]


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    """A world that runs no jobs, whose ``Laptop`` answers."""
    world = World(tmp_path / "queue", dispatch=False)
    yield world
    world.close()


def explained(client: Any, job_id: str) -> Any:
    answer = client.get(f"/api/v1/queue/jobs/{job_id}/explain")
    assert answer.status_code == 200, answer.json
    return answer.json


def test_an_explanation_has_these_fields(desk: World) -> None:
    body = explained(create_app(desk.queue).test_client(), desk.submit("auto").id)
    assert list(body) == FIELDS
    assert [list(server) for server in body["servers"]] == [OF_A_SERVER]


def test_a_job_that_nobody_runs_says_what_to_start(desk: World) -> None:
    body = explained(create_app(desk.queue).test_client(), desk.submit("auto").id)
    assert "`stablequeue work`" in body["why"]
    assert (body["eta_seconds"], body["queue_position"], body["jobs_before"]) == (None, 0, 0)


def test_each_server_says_whether_it_can(desk: World) -> None:
    client = create_app(desk.queue).test_client()
    (server,) = explained(client, desk.submit("auto", checkpoint_name=SDXL).id)["servers"]
    assert (server["server"], server["can"], server["missing"]) == ("Laptop", True, [])
    (server,) = explained(client, desk.submit("auto", checkpoint_name="nowhere").id)["servers"]
    assert server["can"] is False
    assert "has no checkpoint 'nowhere'" in server["missing"][0]


def test_the_status_route_tells_when_a_job_will_be_done(
    client: Any, submit: Submit, storage: Storage
) -> None:
    now = SystemClock().now()
    health = ServerHealth(status=ServerStatus.ONLINE, checked_at=now)
    storage.reports.put(ServerReport(alias="Laptop", health=health, worker="w", at=now))
    first, second = submit(), submit()
    etas = [
        client.get(f"/api/v1/queue/jobs/{job_id}/status").json["eta_seconds"]
        for job_id in (first, second)
    ]
    assert 0 < etas[0] < etas[1]


def test_a_job_that_has_ended_tells_its_story(
    client: Any, submit: Submit, complete: Callable[..., Job]
) -> None:
    body = explained(client, complete(submit()).id)
    assert (body["status"], body["chosen_server"]) == ("completed", "Laptop")
    assert body["story"] == ["Attempt 1 on server 'Laptop' was done in about a second."]
    assert (body["servers"], body["eta_seconds"]) == ([], None)


def test_a_job_that_is_not_there_is_404(client: Any) -> None:
    answer = client.get("/api/v1/queue/jobs/nowhere/explain")
    assert (answer.status_code, answer.json["error"]) == (404, "job_not_found")


def test_the_command_prints_a_table_for_people(tmp_path: Path) -> None:
    with StableQueue.open(tmp_path, dispatch=False) as queue:
        queue.servers.add("Laptop", "http://127.0.0.1:9")
        job = queue.submit(
            "auto",
            positive_prompt="a cat",
            not_before=SystemClock().now() + timedelta(hours=1),
        )
    result = CliRunner().invoke(cli.main, ["explain", "--data-dir", str(tmp_path), job.id])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == f"Job:            {job.id}"
    assert lines[2].startswith("Why:            It is not to start before ")
    head = next(number for number, line in enumerate(lines) if line.startswith("server"))
    assert lines[head + 1].split()[:3] == ["Laptop", "?", "unknown"]
    assert any(
        line.startswith("No process sends jobs to server 'Laptop'") for line in lines[head + 2 :]
    )


def test_the_command_says_in_one_sentence_that_there_is_no_such_job(tmp_path: Path) -> None:
    StableQueue.open(tmp_path, dispatch=False).close()
    result = CliRunner().invoke(cli.main, ["explain", "--data-dir", str(tmp_path), "nowhere"])
    assert result.exit_code == 1
    assert result.output.splitlines() == ["Error: Job nowhere not found."]
