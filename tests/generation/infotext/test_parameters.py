"""From a picture's text to a job: what is taken over, and what is said to be left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from tests.generation.infotext.recorded import text_of
from tests.generation.infotext.texts import infotexts, resembling

from stablequeue_core.errors import InvalidInfotext
from stablequeue_core.generation import (
    HiresFix,
    Infotext,
    ParamLimits,
    Recipe,
    params_of,
    parse_params,
    read_infotext,
)
from stablequeue_core.generation.infotext.labels import LABELS

LIMITS = ParamLimits()
RECORDINGS = Path(__file__).parents[2] / "recordings" / "forge"


def recipe_of(pairs: str, prompt: str = "a cat") -> Recipe:
    return params_of(read_infotext(f"{prompt}\nSteps: 9, Sampler: Euler, {pairs}"))


def taken(pairs: str) -> dict[str, Any]:
    """What becomes of some pairs, less what every infotext here has."""
    params = dict(recipe_of(pairs).params)
    assert (params.pop("positive_prompt"), params.pop("steps")) == ("a cat", 9)
    assert params.pop("sampler_name", "Euler") == "Euler"
    return params


HIRES = "Denoising strength: 0.5, Hires upscale: 1.5"
WITH_HIRES = {"enable_hires_fix": True, "denoising_strength": 0.5, "hr_scale": 1.5}


@pytest.mark.parametrize(
    ("pairs", "params"),
    [
        ("Schedule type: Karras", {"scheduler": "Karras"}),
        ("Schedule type: Automatic", {}),
        ("CFG scale: 6.5", {"cfg_scale": 6.5}),
        ("Distilled CFG Scale: 3.5", {"distilled_cfg_scale": 3.5}),
        ("Seed: 5", {"seed": 5}),
        ("Size: 832x1216", {"width": 832, "height": 1216}),
        ("Face restoration: CodeFormer", {"restore_faces": True}),
        ("Tiling: True", {"tiling": True}),
        ("Model: x", {"checkpoint_name": "x"}),
        ("Model hash: 863411b2a7, Model: x", {"checkpoint_name": "x [863411b2a7]"}),
        ("Model hash: 863411b2a7", {"checkpoint_name": "863411b2a7"}),
        ("Model hash: 3c489728", {"checkpoint_name": "3c489728"}),
        ("Model: x, Model hash: unknown", {"checkpoint_name": "x"}),
        (
            "Variation seed: 7, Variation seed strength: 0.3",
            {"subseed": 7, "subseed_strength": 0.3},
        ),
        ("Seed resize from: 512x768", {"seed_resize_from_w": 512, "seed_resize_from_h": 768}),
        ("Clip skip: 2", {"override_settings": {"CLIP_stop_at_last_layers": 2}}),
        (
            "ENSD: 31337, RNG: CPU, Emphasis: No norm",
            {
                "override_settings": {
                    "eta_noise_seed_delta": 31337,
                    "randn_source": "CPU",
                    "emphasis": "No norm",
                }
            },
        ),
        (
            "Module 1: ae, Module 2: clip_l",
            {"override_settings": {"forge_additional_modules": ["ae", "clip_l"]}},
        ),
        (
            "VAE: vae-ft-mse.safetensors",
            {"override_settings": {"forge_additional_modules": ["vae-ft-mse.safetensors"]}},
        ),
        ("VAE: Automatic", {}),
        (
            "Refiner: r [715f9963f3], Refiner switch at: 0.6",
            {"refiner_model": "r [715f9963f3]", "refiner_switch_at": 0.6},
        ),
        (HIRES, WITH_HIRES),
        (f"CFG scale: 7, {HIRES}", {"cfg_scale": 7.0, **WITH_HIRES, "hr_cfg": 7.0}),
        (f"Hires CFG Scale: 2, CFG scale: 7, {HIRES}", {"cfg_scale": 7, **WITH_HIRES, "hr_cfg": 2}),
        (f"Hires schedule type: Automatic, {HIRES}", WITH_HIRES),
        (
            f"Schedule type: Karras, Hires schedule type: Automatic, {HIRES}",
            {"scheduler": "Karras", **WITH_HIRES, "hr_scheduler": "Automatic"},
        ),
        (f"Hires Module 1: Use same choices, {HIRES}", WITH_HIRES),
        (f"Hires Module 1: ae, {HIRES}", {**WITH_HIRES, "hr_additional_modules": ["ae"]}),
        (
            "Hires resize: 1024x0, Denoising strength: 0.5",
            {
                "enable_hires_fix": True,
                "denoising_strength": 0.5,
                "hr_resize_x": 1024,
                "hr_resize_y": 0,
            },
        ),
    ],
)
def test_a_setting_becomes_a_parameter(pairs: str, params: dict[str, Any]) -> None:
    recipe = recipe_of(pairs)
    assert taken(pairs) == params
    assert recipe.left_out == ()
    parse_params(recipe.params, LIMITS)


@pytest.mark.parametrize(
    ("pairs", "left_out"),
    [
        ("Mask blur: 4, Init image hash: 1a2b3c4d5e", ["Mask blur", "Init image hash"]),
        ("Denoising strength: 0.6", ["Denoising strength"]),
        ("Denoising strength: 0.6, Hires steps: 4", ["Denoising strength", "Hires steps"]),
        ("Sampler: Undefined", ["Sampler"]),
        ("Size: 32x512", ["Size"]),
        ("Size: 9999x9999", ["Size"]),
        ("CFG scale: high, Seed: -5", ["CFG scale", "Seed"]),
        ("Seed: 1_000, CFG scale: nan", ["Seed", "CFG scale"]),
        ("Clip skip: 0, RNG: TPU", ["Clip skip", "RNG"]),
        ("Tiling: maybe", ["Tiling"]),
        (f"Model: {'x' * 1025}", ["Model"]),
        (f"Module 1: {'x' * 1025}, Module 2: ae", ["Module"]),
        (r'Hires prompt: "half \ud800", Hires upscale: 2', ["Hires prompt"]),
        (r'Model: "x\u0000y"', ["Model"]),
        ("Diffusion in Low Bits: Automatic (fp16 LoRA)", ["Diffusion in Low Bits"]),
        ("ADetailer model: face_yolov8n.pt", ["ADetailer model"]),
        (
            'Lora hashes: "ink: 1f1f, b: 2e2e", TI hashes: "x: 1f", TI: x, Version: v1.9.4, '
            "User: me, VAE hash: 735e4c3a44, Created Date: today",
            [],
        ),
    ],
)
def test_what_cannot_be_taken_over_is_said(pairs: str, left_out: list[str]) -> None:
    recipe = recipe_of(pairs)
    assert list(recipe.left_out) == left_out
    parse_params(recipe.params, LIMITS)


def test_a_picture_of_img2img_becomes_a_job_of_txt2img_that_says_so() -> None:
    recipe = params_of(read_infotext(text_of("img2img")))
    assert set(recipe.left_out) == {
        "Mask blur", "Inpaint area", "Masked area padding", "Init image hash", "Denoising strength",
    }  # fmt: skip
    assert "denoising_strength" not in recipe.params


def test_a_picture_of_forge_says_how_its_second_pass_was() -> None:
    recipe = params_of(read_infotext(text_of("hires fix with different hires prompt")))
    assert recipe.left_out == ()
    assert parse_params(recipe.params, LIMITS).hires == HiresFix(
        upscaler="4x-UltraSharp",
        scale=2.0,
        denoising_strength=0.45,
        prompt="portrait of a fox, sharp fur, <lora:inkWash_v3:0.8>",
    )
    assert recipe.params["hr_second_pass_steps"] == 12


def test_a_recorded_picture_of_forge_leaves_nothing_out() -> None:
    answer = json.loads((RECORDINGS / "txt2img_hires.json").read_text(encoding="utf-8"))
    (text,) = json.loads(answer["body"]["info"])["infotexts"]
    recipe = params_of(read_infotext(text))
    assert recipe.left_out == ()
    request = parse_params(recipe.params, LIMITS)
    assert request.hires == HiresFix(upscaler="Latent", scale=2.0, denoising_strength=0.5)
    assert request.modules == ("testvae",)
    assert request.checkpoint == "forgetest [72819d4645]"


def test_the_size_of_2022_was_that_of_the_second_pass() -> None:
    params = params_of(read_infotext(text_of("First pass size"))).params
    assert (params["width"], params["height"]) == (384, 384)
    assert (params["hr_resize_x"], params["hr_resize_y"]) == (512, 512)
    assert params["enable_hires_fix"] is True


@pytest.mark.parametrize("scheduler", ["Karras", "Exponential"])
def test_a_sampler_of_old_names_its_scheduler_as_well(scheduler: str) -> None:
    params = recipe_of(f"Sampler: DPM++ 2M {scheduler}").params
    assert (params["sampler_name"], params["scheduler"]) == ("DPM++ 2M", scheduler)
    params = recipe_of(f"Sampler: DPM++ 2M {scheduler}, Schedule type: Automatic").params
    assert (params["sampler_name"], params["scheduler"]) == ("DPM++ 2M", scheduler)


def test_a_sampler_that_comes_with_a_scheduler_is_taken_at_its_word() -> None:
    params = recipe_of("Sampler: DPM++ 2M Karras, Schedule type: Simple").params
    assert (params["sampler_name"], params["scheduler"]) == ("DPM++ 2M Karras", "Simple")
    assert recipe_of("Sampler: Karras").params["sampler_name"] == "Karras"


@pytest.mark.parametrize(
    ("size", "first_pass"), [("1024x1024", (512, 512)), ("1024x512", (768, 384))]
)
def test_a_first_pass_of_no_size_had_about_as_many_pixels_as_the_models(
    size: str, first_pass: tuple[int, int]
) -> None:
    params = recipe_of(f"Size: {size}, First pass size: 0x0").params
    assert (params["width"], params["height"]) == first_pass


def test_a_first_pass_that_is_no_size_is_left_out() -> None:
    assert recipe_of("First pass size: small").left_out == ("First pass size",)


def test_civitais_flux_pictures_say_the_distilled_scale_as_cfg_scale() -> None:
    recipe = params_of(read_infotext(text_of("Civitai on-site")))
    assert recipe.params == {
        "positive_prompt": "a red bicycle",
        "negative_prompt": "car",
        "steps": 25,
        "sampler_name": "Euler",
        "scheduler": "Simple",
        "cfg_scale": 1.0,
        "distilled_cfg_scale": 3.5,
        "seed": 88,
        "width": 832,
        "height": 1216,
        "checkpoint_name": "https://civitai.com/api/download/models/691639",
    }
    assert recipe.left_out == ("Civitai resources",)


def test_civitais_other_pictures_are_taken_at_their_word() -> None:
    recipe = recipe_of('CFG scale: 5, Civitai resources: [{"modelName": "Pony"}]')
    assert recipe.params["cfg_scale"] == 5


@pytest.mark.parametrize("version", ["true", "0", '"691639"', "null"])
def test_a_version_that_is_none_names_no_checkpoint(version: str) -> None:
    said = f'[{{"type": "checkpoint", "modelVersionId": {version}}}]'
    assert "checkpoint_name" not in recipe_of(f"Civitai resources: {said}").params


def test_a_text_without_settings_makes_no_job() -> None:
    with pytest.raises(InvalidInfotext, match="does not say how the picture was made"):
        params_of(read_infotext(text_of("no parameter line")))


def test_every_key_has_one_place() -> None:
    assert len({label.key for label in LABELS}) == len(LABELS)
    assert len({label.param for label in LABELS}) == len(LABELS)


@given(infotexts)
def test_every_infotext_makes_a_job(infotext: Infotext) -> None:
    parse_params(params_of(infotext).params, LIMITS)


@given(resembling)
def test_whatever_stands_in_the_settings_makes_a_job(text: str) -> None:
    text = text.replace("\n", " ")
    pairs = ", ".join(f"{label.key}: {text}" for label in LABELS)
    recipe = recipe_of(f"{pairs}, {text}")
    parse_params(recipe.params, LIMITS)
