"""POST /generate with the text of a picture, beside the parameters or among them."""

from __future__ import annotations

from typing import Any

import pytest

from stablequeue_core import StableQueue

TEXT = (
    "a fox\nNegative prompt: blur\nSteps: 12, Sampler: DPM++ 2M, Schedule type: Karras, "
    "CFG scale: 5, Seed: 3, Size: 512x768, Model: x"
)
NO_TEXT = "just a prompt"


def generate(client: Any, **body: Any) -> Any:
    return client.post("/api/v1/generate", json={"target_server_alias": "Laptop", **body})


def shown(client: Any, answer: Any) -> Any:
    """The parameters as the job shows them."""
    assert answer.status_code == 202, answer.json
    job_id = answer.json["stablequeue_job_id"]
    return client.get(f"/api/v1/queue/jobs/{job_id}/status").json["generation_params"]


def problems(answer: Any) -> dict[str, str]:
    assert answer.status_code == 400, answer.json
    return {problem["path"]: problem["message"] for problem in answer.json["details"]["fields"]}


def test_a_text_among_the_parameters_comes_back_as_it_was_sent(client: Any) -> None:
    params = {"generation_info_raw": TEXT, "steps": 20, "seed": ""}
    assert shown(client, generate(client, generation_params=params)) == params


def test_a_text_alone_is_enough(client: Any, queue: StableQueue) -> None:
    answer = generate(client, generation_info_raw=TEXT)
    assert shown(client, answer) == {"generation_info_raw": TEXT}
    assert queue.get(answer.json["stablequeue_job_id"]).checkpoint == "x"


def test_a_text_beside_the_parameters_comes_back_among_them(client: Any) -> None:
    answer = generate(client, generation_info_raw=TEXT, generation_params={"steps": 20})
    assert shown(client, answer) == {"steps": 20, "generation_info_raw": TEXT}


def test_the_same_text_twice_is_said_once(client: Any) -> None:
    params = {"generation_info_raw": TEXT}
    answer = generate(client, generation_info_raw=TEXT, generation_params=params)
    assert shown(client, answer) == params


def test_two_texts_are_refused(client: Any) -> None:
    answer = generate(
        client,
        generation_info_raw=TEXT,
        generation_params={"generation_info_raw": f"{TEXT}, ENSD: 1", "steps": 0},
    )
    assert problems(answer) == {
        "generation_info_raw": "is not the one in `generation_params`; give one of them.",
        "generation_params.steps": "is 0; it must be from 1 to 150.",
    }


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_empty_text_is_none(client: Any, nothing: Any) -> None:
    params = {"positive_prompt": "a cat"}
    answer = generate(client, generation_info_raw=nothing, generation_params=params)
    assert shown(client, answer)["positive_prompt"] == "a cat"
    assert problems(generate(client, generation_info_raw=nothing)).keys() <= {
        "generation_params", "generation_params.positive_prompt",
    }  # fmt: skip


def test_a_text_without_settings_is_refused_where_it_stands(client: Any) -> None:
    beside = generate(client, generation_info_raw=NO_TEXT)
    assert list(problems(beside)) == ["generation_info_raw"]
    assert "`Steps: 20, Sampler: Euler, Seed: 1`" in beside.json["message"]
    among = generate(client, generation_params={"generation_info_raw": NO_TEXT})
    assert list(problems(among)) == ["generation_params.generation_info_raw"]


@pytest.mark.parametrize("bad", [5, [TEXT], {"text": TEXT}])
def test_an_infotext_is_text(client: Any, bad: Any) -> None:
    found = problems(generate(client, generation_info_raw=bad))
    assert found == {"generation_info_raw": "must be text."}


def test_everything_that_is_wrong_is_told_at_once(client: Any) -> None:
    answer = generate(
        client,
        target_server_alias="",
        priority="high",
        generation_info_raw=NO_TEXT,
        generation_params={"steps": 0},
    )
    assert set(problems(answer)) == {
        "target_server_alias", "priority", "generation_info_raw", "generation_params.steps",
    }  # fmt: skip


def test_parameters_that_are_none_are_refused_with_a_text_as_well(client: Any) -> None:
    answer = generate(client, generation_info_raw=TEXT, generation_params=[1])
    assert list(problems(answer)) == ["generation_params"]
