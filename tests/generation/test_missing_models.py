"""What a job says about models that no server has: whether to fetch them, and from where."""

from __future__ import annotations

from typing import Any

import pytest
from tests.generation.test_params import LIMITS, parsed, problems_with

from stablequeue_core.generation import OnMissingModel, Requirements, completed_params, parse_params

AIR = "urn:air:sdxl:lora:civitai:600102@700303"


def test_a_missing_model_fails_the_job_unless_it_says_otherwise() -> None:
    assert parsed().on_missing_model is OnMissingModel.FAIL
    assert parsed(on_missing_model=None).on_missing_model is OnMissingModel.FAIL
    assert parsed(on_missing_model="fail").requirements.may_fetch is False


def test_a_job_may_have_its_models_fetched() -> None:
    request = parsed(on_missing_model="download", checkpoint_name="x")
    assert request.on_missing_model is OnMissingModel.DOWNLOAD
    assert request.requirements == Requirements(checkpoints=("x",), may_fetch=True)


@pytest.mark.parametrize("word", ["ask", "", 1, True, ["download"]])
def test_any_other_word_is_refused(word: Any) -> None:
    assert problems_with(on_missing_model=word) == {
        "on_missing_model": "must be one of these: fail, download."
    }


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        (AIR, AIR),
        ("civitai:600102@700303", "civitai:600102@700303"),
        ("civitai:600102", "civitai:600102"),
        ("https://civitai.com/models/600102", "https://civitai.com/models/600102"),
        (" https://civitai.red/models/1?modelVersionId=2 ",) * 2,
        ("https://civitai.com/api/download/models/7?fileId=8",) * 2,
        (700303, "700303"),
        (" 700303 ", "700303"),
    ],
)
def test_a_source_is_a_resource_name_an_address_or_the_number_of_a_version(
    source: Any, kept: str
) -> None:
    assert parsed(model_sources={"ink": source}).model_sources == {"ink": kept.strip()}


@pytest.mark.parametrize(
    "source",
    [
        "https://example.org/ink.safetensors",
        "https://civitai.com.example.org/models/600102",
        "https://civitai.com/images/51001",
        "ink",
        "",
        "0",
        0,
        -1,
        2**31,
        10**30,
        700303.5,
        True,
        None,
        [700303],
        {"version": 700303},
    ],
)
def test_anything_else_is_no_source(source: Any) -> None:
    ((path, message),) = problems_with(model_sources={"ink": source}).items()
    assert path == "model_sources.ink"
    assert "its AIR" in message or "too many digits" in message


@pytest.mark.parametrize("given", [[], "ink", 7, True])
def test_sources_are_an_object(given: Any) -> None:
    assert "model_sources" in problems_with(model_sources=given)


def test_there_are_no_more_sources_than_anybody_needs() -> None:
    assert len(parsed(model_sources={f"ink {i}": 1 for i in range(64)}).model_sources) == 64
    assert problems_with(model_sources={f"ink {i}": 1 for i in range(65)}) == {
        "model_sources": "has 65 sources; at most 64 fit."
    }


@pytest.mark.parametrize("sources", [{"": 1}, {" ": 1}, {"x" * 1025: 1}, {"ink": "x" * 1025}])
def test_names_and_sources_have_a_length_that_they_can_have(sources: dict[str, Any]) -> None:
    (path,) = problems_with(model_sources=sources)
    assert path.startswith("model_sources.")


def test_both_are_kept_with_the_job_and_never_sent() -> None:
    request = parsed(on_missing_model="download", model_sources={"ink": 7})
    assert (request.passthrough, request.ignored) == ({}, ())


class TestParametersTakenFromElsewhere:
    """Such as those of a picture: what the user says comes first."""

    def test_what_the_user_does_not_say_is_taken(self) -> None:
        taken = {"steps": 20, "seed": 5, "override_settings": {"a": 1, "b": 1}}
        own = {"steps": 9, "seed": None, "override_settings": {"a": 2}}
        assert completed_params(own, taken) == {
            "steps": 9,
            "seed": 5,
            "override_settings": {"a": 2, "b": 1},
        }

    def test_sources_are_completed_one_by_one(self) -> None:
        taken = {"model_sources": {"ink": "7", "fog": "8"}}
        assert completed_params({"model_sources": {"ink": "9"}}, taken) == {
            "model_sources": {"ink": "9", "fog": "8"}
        }
        assert completed_params({"model_sources": None}, taken) == taken

    def test_who_says_it_by_another_name_has_said_it(self) -> None:
        own = {"positive_prompt": "x", "override_settings": {"sd_model_checkpoint": "ours"}}
        params = completed_params(own, {"checkpoint_name": "theirs"})
        assert parse_params(params, LIMITS).checkpoint == "ours"
