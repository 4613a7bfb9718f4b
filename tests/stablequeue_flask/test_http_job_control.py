"""Hold, release, move to the front; and what stands beside the parameters of a new job."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from stablequeue_core import Job, Settings, StableQueue

PENDING = "only a pending job can be held, released or moved"


def generate(client: Any, target: str = "Laptop", **beside: Any) -> Any:
    params = {"positive_prompt": "a cat", "checkpoint_name": "pony", **beside.pop("params", {})}
    body = {"target_server_alias": target, "generation_params": params, **beside}
    return client.post("/api/v1/generate", json=body)


def test_a_job_is_held_and_released(client: Any, submit: Callable[..., str]) -> None:
    job_id = submit()

    held = client.post(f"/api/v1/queue/jobs/{job_id}/hold")
    assert (held.status_code, held.json["message"]) == (200, "Job held.")
    assert held.json["job"]["held"] is True
    released = client.post(f"/api/v1/queue/jobs/{job_id}/release")
    assert (released.status_code, released.json["message"]) == (200, "Job released.")
    assert released.json["job"]["held"] is False


def test_a_job_that_is_moved_to_the_front_is_next(client: Any, submit: Callable[..., str]) -> None:
    first, second = submit(), submit()

    moved = client.post(f"/api/v1/queue/jobs/{second}/front")

    assert (moved.status_code, moved.json["message"]) == (200, "Job moved to the front.")
    places = [
        client.get(f"/api/v1/queue/jobs/{each}").json["queue_position"] for each in (second, first)
    ]
    assert places == [0, 1]


@pytest.mark.parametrize("wish", ["hold", "release", "front"])
def test_a_job_that_does_not_wait_cannot_be_held_released_or_moved(
    client: Any, submit: Callable[..., str], begin: Callable[[str], Job], wish: str
) -> None:
    job_id = submit()
    begin(job_id)

    answer = client.post(f"/api/v1/queue/jobs/{job_id}/{wish}")

    assert answer.status_code == 409
    assert answer.json["error"] == "job_not_pending"
    assert answer.json["details"] == {"job_id": job_id, "status": "processing"}
    assert PENDING in answer.json["message"]


@pytest.mark.parametrize("wish", ["hold", "release", "front"])
def test_a_job_that_is_not_there_is_not_found(client: Any, wish: str) -> None:
    answer = client.post(f"/api/v1/queue/jobs/nobody/{wish}")

    assert (answer.status_code, answer.json["error"]) == (404, "job_not_found")


def test_a_job_may_say_who_wants_it_when_and_whether_it_waits(
    client: Any, queue: StableQueue
) -> None:
    answer = generate(
        client, client_id="studio-7", not_before="2031-05-01T10:00:00+02:00", hold=True
    )

    job = queue.get(answer.json["stablequeue_job_id"])
    assert (job.client_id, job.held) == ("studio-7", True)
    assert job.not_before == datetime(2031, 5, 1, 8, tzinfo=UTC)
    shown = client.get(f"/api/v1/queue/jobs/{job.id}").json
    assert shown["not_before"] == "2031-05-01T08:00:00.000Z"
    assert (shown["client_id"], shown["held"]) == ("studio-7", True)
    assert (shown["part_of"], shown["parts"]) == (None, [])


@pytest.mark.parametrize(
    "beside",
    [
        {"client_id": ""},
        {"client_id": "x" * 256},
        {"client_id": ["studio"]},
        {"client_id": "a\u0007b"},
        {"not_before": "tomorrow"},
        {"not_before": "2031-05-01T08:00:00"},
        {"not_before": "0001-01-01T00:00:00+14:00"},
        {"not_before": 1935561600},
        {"not_before": ""},
        {"hold": "true"},
        {"hold": None},
    ],
    ids=str,
)
def test_a_wish_that_cannot_be_understood_is_named(client: Any, beside: dict[str, Any]) -> None:
    answer = generate(client, **beside)

    assert answer.status_code == 400
    assert [each["path"] for each in answer.json["details"]["fields"]] == [*beside]


def test_every_bad_wish_is_told_at_once_with_every_bad_parameter(client: Any) -> None:
    answer = generate(
        client, client_id=7, not_before="soon", hold=1, priority="high", params={"steps": 0}
    )

    paths = [each["path"] for each in answer.json["details"]["fields"]]
    wishes = ["priority", "client_id", "not_before", "hold"]
    assert paths == [*wishes, "generation_params.steps"]


def test_the_same_key_with_another_wish_is_another_request(client: Any) -> None:
    headers = {"Idempotency-Key": "once"}
    body = {"target_server_alias": "Laptop", "generation_params": {"positive_prompt": "a cat"}}

    first = client.post("/api/v1/generate", json=body, headers=headers)
    again = client.post("/api/v1/generate", json=body, headers=headers)
    other = client.post("/api/v1/generate", json={**body, "hold": True}, headers=headers)

    assert again.json == first.json
    assert (other.status_code, other.json["error"]) == (409, "idempotency_key_reused")


def test_a_target_that_no_server_has_a_tag_for_is_not_found(client: Any) -> None:
    answer = generate(client, "auto:nobody")

    assert (answer.status_code, answer.json["error"]) == (404, "server_not_found")


class TestInParts:
    """A big batch for any server, where the setting allows to cut it."""

    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(cancel_wait=0.1, split_batches=True, split_smallest=2)

    @pytest.fixture
    def whole(self, client: Any, queue: StableQueue) -> str:
        """The id of a job in two parts."""
        queue.servers.add("Tower", "http://127.0.0.1:7861")
        answer = generate(client, "auto", params={"num_images": 4})
        return str(answer.json["stablequeue_job_id"])

    def test_only_the_whole_is_listed_and_it_names_its_parts(self, client: Any, whole: str) -> None:
        listed = client.get("/api/v1/queue/jobs").json

        assert (listed["total"], [job["stablequeue_job_id"] for job in listed["jobs"]]) == (
            1,
            [whole],
        )
        parts = [
            client.get(f"/api/v1/queue/jobs/{part}").json for part in listed["jobs"][0]["parts"]
        ]
        assert [part["part_of"] for part in parts] == [whole, whole]
        assert [part["generation_params"]["num_images"] for part in parts] == [2, 2]

    def test_its_parameters_come_back_as_they_were_sent(self, client: Any, whole: str) -> None:
        params = client.get(f"/api/v1/queue/jobs/{whole}").json["generation_params"]

        assert params == {"positive_prompt": "a cat", "checkpoint_name": "pony", "num_images": 4}

    def test_cancelling_and_deleting_it_leaves_nothing_of_it(
        self, client: Any, whole: str, queue: StableQueue
    ) -> None:
        parts = queue.get(whole).parts

        cancelled = client.post(f"/api/v1/queue/jobs/{whole}/cancel")
        deleted = client.delete(f"/api/v1/queue/jobs/{whole}")

        assert (cancelled.status_code, deleted.status_code) == (200, 200)
        assert cancelled.json["job"]["result_details"]["cancelled"] is True
        assert {client.get(f"/api/v1/queue/jobs/{part}").status_code for part in parts} == {404}
