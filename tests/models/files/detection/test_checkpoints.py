"""Checkpoints: prefixes, variants, packed weights, and what cannot be told."""

from __future__ import annotations

import pytest
from tests.models.files.detection.headers_of import Shapes, detected

from stablequeue_core.models import Confidence, FileFormat, ModelKind
from stablequeue_core.models.base_model import UNKNOWN_BASE, Family

FLUX: Shapes = {
    "double_blocks.0.img_attn.norm.key_norm.scale": [128],
    "img_in.weight": [3072, 64],
    "guidance_in.in_layer.weight": [3072, 256],
}
SDXL: Shapes = {
    "input_blocks.0.0.weight": [320, 4, 3, 3],
    "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": [640, 2048],
    "label_emb.0.0.weight": [1280, 2816],
}


def below(prefix: str, shapes: Shapes) -> Shapes:
    return {prefix + name: shape for name, shape in shapes.items()}


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "model.diffusion_model.",
        "model.model.",
        "model.",
        "net.",
        "diffusion_model.",
        "transformer.",
    ],
)
def test_one_prefix_is_taken_off(prefix: str) -> None:
    assert detected(below(prefix, FLUX)).base_model.family is Family.FLUX1


def test_weights_packed_as_nf4_still_tell_the_family() -> None:
    packed = {
        **FLUX,
        "img_in.weight": [98304, 1],
        "img_in.weight.quant_state.bitsandbytes__nf4": [100],
    }
    found = detected(packed)
    assert found.base_model.family is Family.FLUX1
    assert found.base_model.variant == "dev"
    assert found.details["dtype"] == "NF4"


def test_a_packed_unet_is_known_by_its_label() -> None:
    packed = {**SDXL, "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": [655360, 1]}
    assert detected(packed).base_model.family is Family.SDXL


def test_the_usual_type_of_the_weights_is_told() -> None:
    assert detected(SDXL).details["dtype"] == "F16"


@pytest.mark.parametrize(
    ("more", "family", "variant", "names"),
    [
        ({}, Family.SDXL, None, ("SDXL 1.0", "Pony", "Illustrious", "NoobAI")),
        (
            {"input_blocks.0.0.weight": [320, 9, 3, 3]},
            Family.SDXL,
            "inpaint",
            ("SDXL 1.0", "Pony", "Illustrious", "NoobAI"),
        ),
        (
            {"edm_mean": [4], "edm_std": [4]},
            Family.SDXL,
            "playground 2.5",
            ("Playground v2",),
        ),
        (
            {"input_blocks.7.1.transformer_blocks.0.attn2.to_k.weight": [1280, 2048]},
            Family.SDXL,
            "distilled",
            ("SDXL Distilled",),
        ),
        (
            {
                "input_blocks.7.1.transformer_blocks.0.attn2.to_k.weight": [1280, 2048],
                "input_blocks.7.1.transformer_blocks.9.attn2.to_k.weight": [1280, 2048],
            },
            Family.SDXL,
            None,
            ("SDXL 1.0", "Pony", "Illustrious", "NoobAI"),
        ),
        (
            {"input_blocks.1.0.time_stack.in_layers.0.weight": [320]},
            Family.STABLE_VIDEO,
            None,
            ("SVD XT", "SVD"),
        ),
    ],
)
def test_variants_of_a_unet(
    more: Shapes, family: Family, variant: str | None, names: tuple[str, ...]
) -> None:
    base = detected({**SDXL, **more}).base_model
    assert (base.family, base.variant, base.candidates) == (family, variant, names)


@pytest.mark.parametrize(
    ("channels", "label", "variant", "names"),
    [
        (4, None, None, ("SD 2.1", "SD 2.0")),
        (5, None, "depth", ("SD 2.0",)),
        (9, None, "inpaint", ("SD 2.0",)),
        (4, 2048, "unclip", ("SD 2.1 Unclip",)),
    ],
)
def test_variants_of_stable_diffusion_2(
    channels: int, label: int | None, variant: str | None, names: tuple[str, ...]
) -> None:
    shapes: dict[str, list[int]] = {
        "input_blocks.0.0.weight": [320, channels, 3, 3],
        "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": [320, 1024],
    }
    if label is not None:
        shapes["label_emb.0.0.weight"] = [1280, label]
    base = detected(shapes).base_model
    assert (base.family, base.variant, base.candidates) == (Family.SD2, variant, names)


def test_names_as_diffusers_has_them_are_understood() -> None:
    shapes = {
        "conv_in.weight": [320, 4, 3, 3],
        "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight": [320, 768],
    }
    assert detected(shapes).base_model.family is Family.SD1


@pytest.mark.parametrize(
    ("shapes", "family", "variant"),
    [
        (
            {"clf.1.weight": [64, 1536, 1, 1], "clip_txt_mapper.weight": [1536, 1280]},
            Family.STABLE_CASCADE,
            "stage C lite",
        ),
        ({"vquantizer.codebook.weight": [8192, 4]}, Family.STABLE_CASCADE, "stage A"),
        (
            {
                "txt_in.individual_token_refiner.blocks.0.norm1.weight": [3072],
                "img_in.proj.weight": [3072, 33, 1, 2, 2],
            },
            Family.HUNYUAN_VIDEO,
            "i2v",
        ),
        (
            {
                "txt_in.individual_token_refiner.blocks.0.norm1.weight": [3072],
                "img_in.proj.weight": [3584, 64, 1, 1],
                "byt5_in.fc1.weight": [2048, 1472],
            },
            Family.HUNYUAN_IMAGE,
            "2.1",
        ),
        (
            {
                "head.modulation": [1, 2, 5120],
                "patch_embedding.weight": [5120, 16, 1, 2, 2],
                "vace_patch_embedding.weight": [5120, 96, 1, 2, 2],
            },
            Family.WAN,
            "VACE",
        ),
        (
            {
                "distilled_guidance_layer.in_proj.bias": [5120],
                "nerf_blocks.0.norm.scale": [64],
            },
            Family.CHROMA,
            "radiance",
        ),
        (
            {
                "txt_norm.weight": [3584],
                "img_in.weight": [3072, 64],
                "txt_in.weight": [3072, 3584],
                "__index_timestep_zero__": [1],
            },
            Family.QWEN_IMAGE,
            "edit 2511",
        ),
        ({**FLUX, "img_in.weight": [3072, 128]}, Family.FLUX1, "dev-control (canny or depth)"),
        ({"adaln_single.emb.timestep_embedder.linear_1.bias": [2048]}, Family.LTXV, None),
        (
            {
                "adaln_single.emb.timestep_embedder.linear_1.bias": [1152],
                "pos_embed.proj.bias": [1152],
            },
            Family.PIXART,
            None,
        ),
        ({"caption_projection.0.linear.weight": [2560, 4096]}, Family.HIDREAM, None),
        ({"t5_yproj.weight": [3072, 4096]}, Family.MOCHI, None),
        ({"txtfusion.0.weight": [4096, 4096]}, Family.KREA2, None),
    ],
)
def test_architectures_beyond_the_cases(
    shapes: Shapes, family: Family, variant: str | None
) -> None:
    found = detected(shapes)
    assert found.kind is ModelKind.CHECKPOINT
    assert (found.base_model.family, found.base_model.variant) == (family, variant)


def test_the_only_name_a_checkpoint_can_have_is_its_name() -> None:
    base = detected({"t5_yproj.weight": [3072, 4096]}).base_model
    assert (base.name, base.confidence, base.source) == ("Mochi", Confidence.SHAPE, "tensors")


def test_pony_and_its_kin_are_not_told_apart_by_tensors() -> None:
    base = detected(SDXL).base_model
    assert base.name is None
    assert base.label == "SDXL"
    assert "Pony" in base.candidates


def test_a_refiner_is_labelled_as_one() -> None:
    base = detected({**SDXL, "label_emb.0.0.weight": [1536, 2560]}).base_model
    assert base.label == "SDXL Refiner"


def test_a_pickle_tells_nothing() -> None:
    found = detected({}, filename="ponyDiffusion.ckpt", file_format=FileFormat.PICKLE)
    assert (found.kind, found.base_model, dict(found.details)) == (None, UNKNOWN_BASE, {})


def test_ten_thousand_strange_tensors_are_unknown() -> None:
    found = detected({f"strange.{number}.weight": [1] for number in range(10_000)})
    assert found.kind is None
    assert found.base_model == UNKNOWN_BASE
    assert found.details["tensors"] == 10_000


@pytest.mark.parametrize(
    ("shapes", "family"),
    [
        ({"my_style": [4, 768]}, Family.SD1),
        ({"my_style": [1024]}, Family.SD2),
        ({"string_to_param.*": [8, 768]}, Family.SD1),
    ],
)
def test_a_lone_word_is_a_textual_inversion(shapes: Shapes, family: Family) -> None:
    found = detected(shapes)
    assert (found.kind, found.base_model.family) == (ModelKind.EMBEDDING, family)


@pytest.mark.parametrize("shape", [[4, 500], [10_000, 768], [2, 4, 768], []])
def test_a_lone_tensor_of_another_shape_is_none(shape: list[int]) -> None:
    assert detected({"my_style": shape}).kind is None
