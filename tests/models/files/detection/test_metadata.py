"""What is written in a header: who is believed, and what is shown."""

from __future__ import annotations

import json

import pytest
from tests.models.files.detection.headers_of import detected

from stablequeue_core.models import Confidence, ModelKind
from stablequeue_core.models.base_model import UNKNOWN_BASE, Family

SDXL_LORA = {
    "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_down.weight": [4, 2048]
}
UNTELLING_LORA = {"lora_unet_x.lora_down.weight": [4, 4]}
BFL = "https://github.com/black-forest-labs/flux"


@pytest.mark.parametrize(
    ("metadata", "family"),
    [
        ({"modelspec.implementation": BFL}, Family.FLUX1),
        ({"modelspec.architecture": "flux-1-dev/lora"}, Family.FLUX1),
        ({"modelspec.architecture": "Flux-1-schnell/lora"}, Family.FLUX1),
        ({"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}, Family.SDXL),
        ({"modelspec.architecture": "stable-diffusion-v1/lora"}, Family.SD1),
        ({"modelspec.architecture": "stable-diffusion-v2-768-v"}, Family.SD2),
        ({"modelspec.architecture": "stable-diffusion-3-medium"}, Family.SD3),
        ({"modelspec.architecture": "chroma"}, Family.CHROMA),
        ({"modelspec.architecture": "lumina-2"}, Family.LUMINA2),
        ({"modelspec.architecture": "hunyuan-image-2.1"}, Family.HUNYUAN_IMAGE),
        ({"modelspec.architecture": "anima-preview"}, Family.ANIMA),
        ({"ss_base_model_version": "sdxl_base_v1-0"}, Family.SDXL),
        ({"ss_base_model_version": "sd_v1"}, Family.SD1),
        ({"ss_base_model_version": "sd_v2_v"}, Family.SD2),
        ({"ss_base_model_version": "flux1"}, Family.FLUX1),
        ({"ss_v2": "True"}, Family.SD2),
        ({"general.architecture": "hyvid"}, Family.HUNYUAN_VIDEO),
        ({"general.architecture": "qwen_image"}, Family.QWEN_IMAGE),
    ],
)
def test_what_is_written_tells_where_tensors_do_not(
    metadata: dict[str, str], family: Family
) -> None:
    base = detected(UNTELLING_LORA, metadata).base_model
    assert (base.family, base.confidence, base.source) == (family, Confidence.STATED, "metadata")


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"ss_v2": "False"},
        {"modelspec.architecture": ""},
        {"general.architecture": "pig"},
        {"ss_base_model_version": "None"},
    ],
)
def test_what_says_nothing_leaves_it_unknown(metadata: dict[str, str]) -> None:
    assert detected({}, metadata).base_model == UNKNOWN_BASE


def test_forge_s_order_decides_between_two_that_are_written() -> None:
    """As Forge has it, kohya's word for SDXL counts before modelspec's for SD 1."""
    metadata = {
        "modelspec.architecture": "stable-diffusion-v1/lora",
        "ss_base_model_version": "sdxl_base_v1-0",
    }
    assert detected({}, metadata).base_model.family is Family.SDXL


def test_tensors_are_believed_for_the_family_and_what_is_written_is_kept() -> None:
    found = detected(SDXL_LORA, {"modelspec.architecture": "stable-diffusion-v1/lora"})
    assert found.base_model.family is Family.SDXL
    assert found.base_model.source == "tensors"
    assert found.details["written_base"] == "stable-diffusion-v1/lora"


def test_what_agrees_is_not_repeated() -> None:
    found = detected(SDXL_LORA, {"ss_base_model_version": "sdxl_base_v1-0"})
    assert "written_base" not in found.details


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [
        ("stable-diffusion-xl-v1-base/lora", ModelKind.LORA),
        ("stable-diffusion-v1/textual-inversion", ModelKind.EMBEDDING),
        ("stable-diffusion-v1/controlnet", ModelKind.CONTROLNET),
        ("stable-diffusion-v1", None),
    ],
)
def test_a_file_without_tensors_is_what_is_written(
    architecture: str, kind: ModelKind | None
) -> None:
    assert detected({}, {"modelspec.architecture": architecture}).kind is kind


@pytest.mark.parametrize(
    ("filename", "metadata", "name"),
    [
        ("cyberrealisticPony_v8.safetensors", {}, "Pony"),
        ("high_ponytail.safetensors", {}, None),
        ("high_pony_tail.safetensors", {}, None),
        ("waiNSFW_Illustrious.safetensors", {}, "Illustrious"),
        ("style-ilxl.safetensors", {}, "Illustrious"),
        ("NOOBAI-XL.safetensors", {}, "NoobAI"),
        ("x_lightning_4step.safetensors", {}, "SDXL Lightning"),
        ("x.safetensors", {"modelspec.title": "My Pony"}, "Pony"),
        ("pony.safetensors", {"modelspec.merged_from": "noobai, other"}, "NoobAI"),
        ("pony.safetensors", {"ss_sd_model_name": "sd_xl_base_1.0.safetensors"}, "SDXL 1.0"),
        ("kontext.safetensors", {}, None),
    ],
)
def test_names_hint_within_the_family(
    filename: str, metadata: dict[str, str], name: str | None
) -> None:
    base = detected(SDXL_LORA, metadata, filename).base_model
    assert base.family is Family.SDXL
    assert base.name == name
    assert (base.confidence is Confidence.GUESS) == (name is not None)


def test_pony_hints_at_another_model_where_the_tensors_are_auraflow_s() -> None:
    base = detected({"double_layers.0.attn.w1q.weight": [1, 1]}, filename="ponyV7.safetensors")
    assert base.base_model.name == "Pony V7"


def tags(**folders: object) -> dict[str, str]:
    return {"ss_tag_frequency": json.dumps(folders)}


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (tags(a={"inkwash style": 48, "1girl": 20, " boat": 7}), "inkwash style"),
        (tags(a={"ink": 3, " wash": 4}, b={"ink": 3}), "ink, wash"),
        ({"modelspec.trigger_phrase": "ink", **tags(a={"wash": 1})}, "ink"),
        (tags(a={}), None),
        (tags(a={" ": 3, "x": "many", "y": None}), None),
        (tags(a=[1]), None),
        ({"ss_tag_frequency": "[1]"}, None),
        ({"ss_tag_frequency": "None"}, None),
        ({"ss_tag_frequency": "[" * 100_000}, None),
        (tags(a={"x" * 300_000: 1}), None),
    ],
)
def test_trigger_words_are_those_of_most_pictures(
    metadata: dict[str, str], words: str | None
) -> None:
    assert detected({}, metadata).details.get("trigger_words") == words


def test_no_detail_is_long() -> None:
    long = "x" * 10_000
    metadata = {"ss_output_name": long, "modelspec.architecture": f"flux-1-dev/{long}"}
    found = detected(SDXL_LORA, metadata | tags(a={long: 1}))
    cut = {key for key, value in found.details.items() if len(str(value)) == 500}
    assert cut == {"alias", "trigger_words", "written_base"}
    assert max(len(str(value)) for value in found.details.values()) == 500


def test_python_s_word_for_nothing_is_left_out() -> None:
    found = detected({}, {"ss_output_name": "None", "ss_clip_skip": "None", "modelspec.title": " "})
    assert dict(found.details) == {}


@pytest.mark.parametrize(
    ("architecture", "name"),
    [("flux-1-dev/lora", "Flux.1 D"), ("flux-1-schnell/lora", "Flux.1 S")],
)
def test_an_architecture_that_means_one_model_names_it(architecture: str, name: str) -> None:
    """The tensors of a LoRA for dev and of one for schnell are alike."""
    shapes = {"lora_unet_double_blocks_0_img_attn_proj.lora_down.weight": [16, 3072]}
    base = detected(shapes, {"modelspec.architecture": architecture}).base_model
    assert (base.name, base.candidates) == (name, (name,))
    assert (base.confidence, base.source) == (Confidence.STATED, "metadata")


def test_an_architecture_against_the_tensors_names_nothing() -> None:
    shapes = {"lora_unet_input_blocks_4_1_attn2_to_k.lora_down.weight": [16, 2048]}
    base = detected(shapes, {"modelspec.architecture": "flux-1-dev/lora"}).base_model
    assert (base.family, base.name) == (Family.SDXL, None)
