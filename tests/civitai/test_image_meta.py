"""Civitai's ``meta``, in all the forms that it has had, as parameters of a job."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.civitai.recorded import recorded
from tests.generation.strategies import json_values, texts

from stablequeue_core.civitai.images.mentions import Mention
from stablequeue_core.civitai.images.told import Told, read_meta, read_text
from stablequeue_core.errors import InvalidInfotext
from stablequeue_core.generation import ParamLimits, parse_params, read_infotext

LIMITS = ParamLimits()
LIGHTHOUSE = {
    "positive_prompt": "a lighthouse on a cliff, <lora:inkWash_v3:0.8>",
    "negative_prompt": "blurry, lowres",
    "width": 832,
    "height": 1216,
    "seed": 1234567890,
    "steps": 24,
    "sampler_name": "DPM++ 2M",
    "scheduler": "Karras",
    "cfg_scale": 6.5,
    "checkpoint_name": "harborMixXL_v20 [f3cd8a9e1f]",
    "override_settings": {"CLIP_stop_at_last_layers": 2},
}

KEYS = (
    "prompt", "negativePrompt", "meta", "id", "cfgScale", "steps", "sampler", "scheduler", "seed",
    "clipSkip", "Size", "width", "height", "Model", "Model hash", "models", "vaes", "VAE",
    "hashes", "resources", "civitaiResources", "additionalResources", "Version", "comfy", "engine",
    "workflow", "Denoising strength", "Hires upscale", "Hires resize", "Hires prompt", "Refiner",
    "Module 1", "ADetailer model", "First pass size", "denoise", "versionIds", "Variation seed",
)  # fmt: skip
LIKELY = st.sampled_from(
    [
        "832x1216",
        "0x0",
        "DPM++ 2M Karras",
        " Karras",
        "Undefined",
        "24",
        "1e3",
        "nan",
        10**30,
        1e308,
    ]
) | st.sampled_from(
    ["x" * 1024, "<lora:ink:much>", "x [f3cd8a9e1f]", "civitai:1@2", "\ud800", "a\0b"]
)


def told(**meta: Any) -> Told:
    return read_meta({"prompt": "a fox", **meta})


def params(**meta: Any) -> dict[str, Any]:
    """What is said beside the prompt."""
    said = dict(told(**meta).recipe.params)
    assert said.pop("positive_prompt") == "a fox"
    return said


def left_out(**meta: Any) -> tuple[str, ...]:
    return told(**meta).recipe.left_out


class TestTheRecordedOnes:
    def test_a_flat_meta_of_forge(self) -> None:
        recipe = read_meta(recorded("images.json")["items"][0]["meta"]).recipe
        assert (recipe.params, recipe.left_out) == (LIGHTHOUSE, ())

    def test_a_wrapped_one_says_the_same(self) -> None:
        recipe = read_meta(recorded("images_imageid_wrapped_meta.json")["items"][0]["meta"]).recipe
        assert recipe.params == LIGHTHOUSE

    @pytest.mark.parametrize("name", ["images_imageid_hidden_meta", "images_without_withmeta"])
    def test_a_hidden_one_says_nothing(self, name: str) -> None:
        meta = recorded(f"{name}.json")["items"][0]["meta"] or {}
        with pytest.raises(InvalidInfotext, match="does not tell the prompt"):
            read_meta(meta)

    def test_one_of_civitais_own_generator(self) -> None:
        """It has no scheduler, no sampler that anybody knows, and its models by number only."""
        found = read_meta(recorded("images.json")["items"][1]["meta"], base_model="Illustrious")
        assert found.recipe.params == {
            "positive_prompt": "a red bicycle",
            "negative_prompt": "car",
            "seed": 88,
            "steps": 25,
            "cfg_scale": 3.5,
            "width": 832,
            "height": 1216,
            "checkpoint_name": "https://civitai.com/api/download/models/700201",
            "override_settings": {"CLIP_stop_at_last_layers": 2},
        }
        assert found.recipe.left_out == ("Sampler",)
        assert found.models == (
            Mention(type="checkpoint", version_id=700201),
            Mention(type="lora", version_id=700303, weight=0.8),
        )

    def test_the_models_of_a_picture_by_forge_are_named_once(self) -> None:
        """Each of them stands in ``hashes``, in ``resources``, and once more by its name."""
        found = read_meta(recorded("images.json")["items"][0]["meta"])
        assert found.models == (
            Mention(type="checkpoint", name="harborMixXL_v20", hash="f3cd8a9e1f"),
            Mention(type="lora", name="inkWash_v3", hash="b9c80b5adeca", weight=0.8),
        )


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ({"steps": "24"}, {"steps": 24}),
        ({"steps": 24.0}, {"steps": 24}),
        ({"seed": 0}, {"seed": 0}),
        ({"seed": "42"}, {"seed": 42}),
        ({"cfgScale": "6,5"}, {}),
        ({"cfgScale": 7}, {"cfg_scale": 7.0}),
        ({"Size": "832x1216"}, {"width": 832, "height": 1216}),
        ({"Size": "832 X 1216"}, {"width": 832, "height": 1216}),
        ({"width": 832, "height": "1216"}, {"width": 832, "height": 1216}),
        ({"Size": "64x96", "width": 832, "height": 1216}, {"width": 64, "height": 96}),
        ({"width": 832}, {}),
        ({"sampler": "Euler a"}, {"sampler_name": "Euler a"}),
        ({"sampler": "LMS Karras"}, {"sampler_name": "LMS", "scheduler": "Karras"}),
        ({"sampler": "Euler", "scheduler": "simple"},
         {"sampler_name": "Euler", "scheduler": "simple"}),
        ({"sampler": "Euler", "Schedule type": "Beta"},
         {"sampler_name": "Euler", "scheduler": "Beta"}),
        ({"sampler": "dpmpp_2m_sde_gpu", "scheduler": "karras"},
         {"sampler_name": "DPM++ 2M SDE", "scheduler": "karras"}),
        ({"Model": "x"}, {"checkpoint_name": "x"}),
        ({"Model": {"name": "x", "id": 5}}, {"checkpoint_name": "x"}),
        ({"Model": ["x"]}, {}),
        ({"models": ["x.safetensors"]}, {"checkpoint_name": "x.safetensors"}),
        ({"models": ["x.safetensors", "y.safetensors"]}, {}),
        ({"Model hash": "f3cd8a9e1f"}, {"checkpoint_name": "f3cd8a9e1f"}),
        ({"Model": "x", "Model hash": "f3cd8a9e1f"}, {"checkpoint_name": "x [f3cd8a9e1f]"}),
        ({"VAE": "ae.safetensors"},
         {"override_settings": {"forge_additional_modules": ["ae.safetensors"]}}),
        ({"vaes": ["ae.safetensors"]},
         {"override_settings": {"forge_additional_modules": ["ae.safetensors"]}}),
        ({"Module 1": "ae", "Module 2": "clip_l"},
         {"override_settings": {"forge_additional_modules": ["ae", "clip_l"]}}),
        ({"Hires upscale": "1.5", "Hires upscaler": "4x-UltraSharp", "Denoising strength": 0.4},
         {"enable_hires_fix": True, "hr_scale": 1.5, "upscaler_model": "4x-UltraSharp",
          "denoising_strength": 0.4}),
        ({"Refiner": "y [f3cd8a9e1f]", "Refiner switch at": "0.8"},
         {"refiner_model": "y [f3cd8a9e1f]", "refiner_switch_at": 0.8}),
    ],
)  # fmt: skip
def test_settings_are_read_as_text_and_as_numbers(
    meta: dict[str, Any], said: dict[str, Any]
) -> None:
    assert params(**meta) == said


@pytest.mark.parametrize(
    ("meta", "key"),
    [
        ({"steps": 500}, "Steps"),
        ({"steps": "many"}, "Steps"),
        ({"steps": [24]}, "Steps"),
        ({"seed": 10**30}, "Seed"),
        ({"seed": True}, "Seed"),
        ({"cfgScale": float("nan")}, "CFG scale"),
        ({"clipSkip": 40}, "Clip skip"),
        ({"Size": "16x16"}, "Size"),
        ({"width": {}, "height": 5}, "Size"),
        ({"Model": ["x"]}, "Model"),
        ({"models": ["x", "y"]}, "Model"),
        ({"sampler": "Undefined"}, "Sampler"),
        ({"Denoising strength": 0.6}, "Denoising strength"),
        ({"ADetailer model": "face_yolov8n.pt"}, "ADetailer model"),
        ({"Mask blur": 4}, "Mask blur"),
        ({"comfy": "{}"}, "comfy"),
        ({"engine": "sora"}, "engine"),
        ({"workflow": "img2img"}, "workflow"),
        ({"denoise": 0.5}, "denoise"),
        ({"x" * 500: "y"}, "x" * 80),
    ],
)
def test_what_no_job_can_say_is_left_out_and_named(meta: dict[str, Any], key: str) -> None:
    found = told(**meta).recipe
    assert (found.params, found.left_out) == ({"positive_prompt": "a fox"}, (key,))


@pytest.mark.parametrize(
    "meta",
    [
        {"workflow": "txt2img"},
        {"denoise": 1},
        {"extra": {"remixOfId": 5}},
        {"Version": "f2.0.1", "Created Date": "2026-03-05T1822:10.0000000Z"},
        {"engine": "", "comfy": None, "draft": False, "controlNets": []},
    ],
)
def test_what_asks_for_nothing_is_not_missed(meta: dict[str, Any]) -> None:
    assert left_out(**meta) == ()


def test_a_prompt_alone_makes_a_job() -> None:
    assert read_meta({"prompt": "a fox", "negativePrompt": "blur"}).recipe.params == {
        "positive_prompt": "a fox",
        "negative_prompt": "blur",
    }


@pytest.mark.parametrize("prompt", [None, "", " ", 7, ["a fox"], "\0"])
def test_without_a_prompt_there_is_nothing_to_make(prompt: Any) -> None:
    with pytest.raises(InvalidInfotext, match="does not tell the prompt"):
        read_meta({"prompt": prompt, "steps": 20})


def test_a_prompt_that_no_job_may_have_is_refused_in_a_sentence() -> None:
    with pytest.raises(InvalidInfotext, match="has 100,001 characters"):
        read_meta({"prompt": "x" * 100_001})
    assert left_out(negativePrompt="x" * 100_001) == ("negative_prompt",)


def test_halves_of_characters_and_nul_are_mended() -> None:
    found = read_meta({"prompt": "a \ud83d\ude00 fox\0 \ud800"}).recipe.params
    assert found["positive_prompt"] == "a 😀 fox \N{REPLACEMENT CHARACTER}"


def test_a_lora_with_a_weight_that_is_none_would_switch_off_all_of_them() -> None:
    found = read_meta({"prompt": "a fox <lora:ink:much> <lora:fog:1>"})
    assert found.recipe.params["positive_prompt"] == "a fox  <lora:fog:1>"
    assert found.recipe.left_out == ("LoRA without a weight",)


def test_pictures_of_civitais_flux_say_its_own_scale_as_cfg_scale() -> None:
    meta = {
        "cfgScale": 3.5,
        "clipSkip": 2,
        "sampler": "Undefined",
        "civitaiResources": [{"type": "checkpoint", "modelVersionId": 691639}],
    }
    found = read_meta({"prompt": "a fox", **meta}, base_model="Flux.1 D").recipe.params
    assert (found["cfg_scale"], found["distilled_cfg_scale"]) == (1.0, 3.5)
    assert (found["sampler_name"], found["scheduler"]) == ("Euler", "Simple")
    assert "override_settings" not in found


class TestTheModels:
    def test_a_list_of_resource_names_has_types_numbers_and_two_weights(self) -> None:
        air = "urn:air:sdxl:lora:civitai:600102@700303"
        listed = [{"name": air, "type": "LORA", "strength": 0.7, "strengthClip": "0.5"}]
        assert told(additionalResources=listed).models == (
            Mention(type="lora", model_id=600102, version_id=700303, weight=0.7, clip_weight=0.5),
        )

    def test_the_prompt_tells_the_weights_that_lists_of_hashes_lack(self) -> None:
        found = read_meta(
            {
                "prompt": "<lora:a, b:0.5:0.25> <lora:c:1>",
                "hashes": {"lora:a b": "B9C80B5ADECA", "embed:EasyNeg": "c74b4e810b03"},
            }
        )
        assert found.models == (
            Mention(type="lora", name="a b", hash="b9c80b5adeca", weight=0.25, clip_weight=0.5),
            Mention(type="embedding", name="EasyNeg", hash="c74b4e810b03"),
            Mention(type="lora", name="c", weight=1.0),
        )

    def test_a_hash_of_nothing_and_what_is_no_hash_are_no_evidence(self) -> None:
        listed = {"lora:x": "e3b0c44298fc", "lora:y": "../v1", "lora:z": 5}
        assert [one.hash for one in told(hashes=listed).models] == [None, None, None]

    def test_a_weight_that_nobody_can_mean_is_none(self) -> None:
        weights = [1e308, "1e5", True, None, "0.5", -0.5]
        listed = [
            {"type": "lora", "modelVersionId": number, "weight": weight}
            for number, weight in enumerate(weights, start=1)
        ]
        found = told(civitaiResources=listed).models
        assert [one.weight for one in found] == [None, None, None, None, 0.5, -0.5]

    def test_words_for_the_same_type_are_one_type(self) -> None:
        words = ["model", "Checkpoint", "lora", "LoCon", "embed", "TextualInversion", "hypernet"]
        listed = [{"type": word, "name": f"{word}!"} for word in words]
        assert [one.type for one in told(resources=listed).models] == [
            "checkpoint", "checkpoint", "lora", "lora", "embedding", "embedding", "hypernetwork",
        ]  # fmt: skip

    def test_there_are_no_more_than_anybody_uses(self) -> None:
        listed = {f"lora:{number}": f"{number:012x}" for number in range(1, 5000)}
        assert len(told(hashes=listed).models) == 64

    def test_the_text_of_a_file_names_them_as_well(self) -> None:
        found = read_text(
            read_infotext(
                "a fox <lora:ink:0.5>\nSteps: 9, Seed: 5, Model hash: f3cd8a9e1f, Model: x, "
                'VAE hash: 735e4c3a44, VAE: ae.pt, Lora hashes: "ink: b9c80b5adeca", '
                'Civitai resources: [{"type": "lora", "modelVersionId": 7, "modelName": "Fog"}]'
            )
        )
        assert found.models == (
            Mention(type="lora", name="Fog", version_id=7),
            Mention(type="checkpoint", name="x", hash="f3cd8a9e1f"),
            Mention(type="lora", name="ink", hash="b9c80b5adeca", weight=0.5),
            Mention(type="vae", name="ae.pt", hash="735e4c3a44"),
        )
        assert found.recipe.left_out == ()


metas = st.dictionaries(st.sampled_from(KEYS) | texts, json_values | LIKELY, max_size=10)


@given(metas, st.sampled_from(["a fox", "<lora:x:y>", "x" * 100_001]), st.booleans())
def test_any_meta_makes_a_job_or_says_why_not(
    meta: dict[str, Any], prompt: str, is_wrapped: bool
) -> None:
    meta = {"prompt": prompt, **meta}
    with contextlib.suppress(InvalidInfotext):
        found = read_meta({"id": 5, "meta": meta} if is_wrapped else meta, base_model="Flux.1 D")
        parse_params(found.recipe.params, LIMITS)
        assert all(key.encode() for key in found.recipe.left_out)
