"""The queue as a whole: at a glance, paused, resumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stablequeue_core import Job, ServerHealth, ServerStatus, StableQueue
from stablequeue_core.clock import SystemClock
from stablequeue_core.servers import Cost, ServerReport
from stablequeue_core.storage import Storage


def test_the_status_counts_the_jobs(
    client: Any, submit: Callable[..., str], complete: Callable[..., Job]
) -> None:
    complete(submit())
    submit()
    answer = client.get("/api/v1/status")
    assert answer.status_code == 200
    assert answer.json == {
        "paused": False,
        "dispatching": False,
        "jobs": {"pending": 1, "processing": 0, "completed": 1, "failed": 0, "cancelled": 0},
        "eta_seconds": None,
        "backlog": {
            "jobs": 1,
            "megapixel_steps": 5.24288,
            "unserved": 1,
            "servers": {},
            "later": 0,
        },
    }


def test_the_status_tells_how_long_all_of_it_takes(
    client: Any, submit: Callable[..., str], storage: Storage
) -> None:
    now = SystemClock().now()
    health = ServerHealth(status=ServerStatus.ONLINE, checked_at=now)
    storage.reports.put(ServerReport(alias="Laptop", health=health, worker="w", at=now))
    storage.costs.save(Cost(server="Laptop", family="", pace=2.0, samples=3))
    submit(width=1000, height=1000, steps=5)
    submit("auto", width=1000, height=1000, steps=5)
    body = client.get("/api/v1/status").json
    assert body["eta_seconds"] == pytest.approx(20)
    assert body["backlog"] == {
        "jobs": 2,
        "megapixel_steps": 10.0,
        "unserved": 0,
        "servers": {"Laptop": pytest.approx(20)},
        "later": 0,
    }


def test_nobody_knows_when_a_paused_queue_is_done(client: Any, submit: Callable[..., str]) -> None:
    submit()
    client.post("/api/v1/queue/pause")
    assert client.get("/api/v1/status").json["eta_seconds"] is None


def test_the_queue_can_be_paused_and_resumed(client: Any, queue: StableQueue) -> None:
    answer = client.post("/api/v1/queue/pause")
    assert (answer.status_code, answer.json["paused"]) == (200, True)
    assert queue.status().paused
    assert client.get("/api/v1/status").json["paused"] is True
    answer = client.post("/api/v1/queue/resume")
    assert (answer.status_code, answer.json["paused"]) == (200, False)
    assert not queue.status().paused


def test_a_paused_queue_still_takes_jobs(client: Any, submit: Callable[..., str]) -> None:
    client.post("/api/v1/queue/pause")
    assert submit()
