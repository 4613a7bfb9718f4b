"""Jobs that say how by an infotext: ``generation_info_raw`` among the parameters."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from tests.generation.infotext.recorded import SAMPLES, TITLES, text_of
from tests.generation.infotext.texts import resembling
from tests.generation.strategies import params

from stablequeue_core.errors import InvalidParams
from stablequeue_core.generation import (
    GenerationRequest,
    HiresFix,
    ParamLimits,
    params_of,
    parse_params,
    read_infotext,
)

LIMITS = ParamLimits()
TEXT = (
    "a fox\nNegative prompt: blur\nSteps: 12, Sampler: DPM++ 2M, Schedule type: Karras, "
    "CFG scale: 5, Seed: 3, Size: 512x768, Model: x, Denoising strength: 0.5, Clip skip: 2, "
    "Hires resize: 1024x1536, Hires upscaler: Latent, Refiner: r, Mask blur: 4, Module 1: ae"
)


def parsed(infotext: object = TEXT, **fields: Any) -> GenerationRequest:
    return parse_params({"generation_info_raw": infotext, **fields}, LIMITS)


def problems(
    infotext: object = TEXT, limits: ParamLimits = LIMITS, **fields: Any
) -> dict[str, str]:
    with pytest.raises(InvalidParams) as caught:
        parse_params({"generation_info_raw": infotext, **fields}, limits)
    return {problem.path: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize("sample", [*SAMPLES[:6], SAMPLES[7]], ids=[*TITLES[:6], TITLES[7]])
def test_a_text_alone_is_a_job(sample: dict[str, Any]) -> None:
    recipe = params_of(read_infotext(sample["text"]))
    request = parsed(sample["text"])
    assert request.ignored == tuple(f"infotext: {key}" for key in recipe.left_out)
    assert request.positive_prompt == sample["as_forge_reads_it"]["Prompt"]
    assert request.steps == int(sample["as_forge_reads_it"]["Steps"])


def test_what_is_said_beside_the_text_comes_first() -> None:
    request = parsed(positive_prompt="an owl", steps=20, width=640)
    assert (request.positive_prompt, request.steps, request.width) == ("an owl", 20, 640)
    assert (request.negative_prompt, request.seed, request.height) == ("blur", 3, 768)


def test_null_says_nothing_and_minus_one_is_a_new_seed() -> None:
    assert parsed(seed=None, steps=None).seed == 3
    assert parsed(seed=-1).seed == -1
    assert parsed(seed="").seed == -1


@pytest.mark.parametrize(
    ("said", "attribute", "value"),
    [
        ({"sampler_index": "Euler"}, "sampler", "Euler"),
        ({"scheduler_or_quality_preset": "Simple"}, "scheduler", "Simple"),
        ({"scheduler_or_quality_preset": "Balanced"}, "scheduler", None),
        ({"refiner_checkpoint": "s"}, "refiner", "s"),
        ({"refiner_model": "None"}, "refiner", None),
        ({"enable_hr": False}, "hires", None),
        ({"override_settings": {"sd_model_checkpoint": "y"}}, "checkpoint", "y"),
        ({"override_settings": {"forge_additional_modules": ["b"]}}, "modules", ("b",)),
        ({"override_settings": {"forge_additional_modules": []}}, "modules", ()),
    ],
)
def test_what_is_said_by_another_name_is_said(
    said: dict[str, Any], attribute: str, value: Any
) -> None:
    assert getattr(parsed(**said), attribute) == value


def test_the_size_of_the_second_pass_is_said_as_a_whole() -> None:
    request = parsed(hr_scale=1.5, hr_upscaler="4x")
    assert request.hires == HiresFix(upscaler="4x", scale=1.5, denoising_strength=0.5)
    assert not [key for key in request.passthrough if key.startswith("hr_resize")]


def test_override_settings_are_completed_one_by_one() -> None:
    request = parsed(override_settings={"eta_ancestral": 1})
    assert request.override_settings == {"CLIP_stop_at_last_layers": 2, "eta_ancestral": 1}
    assert parsed(override_settings={"CLIP_stop_at_last_layers": 1}).override_settings == {
        "CLIP_stop_at_last_layers": 1
    }


def test_keys_that_no_parameter_can_say_are_ignored_by_name() -> None:
    assert parsed(colour="blue").ignored == ("colour", "infotext: Mask blur")


@pytest.mark.parametrize("nothing", [None, "", " \n"])
def test_an_empty_text_is_none(nothing: object) -> None:
    assert parsed(nothing, positive_prompt="a cat").positive_prompt == "a cat"
    assert list(problems(nothing)) == ["positive_prompt"]


def test_a_text_without_settings_is_refused_by_its_name() -> None:
    found = problems(text_of("no parameter line"), steps=0)
    assert list(found) == ["generation_info_raw", "steps"]
    assert found["generation_info_raw"].startswith("cannot be used. The text does not say how")


@pytest.mark.parametrize("bad", [5, [], {}, True])
def test_an_infotext_is_text(bad: object) -> None:
    assert problems(bad) == {"generation_info_raw": "must be text."}


def test_bad_fields_beside_the_text_are_told_by_their_own_names() -> None:
    assert list(problems(width=1, prompt="a dog", override_settings=[])) == [
        "prompt", "override_settings", "width",
    ]  # fmt: skip


def test_what_is_wrong_inside_the_text_is_told_of_the_text() -> None:
    found = problems(
        limits=ParamLimits(max_prompt_chars=100), infotext=TEXT.replace("fox", "x" * 101)
    )
    assert found == {
        "generation_info_raw": "has a `positive_prompt` that has 103 characters; "
        "at most 100 are allowed."
    }


def test_a_text_may_be_as_long_as_four_prompts() -> None:
    found = problems(limits=ParamLimits(max_prompt_chars=50))
    assert found == {"generation_info_raw": f"has {len(TEXT)} characters; at most 200 are allowed."}


def test_half_a_character_in_the_text_is_told_of_the_text() -> None:
    assert list(problems(TEXT + "\ud800")) == ["generation_info_raw"]


@given(resembling, params)
def test_whatever_comes_is_read_or_refused_never_a_crash(text: str, fields: dict[str, Any]) -> None:
    outcome: GenerationRequest | InvalidParams
    try:
        outcome = parse_params({**fields, "generation_info_raw": f"{TEXT}, {text}"}, LIMITS)
    except InvalidParams as error:
        outcome = error
    assert outcome.requirements if isinstance(outcome, GenerationRequest) else outcome.problems
