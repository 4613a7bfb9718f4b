"""From the request to the picture, with a simulated Forge at the other end."""

from __future__ import annotations

from typing import Any

import pytest
from tests.worlds import PONY, World

from stablequeue_core import JobStatus
from stablequeue_core.generation import ImageFormat, sniff
from stablequeue_flask import create_app

SMALL = {"positive_prompt": "a lighthouse", "width": 64, "height": 64, "steps": 4}


@pytest.fixture
def client(world: World) -> Any:
    return create_app(world.queue).test_client()


def submit(client: Any, **params: Any) -> str:
    body = {"target_server_alias": "Laptop", "generation_params": {**SMALL, **params}}
    return str(client.post("/api/v1/generate", json=body).json["stablequeue_job_id"])


def finished(client: Any, world: World, job_id: str) -> Any:
    world.queue.wait(job_id, timeout=10)
    return client.get(f"/api/v1/queue/jobs/{job_id}/status").json


def test_a_job_becomes_a_picture_that_can_be_fetched(client: Any, world: World) -> None:
    job = finished(client, world, submit(client, checkpoint_name=PONY, num_images=2, seed="7"))
    assert job["status"] == "completed", job
    details = job["result_details"]
    assert len(details["images"]) == 2
    for index, name in enumerate(details["images"]):
        assert name.startswith(f"{job['stablequeue_job_id'][:8]}_")
        assert name.endswith(f"_{index:05d}-{7 + index}.png")
        for base in ("/outputs", "/api/v1/images"):
            with client.get(f"{base}/{name}") as answer:
                assert sniff(answer.data) is ImageFormat.PNG
    info = details["generation_info"]
    assert info["prompt"] == "a lighthouse"
    assert info["all_prompts"] == ["a lighthouse"] * 2
    assert {"negative_prompt", "all_negative_prompts", "seed"} <= info.keys()
    assert job["forge_session_hash"] == job["attempts"][0]["task_id"]
    assert job["attempts"][0]["outcome"] == "completed"
    assert job["generation_params"]["seed"] == "7"


def test_what_is_not_sent_is_named(client: Any, world: World) -> None:
    job = finished(client, world, submit(client, style_preset="simple", my_own="x"))
    assert job["result_details"]["ignored_params"] == ["my_own"]


def test_a_checkpoint_that_the_server_lacks_fails_with_what_it_has(
    client: Any, world: World
) -> None:
    job = finished(client, world, submit(client, checkpoint_name="missing.safetensors"))
    assert job["status"] == "failed"
    details = job["result_details"]
    assert details["error"] == "unknown_checkpoint"
    assert "missing.safetensors" in details["message"]
    assert details["attempts"] == 1
    assert details["details"]["available"]


def test_a_running_job_is_cancelled_on_its_server_and_the_next_one_runs(
    client: Any, world: World
) -> None:
    world.forge.costs.seconds_per_step = 0.2
    job_id = submit(client, steps=100)
    world.until_running(world.queue.get(job_id))
    answer = client.post(f"/api/v1/queue/jobs/{job_id}/cancel")
    assert answer.status_code == 200
    assert answer.json["job"]["status"] == "cancelled"
    world.forge.costs.seconds_per_step = 0.0
    assert finished(client, world, submit(client))["status"] == "completed"


def test_progress_is_shown_while_the_server_works(client: Any, world: World) -> None:
    world.forge.costs.seconds_per_step = 0.05
    job_id = submit(client, steps=100)

    def progress() -> Any:
        return client.get(f"/api/v1/queue/jobs/{job_id}/status").json["progress"]

    world.until(lambda: (progress() or {}).get("fraction", 0) > 0)
    assert 0 < progress()["fraction"] <= 1
    client.post(f"/api/v1/queue/jobs/{job_id}/cancel")


def test_a_server_shows_what_it_has_loaded(client: Any, world: World) -> None:
    finished(client, world, submit(client, checkpoint_name=PONY))
    world.until(lambda: client.get("/api/v1/servers/Laptop").json["loaded_checkpoint"])
    server = client.get("/api/v1/servers/Laptop").json
    assert server["status"] == "online"
    assert "cyberrealisticPony_v8" in server["loaded_checkpoint"]


def test_a_paused_queue_waits_and_a_resumed_one_goes_on(client: Any, world: World) -> None:
    client.post("/api/v1/queue/pause")
    job_id = submit(client)
    assert client.get("/api/v1/status").json["jobs"]["pending"] == 1
    client.post("/api/v1/queue/resume")
    assert finished(client, world, job_id)["status"] == "completed"


def test_deleting_with_images_leaves_none(client: Any, world: World) -> None:
    job = finished(client, world, submit(client))
    (name,) = job["result_details"]["images"]
    path = f"/api/v1/queue/jobs/{job['stablequeue_job_id']}?delete_images=true"
    assert client.delete(path).status_code == 200
    assert client.get(f"/outputs/{name}").status_code == 404


def test_a_renamed_server_keeps_its_jobs_and_goes_on(client: Any, world: World) -> None:
    client.post("/api/v1/servers/Laptop/pause")
    job_id = submit(client)
    assert client.put("/api/v1/servers/Laptop", json={"alias": "Notebook"}).status_code == 200
    client.post("/api/v1/servers/Notebook/resume")
    job = finished(client, world, job_id)
    assert job["status"] == JobStatus.COMPLETED
    assert job["target_server_alias"] == "Notebook"


def test_a_failed_job_can_be_tried_again_with_its_own_seed(client: Any, world: World) -> None:
    job_id = submit(client, checkpoint_name="later.safetensors")
    assert finished(client, world, job_id)["status"] == "failed"
    assert client.post(f"/api/v1/queue/jobs/{job_id}/retry").status_code == 202
    again = finished(client, world, job_id)
    assert again["retry_count"] == 1
    assert [attempt["number"] for attempt in again["attempts"]] == [1, 2]
