"""The queue as a whole: at a glance, paused, resumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stablequeue_core import Job, StableQueue


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
    }


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
