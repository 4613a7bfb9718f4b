"""POST /generate: accepts a job, or says everything that is wrong with it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from stablequeue_core import Settings, StableQueue

EXAMPLE: dict[str, Any] = {
    "target_server_alias": "Laptop",
    "generation_params": {
        "positive_prompt": "a beautiful landscape",
        "negative_prompt": "ugly, blurry",
        "checkpoint_name": "Pony/cyberrealisticPony_v8.safetensors",
        "width": 512,
        "height": 512,
        "steps": 20,
        "cfg_scale": 7,
        "sampler_name": "Euler",
        "restore_faces": False,
        "scheduler_or_quality_preset": "Balanced",
    },
}


def example(**params: Any) -> dict[str, Any]:
    return {**EXAMPLE, "generation_params": {**EXAMPLE["generation_params"], **params}}


def paths(answer: Any) -> list[str]:
    assert answer.status_code == 400, answer.json
    assert answer.json["success"] is False
    return [problem["path"] for problem in answer.json["details"]["fields"]]


def test_the_documents_example_is_accepted_with_202_and_an_id(
    client: Any, queue: StableQueue
) -> None:
    answer = client.post("/api/v1/generate", json=EXAMPLE)
    assert answer.status_code == 202
    assert list(answer.json) == ["stablequeue_job_id"]
    job_id = answer.json["stablequeue_job_id"]
    assert str(uuid.UUID(job_id)) == job_id
    assert queue.get(job_id).params == EXAMPLE["generation_params"]


def test_any_server_may_run_a_job_for_auto(client: Any, queue: StableQueue) -> None:
    answer = client.post("/api/v1/generate", json={**EXAMPLE, "target_server_alias": "auto"})
    assert queue.get(answer.json["stablequeue_job_id"]).target == "auto"


def test_a_job_may_have_a_priority(client: Any, queue: StableQueue) -> None:
    answer = client.post("/api/v1/generate", json={**EXAMPLE, "priority": 5})
    assert queue.get(answer.json["stablequeue_job_id"]).priority == 5


def test_unknown_fields_beside_the_documented_ones_are_left_alone_and_named(client: Any) -> None:
    answer = client.post("/api/v1/generate", json={**EXAMPLE, "app_type": "forge", "x": None})
    assert answer.status_code == 202
    assert list(answer.json) == ["stablequeue_job_id", "ignored_fields"]
    assert answer.json["ignored_fields"] == ["app_type", "x"]


@pytest.mark.parametrize(
    ("written", "value", "right"),
    [
        ("priorty", 3, "priority"),
        ("notbefore", "2125-01-01T00:00:00Z", "not_before"),
        ("notBefore", "2125-01-01T00:00:00Z", "not_before"),
        ("Hold", True, "hold"),
        ("clientId", "ada", "client_id"),
        ("generation_info", "a cat", None),
    ],
)
def test_a_field_that_is_misspelled_is_refused_rather_than_left_out(
    client: Any, queue: StableQueue, written: str, value: Any, right: str | None
) -> None:
    answer = client.post("/api/v1/generate", json={**EXAMPLE, written: value})
    if right is None:
        assert answer.json["ignored_fields"] == [written]
        return
    assert paths(answer) == [written]
    assert f"did you mean {right}?" in answer.json["message"]
    assert queue.list().total == 0


def test_a_misspelled_field_is_told_beside_whatever_else_is_wrong(client: Any) -> None:
    body = {
        "targetServerAlias": "Laptop",
        "generation_params": {"positive_prompt": "x", "steps": 0},
    }
    answer = client.post("/api/v1/generate", json=body)
    assert paths(answer) == ["targetServerAlias", "target_server_alias", "generation_params.steps"]


def test_an_unknown_server_is_404_and_names_those_there_are(client: Any) -> None:
    answer = client.post("/api/v1/generate", json={**EXAMPLE, "target_server_alias": "Desk"})
    assert answer.status_code == 404
    assert answer.json["error"] == "server_not_found"
    assert answer.json["details"] == {"alias": "Desk", "known": ["Laptop"]}


def test_prompt_instead_of_positive_prompt_is_refused_by_name(client: Any) -> None:
    body = {"target_server_alias": "Laptop", "generation_params": {"prompt": "a cat"}}
    answer = client.post("/api/v1/generate", json=body)
    assert paths(answer) == ["generation_params.positive_prompt"]
    assert answer.json["error"] == "invalid_params"
    assert "`positive_prompt`" in answer.json["message"]


def test_every_bad_parameter_is_listed_with_its_path(client: Any) -> None:
    answer = client.post("/api/v1/generate", json=example(width=63, steps=151, cfg_scale="7"))
    assert sorted(paths(answer)) == [
        "generation_params.cfg_scale",
        "generation_params.steps",
        "generation_params.width",
    ]


def test_bad_fields_around_the_parameters_are_listed_together_with_those_in_them(
    client: Any,
) -> None:
    body = {"priority": 1.5, "generation_params": {"positive_prompt": 1}}
    assert paths(client.post("/api/v1/generate", json=body)) == [
        "target_server_alias",
        "priority",
        "generation_params.positive_prompt",
    ]


@pytest.mark.parametrize(
    "params",
    [
        {"width": 4097},
        {"height": 0},
        {"steps": 0},
        {"cfg_scale": 30.1},
        {"num_images": 17},
        {"batch_size": 4, "num_images": 5},
        {"seed": "abc"},
        {"seed": 2**63},
        {"positive_prompt": "\x00"},
        {"restore_faces": "yes"},
    ],
    ids=str,
)
def test_parameters_are_checked_when_the_job_is_submitted(
    client: Any, params: dict[str, Any]
) -> None:
    assert paths(client.post("/api/v1/generate", json=example(**params)))


@pytest.mark.parametrize("target", [None, "", 5, ["Laptop"], {}, True], ids=repr)
def test_the_target_must_be_text(client: Any, target: object) -> None:
    answer = client.post("/api/v1/generate", json={**EXAMPLE, "target_server_alias": target})
    assert paths(answer) == ["target_server_alias"]


@pytest.mark.parametrize("params", [None, [], "a cat", 1, True], ids=repr)
def test_the_parameters_must_be_an_object(client: Any, params: object) -> None:
    answer = client.post("/api/v1/generate", json={**EXAMPLE, "generation_params": params})
    assert paths(answer) == ["generation_params"]


@pytest.mark.parametrize("priority", [True, "1", 0.5, None, 10**30, -(2**63) - 1], ids=repr)
def test_a_priority_must_be_a_sane_whole_number(client: Any, priority: object) -> None:
    answer = client.post("/api/v1/generate", json={**EXAMPLE, "priority": priority})
    assert paths(answer) == ["priority"]


def test_a_prompt_of_five_megabytes_gets_a_clear_400(client: Any) -> None:
    answer = client.post("/api/v1/generate", json=example(positive_prompt="a" * 5_000_000))
    assert paths(answer) == ["generation_params.positive_prompt"]
    assert "5,000,000 characters" in answer.json["message"]


@pytest.mark.parametrize("settings", [Settings(max_images=2, max_prompt_chars=10)])
def test_the_settings_decide_how_much_one_job_may_ask_for(client: Any) -> None:
    too_much = example(positive_prompt="a long prompt", negative_prompt="", num_images=3)
    expected = ["generation_params.num_images", "generation_params.positive_prompt"]
    assert sorted(paths(client.post("/api/v1/generate", json=too_much))) == expected
    del too_much["target_server_alias"]
    assert sorted(paths(client.post("/api/v1/generate", json=too_much)))[:2] == expected


def test_the_same_key_and_body_give_the_same_job(client: Any, queue: StableQueue) -> None:
    headers = {"Idempotency-Key": "order-1"}
    answers = [client.post("/api/v1/generate", json=EXAMPLE, headers=headers) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json["stablequeue_job_id"] for answer in answers}) == 1
    assert queue.list().total == 1


def test_the_same_key_with_another_body_is_409(client: Any, queue: StableQueue) -> None:
    headers = {"Idempotency-Key": "order-1"}
    client.post("/api/v1/generate", json=EXAMPLE, headers=headers)
    answer = client.post("/api/v1/generate", json=example(steps=21), headers=headers)
    assert answer.status_code == 409
    assert answer.json["error"] == "idempotency_key_reused"
    assert queue.list().total == 1


def test_another_key_gives_another_job(client: Any, queue: StableQueue) -> None:
    for key in ("order-1", "order-2"):
        client.post("/api/v1/generate", json=EXAMPLE, headers={"Idempotency-Key": key})
    assert queue.list().total == 2


@pytest.mark.parametrize("key", ["", "k" * 256], ids=len)
def test_a_key_must_have_a_sane_length(client: Any, key: str) -> None:
    headers = {"Idempotency-Key": key}
    answer = client.post("/api/v1/generate", json=EXAMPLE, headers=headers)
    assert paths(answer) == ["Idempotency-Key"]
