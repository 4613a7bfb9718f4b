"""LoRAs: by the layers that they change, whichever tool wrote them."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from tests.models.files.detection.headers_of import Shapes, detected

from stablequeue_core.models import ModelKind
from stablequeue_core.models.base_model import Family
from stablequeue_core.models.files.detection import detect
from stablequeue_core.models.files.headers import read_header
from stablequeue_core.testing.model_files import sdxl_lora

RECORDINGS = Path(__file__).parents[3] / "recordings" / "models"


@pytest.mark.parametrize(
    ("shapes", "family", "names"),
    [
        (
            {
                "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight": [
                    8,
                    2048,
                ]
            },
            Family.SDXL,
            ("SDXL 1.0", "Pony", "Illustrious", "NoobAI"),
        ),
        (
            {
                "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.hada_w1_a": [
                    320,
                    8,
                ],
                "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.hada_w1_b": [
                    8,
                    768,
                ],
            },
            Family.SD1,
            ("SD 1.5",),
        ),
        (
            {"lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight": [4, 1024]},
            Family.SD2,
            ("SD 2.1",),
        ),
        (
            {
                "lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": [4, 768],
                "lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": [4, 1280],
            },
            Family.SDXL,
            ("SDXL 1.0", "Pony", "Illustrious", "NoobAI"),
        ),
        (
            {"diffusion_model.double_blocks.0.img_attn.qkv.lora_A.weight": [16, 4096]},
            Family.FLUX2,
            ("Flux.2 Klein 9B",),
        ),
        (
            {"diffusion_model.double_blocks.0.img_attn.qkv.lora_A.weight": [16, 6144]},
            Family.FLUX2,
            ("Flux.2 D",),
        ),
        (
            {"transformer.single_transformer_blocks.47.attn.to_out.lora_B.weight": [6144, 16]},
            Family.FLUX2,
            ("Flux.2 D",),
        ),
        (
            {
                "transformer.single_transformer_blocks.23.attn.to_qkv_mlp_proj.lora_B.weight": [
                    36864,
                    16,
                ]
            },
            Family.FLUX2,
            ("Flux.2 Klein 9B",),
        ),
        (
            {
                "diffusion_model.txt_in.lora_A.weight": [16, 15360],
                "diffusion_model.single_blocks.0.linear1.lora_B.weight": [1, 16],
            },
            Family.FLUX2,
            ("Flux.2 D",),
        ),
        (
            {
                "lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight": [16, 3072],
                "lora_unet_distilled_guidance_layer_layers_0_in_layer.lora_down.weight": [16, 5120],
            },
            Family.CHROMA,
            ("Chroma",),
        ),
        (
            {"transformer.double_blocks.0.txt_mod.linear.lora_A.weight": [16, 3072]},
            Family.HUNYUAN_VIDEO,
            ("Hunyuan Video",),
        ),
        (
            {"lora_unet__layers_0_attention_qkv.lora_down.weight": [16, 2304]},
            Family.LUMINA2,
            ("Lumina",),
        ),
        (
            {"transformer.transformer_blocks.37.attn.to_q.lora_A.weight": [16, 2432]},
            Family.SD3,
            ("SD 3.5 Large",),
        ),
        (
            {"diffusion_model.blocks.0.cross_attn.k.lora_A.weight": [16, 1536]},
            Family.WAN,
            ("Wan Video 1.3B t2v",),
        ),
        (
            {"diffusion_model.blocks.0.ffn.0.lora_down.weight": [16, 3072]},
            Family.WAN,
            ("Wan Video 2.2 TI2V-5B",),
        ),
        (
            {"diffusion_model.txtfusion.0.lora_A.weight": [16, 4096]},
            Family.KREA2,
            ("Krea 2",),
        ),
    ],
)
def test_layers_tell_the_family(shapes: Shapes, family: Family, names: tuple[str, ...]) -> None:
    found = detected(shapes)
    assert found.kind is ModelKind.LORA
    assert (found.base_model.family, found.base_model.candidates) == (family, names)


def test_attention_of_a_transformer_is_not_taken_for_that_of_a_unet() -> None:
    """LTXV has an ``attn2`` of SDXL's width, but no UNet around it."""
    shapes = {"transformer.transformer_blocks.0.attn2.to_k.lora_A.weight": [16, 2048]}
    assert detected(shapes).base_model.family is Family.UNKNOWN


def test_a_lora_is_told_before_a_checkpoint() -> None:
    shapes = {
        "input_blocks.0.0.weight": [320, 4, 3, 3],
        "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight": [4, 1280],
    }
    assert detected(shapes).kind is ModelKind.LORA


def test_a_lora_of_an_unknown_family_is_still_one() -> None:
    found = detected({"strange.layer.lora_A.weight": [4, 7]})
    assert (found.kind, found.base_model.family) == (ModelKind.LORA, Family.UNKNOWN)


@pytest.mark.parametrize(
    ("ending", "algorithm", "rank"),
    [
        ("lokr_w1", "LoKr", 12),
        ("hada_w1_a", "LoHa", 12),
        ("oft_blocks", "OFT", 12),
        ("lora_down.weight", None, 4),
    ],
)
def test_the_rank_of_other_algorithms_is_what_the_trainer_wrote(
    ending: str, algorithm: str | None, rank: int
) -> None:
    found = detected({f"lora_unet_x.{ending}": [4, 4]}, {"ss_network_dim": "12"})
    assert found.details.get("algorithm") == algorithm
    assert found.details["rank"] == rank


def test_a_dora_is_called_one() -> None:
    shapes = {"lora_unet_x.lora_down.weight": [4, 8], "lora_unet_x.dora_scale": [8, 1]}
    assert detected(shapes).details["algorithm"] == "DoRA"


@pytest.mark.parametrize("dim", ["None", "Dynamic", "-1", "١٢", "9" * 5000])
def test_a_rank_that_is_no_number_is_left_out(dim: str) -> None:
    found = detected({"lora_unet_x.lokr_w1": [4, 4]}, {"ss_network_dim": dim})
    assert "rank" not in found.details


def test_what_a_trainer_writes_is_shown() -> None:
    recorded = json.loads(
        (RECORDINGS / "header_kohya_lora_metadata.json").read_text(encoding="utf-8")
    )
    content = sdxl_lora(rank=16, metadata=recorded["__metadata__"]).content()
    found = detect(read_header(BytesIO(content), len(content)), filename="ink.safetensors")
    assert found.details == {
        "alias": "inkWashXL",
        "prediction": "epsilon",
        "resolution": "(1024, 1024)",
        "trigger_words": "inkwash style",
        "trained_on": "harborMixXL_v20.safetensors",
        "title": "inkWashXL",
        "tensors": 6,
        "rank": 16,
        "dtype": "F16",
    }
