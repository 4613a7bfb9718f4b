"""GET /queue/jobs/:id/status: the fields of the document in their order, then ours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stablequeue_core import EventKind, Job, Progress, StableQueue
from stablequeue_core.generation import Phase
from stablequeue_core.jobs import AttemptOutcome, JobFailure, event_of
from stablequeue_core.storage.base import Storage

Change = Callable[..., Job]
Submit = Callable[..., str]

DOCUMENTED = [
    "stablequeue_job_id",
    "status",
    "creation_timestamp",
    "last_updated_timestamp",
    "completion_timestamp",
    "target_server_alias",
    "forge_session_hash",
    "generation_params",
    "result_details",
    "retry_count",
]
OURS = [
    "progress",
    "priority",
    "cancel_requested",
    "waiting_reason",
    "not_before",
    "attempts",
    "client_id",
    "held",
    "part_of",
    "parts",
    "queue_position",
    "waits_for",
    "eta_seconds",
]
DOCUMENTED_PARAMS = {
    "positive_prompt": "a pretty girl",
    "negative_prompt": "ugly",
    "checkpoint_name": "Pony/cyberrealisticPony_v85.safetensors",
    "style_preset": "simple",
    "sampling_category": "Both",
    "enable_hires_fix": False,
    "upscaler_model": "None",
    "refiner_model": "None",
    "num_images": 1,
    "seed": "",
    "subseed": "",
    "width": 512,
    "height": 512,
    "steps": 20,
    "cfg_scale": 7,
    "sampler_name": "Euler",
    "restore_faces": False,
    "scheduler_or_quality_preset": "Balanced",
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def status(client: Any) -> Callable[[str], Any]:
    def status(job_id: str) -> Any:
        answer = client.get(f"/api/v1/queue/jobs/{job_id}/status")
        assert answer.status_code == 200
        return answer.json

    return status


def test_the_fields_are_those_of_the_document_in_its_order_then_ours(
    submit: Submit, complete: Change, status: Callable[[str], Any]
) -> None:
    job_id = submit()
    assert list(status(job_id)) == [*DOCUMENTED, *OURS]
    complete(job_id)
    assert list(status(job_id)) == [*DOCUMENTED, *OURS]


def test_a_pending_job_is_as_in_the_document(submit: Submit, status: Callable[[str], Any]) -> None:
    job_id = submit(steps=5)
    body = status(job_id)
    assert body["stablequeue_job_id"] == job_id
    assert body["status"] == "pending"
    assert body["creation_timestamp"] == body["last_updated_timestamp"]
    assert MOMENT.fullmatch(body["creation_timestamp"])
    assert body["completion_timestamp"] is None
    assert body["target_server_alias"] == "Laptop"
    assert body["forge_session_hash"] is None
    assert body["generation_params"] == {"positive_prompt": "a cat", "steps": 5}
    assert body["result_details"] is None
    assert body["retry_count"] == 0


def test_the_parameters_come_back_exactly_as_sent(client: Any) -> None:
    odd = {**DOCUMENTED_PARAMS, "width": 512.0, "seed": " 7 ", "my_own": {"ü": [1, None, "😀"]}}
    params = json.dumps(odd, ensure_ascii=False, separators=(",", ":"))
    body = f'{{"target_server_alias": "Laptop", "generation_params": {params}}}'
    sent = client.post("/api/v1/generate", data=body, content_type="application/json")
    job_id = sent.json["stablequeue_job_id"]
    answer = client.get(f"/api/v1/queue/jobs/{job_id}/status")
    assert f'"generation_params":{params},' in answer.get_data(as_text=True)


def test_a_completed_job_shows_its_pictures_and_what_the_server_said(
    submit: Submit, complete: Change, status: Callable[[str], Any]
) -> None:
    job_id = submit(**DOCUMENTED_PARAMS)
    job = complete(
        job_id,
        generation_info={
            "prompt": "a pretty girl",
            "all_prompts": ["a pretty girl"],
            "negative_prompt": "ugly",
            "all_negative_prompts": ["ugly"],
            "seed": 1806652750,
        },
        ignored_params=("my_own",),
        proof={"checkpoint": {"asked": "a", "got": "a"}},
    )
    body = status(job_id)
    assert body["status"] == "completed"
    assert body["completion_timestamp"] == body["last_updated_timestamp"]
    assert body["forge_session_hash"] == job.task_id
    details = body["result_details"]
    assert list(details) == ["images", "info", "generation_info", "ignored_params", "proof"]
    assert details["images"] == ["88615c9d_1747190448393_00028-1806652750.png"]
    assert details["info"] == "Job completed and images downloaded by StableQueue backend."
    assert list(details["generation_info"]) == [
        "prompt",
        "all_prompts",
        "negative_prompt",
        "all_negative_prompts",
        "seed",
    ]
    assert details["ignored_params"] == ["my_own"]
    assert details["proof"] == {"checkpoint": {"asked": "a", "got": "a"}}


def test_a_failed_job_says_why_and_after_how_many_attempts(
    submit: Submit, fail: Change, status: Callable[[str], Any]
) -> None:
    job_id = submit()
    fail(job_id)
    body = status(job_id)
    assert body["status"] == "failed"
    assert body["result_details"] == {
        "error": "unknown_sampler",
        "message": "It has no such sampler.",
        "attempts": 1,
        "details": {"wanted": "Oiler"},
    }


def test_a_cancelled_job_says_so(client: Any, submit: Submit, status: Callable[[str], Any]) -> None:
    job_id = submit()
    client.post(f"/api/v1/queue/jobs/{job_id}/cancel")
    body = status(job_id)
    assert body["status"] == "cancelled"
    assert body["result_details"] == {"cancelled": True, "message": "Job cancelled by user"}


def test_a_running_job_shows_its_attempt_and_its_progress(
    queue: StableQueue,
    submit: Submit,
    begin: Change,
    status: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job_id = submit()
    job = begin(job_id)
    seen = Progress(fraction=0.25, phase=Phase.SAMPLING, step=5, steps=20, eta_seconds=3.5)
    monkeypatch.setattr(queue, "progress", lambda job_id: seen)
    body = status(job_id)
    assert body["status"] == "processing"
    assert body["result_details"] is None
    assert body["queue_position"] is None
    assert body["progress"] == {
        "fraction": 0.25,
        "phase": "sampling",
        "step": 5,
        "steps": 20,
        "eta_seconds": 3.5,
    }
    attempt = job.attempts[0]
    started = attempt.started_at.strftime("%Y-%m-%dT%H:%M:%S")
    assert body["attempts"][0]["started_at"].startswith(started)
    assert body["attempts"] == [
        {
            "number": 1,
            "server": "Laptop",
            "task_id": job.task_id,
            "started_at": body["attempts"][0]["started_at"],
            "ended_at": None,
            "outcome": None,
            "error": None,
            "message": None,
            "remedy": None,
        }
    ]


def test_a_job_that_was_given_back_says_why_it_waits_and_until_when(
    storage: Storage, submit: Submit, begin: Change, status: Callable[[str], Any]
) -> None:
    job_id = submit()
    now = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    back = begin(job_id).give_back(
        outcome=AttemptOutcome.FAILED,
        failure=JobFailure(code="out_of_memory", message="The card is full."),
        counted=True,
        not_before=now + timedelta(seconds=2),
        now=now,
    )
    storage.jobs.replace(back, event_of(EventKind.JOB_REQUEUED, back))
    begin(job_id)
    again = status(job_id)
    assert again["retry_count"] == 1
    assert [a["outcome"] for a in again["attempts"]] == ["failed", None]
    assert again["attempts"][0]["error"] == "out_of_memory"
    assert again["attempts"][0]["message"] == "The card is full."
    assert again["attempts"][0]["ended_at"] == "2026-01-02T03:04:05.678Z"


def test_a_pending_job_knows_how_many_come_before_it(
    submit: Submit, status: Callable[[str], Any]
) -> None:
    ids = [submit() for _ in range(3)]
    assert [status(job_id)["queue_position"] for job_id in ids] == [0, 1, 2]


@pytest.mark.parametrize(
    "job_id",
    [
        "88615c9d-71ec-4803-88b0-14f5162f6c66",
        "nonsense",
        "1",
        "%00",
        "%ff",
        "..",
        "a" * 3000,
        "ü😀",
        "'--",
    ],
)
def test_an_unknown_id_is_404_whether_it_is_a_uuid_or_not(client: Any, job_id: str) -> None:
    answer = client.get(f"/api/v1/queue/jobs/{job_id}/status")
    assert answer.status_code == 404
    assert answer.json["error"] == "job_not_found"
    assert answer.json["success"] is False


def test_reading_changes_nothing(submit: Submit, status: Callable[[str], Any]) -> None:
    job_id = submit()
    assert status(job_id) == status(job_id)
