"""What is written is read back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.generation.infotext.recorded import SAMPLES, TITLES
from tests.generation.infotext.texts import infotexts, prompts

from stablequeue_core.generation import (
    GENERATION_INFO,
    Infotext,
    ParamLimits,
    infotext_of,
    params_of,
    parse_params,
    read_infotext,
    settings_of,
    write_infotext,
)

LIMITS = ParamLimits()


@given(infotexts)
def test_an_infotext_is_read_back_as_it_was_written(infotext: Infotext) -> None:
    assert read_infotext(write_infotext(infotext)) == infotext


@given(infotexts)
def test_settings_keep_their_order(infotext: Infotext) -> None:
    assert [*read_infotext(write_infotext(infotext)).settings] == [*infotext.settings]


@pytest.mark.parametrize("sample", SAMPLES, ids=TITLES)
def test_each_kind_of_text_survives_reading_and_writing(sample: dict[str, Any]) -> None:
    infotext = read_infotext(sample["text"])
    assert read_infotext(write_infotext(infotext)) == infotext


@pytest.mark.parametrize("sample", SAMPLES[:5], ids=TITLES[:5])
def test_what_forge_wrote_is_written_as_forge_wrote_it(sample: dict[str, Any]) -> None:
    assert write_infotext(read_infotext(sample["text"])) == sample["text"]


def test_half_a_size_is_a_setting_of_its_own() -> None:
    settings = {"Size-1": "512", "Size-3": "4", "Foo-2": "768", "Bar-1": "x", "Bar-2": "1"}
    assert settings_of(write_infotext(Infotext(settings=settings))) == settings


def test_a_job_is_told_in_forges_order() -> None:
    request = parse_params(
        {
            "positive_prompt": "a fox\nin snow",
            "negative_prompt": "blur",
            "checkpoint_name": "Pony/x.safetensors [863411b2a7]",
            "steps": 12,
            "cfg_scale": 6.5,
            "sampler_name": "DPM++ 2M",
            "scheduler": "Karras",
            "seed": 5,
            "subseed": 6,
            "subseed_strength": 0.25,
            "restore_faces": True,
            "tiling": True,
            "enable_hires_fix": True,
            "upscaler_model": "Latent",
            "hr_prompt": "a fox, sharp",
            "hr_second_pass_steps": 4,
            "refiner_model": "r",
            "override_settings": {
                "CLIP_stop_at_last_layers": 2,
                "forge_additional_modules": ["ae.safetensors"],
            },
        },
        LIMITS,
    )
    assert infotext_of(request) == (
        "a fox\nin snow\nNegative prompt: blur\n"
        "Steps: 12, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 5, "
        "Face restoration: CodeFormer, Size: 512x512, Model hash: 863411b2a7, "
        "Model: Pony/x.safetensors, Variation seed: 6, Variation seed strength: 0.25, "
        "Denoising strength: 0.7, Clip skip: 2, Tiling: True, "
        'Hires prompt: "a fox, sharp", Hires CFG Scale: 1, Hires upscale: 2, Hires steps: 4, '
        "Hires upscaler: Latent, Refiner: r, Refiner switch at: 0.8, Module 1: ae.safetensors"
    )


def test_the_server_may_know_the_checkpoint_by_another_name() -> None:
    request = parse_params({"positive_prompt": "", "checkpoint_name": "Pony/x"}, LIMITS)
    infotext = read_infotext(infotext_of(request, model="x_v8", model_hash="1" * 10))
    assert (infotext.model, infotext.model_hash) == ("x_v8", "1" * 10)


def test_a_seed_that_was_not_drawn_yet_is_not_told() -> None:
    request = parse_params({"positive_prompt": "a cat"}, LIMITS)
    assert "eed" not in infotext_of(request)


@pytest.mark.parametrize(
    "fields",
    [
        {"styles": ["x"], "alwayson_scripts": {"x": {"args": []}}, "batch_size": 2},
        {"hr_scale": 4, "upscaler_model": "Latent", "hr_cfg": 3},
        {"s_churn": "much", "tiling": "yes", "override_settings": {"randn_source": 5, "x": 1}},
    ],
)
def test_what_the_format_has_no_word_for_is_not_told(fields: dict[str, Any]) -> None:
    request = parse_params({"positive_prompt": "a cat", **fields}, LIMITS)
    assert infotext_of(request) == "a cat\nSteps: 20, CFG scale: 7, Size: 512x512"


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=12)
names |= st.sampled_from(["a/b.safetensors", r"a\b", "x [1f1f1f1f1f]", "[x]", "C: x, y", " x "])
names = names.filter(lambda name: name.strip() not in ("", "None", "Automatic", "Undefined"))
names = names.filter(lambda name: name != "Use same choices" and name.partition("x")[0] != "1")
names = names.filter(lambda name: not all(map(str.isdecimal, name.split("x"))))
fractions = st.floats(0, 1)
seeds = st.integers(-1, 2**63 - 1)
options = st.fixed_dictionaries(
    {},
    optional={
        "CLIP_stop_at_last_layers": st.integers(1, 12),
        "eta_noise_seed_delta": st.integers(-(2**31), 2**31 - 1),
        "randn_source": st.sampled_from(["GPU", "CPU", "NV"]),
        "emphasis": st.sampled_from(["None", "No norm"]),
        "token_merging_ratio": fractions,
        "sgm_noise_multiplier": st.booleans(),
        "sd_vae_decode_method": st.just("TAESD"),
        "forge_additional_modules": st.lists(names, min_size=1, max_size=3),
    },
)
first_passes = st.fixed_dictionaries(
    {"positive_prompt": prompts},
    optional={
        "negative_prompt": prompts,
        "checkpoint_name": names,
        "width": st.integers(64, 4096),
        "height": st.integers(64, 4096),
        "steps": st.integers(1, 150),
        "cfg_scale": st.floats(0, 30),
        "sampler_name": names,
        "scheduler": names,
        "seed": seeds,
        "subseed": seeds,
        "subseed_strength": fractions,
        "restore_faces": st.booleans(),
        "tiling": st.booleans(),
        "distilled_cfg_scale": st.floats(0, 50),
        "s_noise": st.floats(0, 2),
        "override_settings": options,
    },
)
refiners: st.SearchStrategy[dict[str, Any]] = st.just({}) | st.fixed_dictionaries(
    {"refiner_model": names}, optional={"refiner_switch_at": fractions}
)
sizes = st.fixed_dictionaries({}, optional={"hr_scale": st.floats(1, 8)}) | st.fixed_dictionaries(
    {"hr_resize_x": st.integers(1, 4096), "hr_resize_y": st.integers(0, 4096)}
)
second_passes: st.SearchStrategy[dict[str, Any]] = st.just({}) | st.builds(
    lambda size, rest: {**size, **rest},
    sizes,
    st.fixed_dictionaries(
        {"enable_hires_fix": st.just(True), "hr_cfg": st.floats(0, 30)},
        optional={
            "upscaler_model": names,
            "denoising_strength": fractions,
            "hr_checkpoint_name": names,
            "hr_sampler_name": names,
            "hr_scheduler": names,
            "hr_additional_modules": st.lists(names, min_size=1, max_size=2),
            "hr_prompt": prompts,
            "hr_negative_prompt": prompts.filter(bool),
            "hr_second_pass_steps": st.integers(0, 150),
        },
    ),
)
jobs = st.builds(
    lambda *parts: {key: value for part in parts for key, value in part.items()},
    first_passes,
    refiners,
    second_passes,
)


@given(jobs)
def test_the_infotext_of_a_job_gives_an_equal_job(params: dict[str, Any]) -> None:
    request = parse_params(params, LIMITS)
    text = infotext_of(request)
    recipe = params_of(read_infotext(text))
    assert recipe.left_out == ()
    assert parse_params(recipe.params, LIMITS) == request
    assert parse_params({GENERATION_INFO: text}, LIMITS) == request
