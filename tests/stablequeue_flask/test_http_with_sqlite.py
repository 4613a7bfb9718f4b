"""What could choke a database: asked of the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stablequeue_core.storage.base import Storage
from stablequeue_core.storage.sqlite import SqliteStorage

JOB = {"target_server_alias": "Laptop", "generation_params": {"positive_prompt": "a cat"}}


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with SqliteStorage(tmp_path / "queue.sqlite3") as storage:
        yield storage


@pytest.mark.parametrize("name", ["%00", "%ff", "'; DROP TABLE jobs;--", "%ed%a0%80", "x" * 9000])
def test_no_name_in_a_path_is_more_than_not_found(client: Any, name: str) -> None:
    for method, path in (
        ("GET", f"/api/v1/queue/jobs/{name}/status"),
        ("POST", f"/api/v1/queue/jobs/{name}/cancel"),
        ("POST", f"/api/v1/queue/jobs/{name}/retry"),
        ("DELETE", f"/api/v1/queue/jobs/{name}"),
        ("GET", f"/api/v1/servers/{name}"),
        ("PUT", f"/api/v1/servers/{name}"),
        ("DELETE", f"/api/v1/servers/{name}"),
        ("POST", f"/api/v1/servers/{name}/pause"),
        ("GET", f"/outputs/{name}"),
    ):
        assert client.open(path, method=method, json={}).status_code == 404, (method, path)


@pytest.mark.parametrize("target", ["\x00", "'--", "😀", "x" * 9000])
def test_no_target_is_more_than_not_found(client: Any, target: str) -> None:
    answer = client.post("/api/v1/generate", json={**JOB, "target_server_alias": target})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "query", [f"offset={10**18 - 1}", f"limit={10**18 - 1}", "limit=0", "order=asc&offset=3"]
)
def test_every_number_that_is_accepted_can_be_asked_for(
    client: Any, submit: Callable[..., str], query: str
) -> None:
    submit()
    assert client.get(f"/api/v1/queue/jobs?{query}").status_code == 200


@pytest.mark.parametrize("priority", [-1_000_000, 1_000_000])
def test_every_priority_that_is_accepted_can_be_kept(client: Any, priority: int) -> None:
    answer = client.post("/api/v1/generate", json={**JOB, "priority": priority})
    job_id = answer.json["stablequeue_job_id"]
    job = client.get(f"/api/v1/queue/jobs/{job_id}/status").json
    assert job["priority"] == priority


@pytest.mark.parametrize("key", ["'--", "\xe9\xff", "k" * 255, " x"], ids=ascii)
def test_every_key_that_is_accepted_can_be_kept(client: Any, key: str) -> None:
    headers = {"Idempotency-Key": key}
    answers = [client.post("/api/v1/generate", json=JOB, headers=headers) for _ in range(2)]
    assert answers[0].status_code == 202
    assert answers[0].json == answers[1].json


def test_parameters_survive_the_database_exactly(client: Any) -> None:
    params = (
        '{"z":1,"positive_prompt":"ü😀\\u2028\\\\","a":[1,1.0,1e3,-0.0,1e-7,'
        + str(2**64 - 1)
        + ',null,{"":""}]}'
    )
    body = f'{{"target_server_alias": "Laptop", "generation_params": {params}}}'
    answer = client.post("/api/v1/generate", data=body, content_type="application/json")
    job_id = answer.json["stablequeue_job_id"]
    shown = client.get(f"/api/v1/queue/jobs/{job_id}/status").text
    exact = params.replace("\\u2028", "\u2028").replace("1e3", "1000.0").replace("1e-7", "1e-07")
    assert f'"generation_params":{exact},' in shown
