"""The table of architectures: what the tensors of a checkpoint tell; the first row that fits.

The order and the deciding names are those of huggingface_guess 7094202 ``detection.py`` (which
Forge asks), ComfyUI a125cd84 ``comfy/model_detection.py``, SwarmUI ``T2IModelClassSorter.cs`` and
InvokeAI ``model_manager/configs/``. Sizes tell variants; where weights are packed (NF4) they do
not fit, and the last row of an architecture still tells the family.
"""

from __future__ import annotations

from stablequeue_core.models.base_model import Family
from stablequeue_core.models.files.detection.names import TensorNames
from stablequeue_core.models.files.detection.rows import Row, Verdict

_SD3 = "joint_blocks.0.context_block.attn.qkv.weight"
_SD3_WIDTH = "x_embedder.proj.weight"
_SD35 = "joint_blocks.0.context_block.attn.ln_q.weight"
_CASCADE = "clf.1.weight"
_CASCADE_C = "clip_txt_mapper.weight"
_CASCADE_B = "clip_mapper.weight"
_CASCADE_B_WIDTH = "down_blocks.1.0.channelwise.0.weight"
_HUNYUAN = "txt_in.individual_token_refiner.blocks.0.norm1.weight"
_HUNYUAN_PATCH = "img_in.proj.weight"
_FLUX = "double_blocks.0.img_attn.norm.key_norm."
_FLUX_IN = "img_in.weight"
_FLUX_GUIDED = "guidance_in.in_layer.weight"
_FLUX2 = "double_stream_modulation_img.lin.weight"
_QWEN = ("txt_norm.weight", "img_in.weight", "txt_in.weight")
_LUMINA = ("cap_embedder.1.weight", "noise_refiner.0.attention.k_norm.weight")
_WAN = ("head.modulation", "patch_embedding.weight")
_WAN_PATCH = "patch_embedding.weight"
_ADALN = "adaln_single.emb.timestep_embedder.linear_1.bias"

ARCHITECTURES: tuple[Row, ...] = (
    Row(
        family=Family.SD3,
        names=("SD 3.5 Medium",),
        variant="3.5 medium",
        has=(_SD3,),
        begins=("joint_blocks.0.x_block.attn2.",),
    ),
    Row(
        family=Family.SD3,
        names=("SD 3.5 Large", "SD 3.5 Large Turbo"),
        variant="3.5 large, depth 38",
        has=(_SD3,),
        sizes=((_SD3_WIDTH, 0, 2432),),
    ),
    Row(
        family=Family.SD3,
        names=("SD 3.5 Large", "SD 3.5 Large Turbo", "SD 3.5 Medium"),
        variant="3.5",
        has=(_SD3, _SD35),
    ),
    Row(
        family=Family.SD3,
        names=("SD 3",),
        variant="medium, depth 24",
        has=(_SD3,),
        sizes=((_SD3_WIDTH, 0, 1536),),
    ),
    Row(family=Family.SD3, has=(_SD3,)),
    Row(
        family=Family.STABLE_CASCADE,
        variant="stage C full",
        has=(_CASCADE,),
        sizes=((_CASCADE_C, 0, 2048),),
    ),
    Row(
        family=Family.STABLE_CASCADE,
        variant="stage C lite",
        has=(_CASCADE,),
        sizes=((_CASCADE_C, 0, 1536),),
    ),
    Row(
        family=Family.STABLE_CASCADE,
        variant="stage B lite",
        has=(_CASCADE, _CASCADE_B),
        sizes=((_CASCADE_B_WIDTH, -1, 576),),
    ),
    Row(family=Family.STABLE_CASCADE, variant="stage B", has=(_CASCADE, _CASCADE_B)),
    Row(family=Family.STABLE_CASCADE, has=(_CASCADE,)),
    Row(family=Family.STABLE_CASCADE, variant="stage A", has=("vquantizer.codebook.weight",)),
    Row(family=Family.AURAFLOW, has=("double_layers.0.attn.w1q.weight",)),
    Row(
        family=Family.HUNYUAN_DIT,
        variant="1.0",
        has=("mlp_t5.0.weight",),
        sizes=(("extra_embedder.0.weight", 1, 3968),),
    ),
    Row(family=Family.HUNYUAN_DIT, variant="1.1 or 1.2", has=("mlp_t5.0.weight",)),
    Row(family=Family.HUNYUAN_VIDEO, variant="1.5", has=(_HUNYUAN,), begins=("vision_in.proj.0.",)),
    Row(family=Family.HUNYUAN_IMAGE, variant="2.1", has=(_HUNYUAN,), begins=("byt5_in.",)),
    Row(
        family=Family.HUNYUAN_VIDEO,
        variant="i2v",
        has=(_HUNYUAN,),
        sizes=((_HUNYUAN_PATCH, 1, 33),),
    ),
    Row(
        family=Family.HUNYUAN_VIDEO,
        variant="SkyReels i2v",
        has=(_HUNYUAN,),
        sizes=((_HUNYUAN_PATCH, 1, 32),),
    ),
    Row(
        family=Family.HUNYUAN_VIDEO,
        variant="t2v",
        has=(_HUNYUAN,),
        sizes=((_HUNYUAN_PATCH, 1, 16),),
    ),
    Row(family=Family.HUNYUAN_VIDEO, has=(_HUNYUAN,)),
    Row(family=Family.FLUX2, names=("Flux.2 D",), variant="dev", sizes=((_FLUX2, 0, 36864),)),
    Row(
        family=Family.FLUX2,
        names=("Flux.2 Klein 9B", "Flux.2 Klein 9B-base"),
        variant="klein 9b",
        sizes=((_FLUX2, 0, 24576),),
    ),
    Row(
        family=Family.FLUX2,
        names=("Flux.2 Klein 4B", "Flux.2 Klein 4B-base"),
        variant="klein 4b",
        sizes=((_FLUX2, 0, 18432),),
    ),
    Row(family=Family.FLUX2, has=(_FLUX2,)),
    Row(
        family=Family.CHROMA,
        variant="radiance",
        begins=("distilled_guidance_layer.", "nerf_blocks."),
    ),
    Row(family=Family.CHROMA, begins=("distilled_guidance_layer.",)),
    Row(
        family=Family.FLUX1,
        names=("Flux.1 D",),
        variant="dev-fill (inpaint)",
        begins=(_FLUX,),
        sizes=((_FLUX_IN, 1, 384),),
    ),
    Row(
        family=Family.FLUX1,
        names=("Flux.1 D",),
        variant="dev-control (canny or depth)",
        begins=(_FLUX,),
        sizes=((_FLUX_IN, 1, 128),),
    ),
    Row(
        family=Family.FLUX1,
        names=("Flux.1 D", "Flux.1 Krea", "Flux.1 Kontext"),
        variant="dev",
        has=(_FLUX_IN, _FLUX_GUIDED),
        begins=(_FLUX,),
    ),
    Row(
        family=Family.FLUX1,
        names=("Flux.1 S",),
        variant="schnell",
        has=(_FLUX_IN,),
        begins=(_FLUX,),
    ),
    Row(
        family=Family.QWEN_IMAGE,
        variant="edit 2511",
        has=(*_QWEN, "__index_timestep_zero__"),
        sizes=(("txt_norm.weight", 0, 3584),),
    ),
    Row(family=Family.QWEN_IMAGE, has=_QWEN, sizes=(("txt_norm.weight", 0, 3584),)),
    Row(family=Family.MAGE_FLOW, has=_QWEN, sizes=(("txt_norm.weight", 0, 2560),)),
    Row(family=Family.LUMINA2, has=_LUMINA, sizes=(("cap_embedder.1.weight", 0, 2304),)),
    Row(family=Family.Z_IMAGE, has=_LUMINA, sizes=(("cap_embedder.1.weight", 0, 3840),)),
    Row(
        family=Family.WAN,
        names=("Wan Video 1.3B t2v",),
        variant="VACE",
        has=_WAN,
        begins=("vace_",),
        sizes=((_WAN_PATCH, 0, 1536),),
    ),
    Row(
        family=Family.WAN,
        names=("Wan Video 14B t2v",),
        variant="VACE",
        has=_WAN,
        begins=("vace_",),
    ),
    Row(
        family=Family.WAN,
        names=("Wan Video 14B i2v 720p", "Wan Video 14B i2v 480p"),
        variant="first and last frame",
        has=(*_WAN, "img_emb.emb_pos"),
    ),
    Row(
        family=Family.WAN,
        names=("Wan Video 14B i2v 480p", "Wan Video 14B i2v 720p"),
        has=_WAN,
        begins=("img_emb.proj.0.",),
        sizes=((_WAN_PATCH, 1, 36),),
    ),
    Row(
        family=Family.WAN,
        names=("Wan Video 2.2 I2V-A14B",),
        has=_WAN,
        sizes=((_WAN_PATCH, 1, 36),),
    ),
    Row(
        family=Family.WAN,
        names=("Wan Video 2.2 TI2V-5B",),
        has=_WAN,
        sizes=((_WAN_PATCH, 0, 3072),),
    ),
    Row(
        family=Family.WAN,
        names=("Wan Video 14B t2v", "Wan Video 2.2 T2V-A14B"),
        has=_WAN,
        sizes=((_WAN_PATCH, 0, 5120),),
    ),
    Row(family=Family.WAN, names=("Wan Video 1.3B t2v",), has=_WAN, sizes=((_WAN_PATCH, 0, 1536),)),
    Row(family=Family.WAN, has=_WAN),
    Row(
        family=Family.PIXART,
        names=("PixArt a",),
        variant="alpha 1024",
        has=("t_block.1.weight",),
        begins=("ar_embedder.",),
    ),
    Row(family=Family.PIXART, names=("PixArt E",), variant="sigma", has=("t_block.1.weight",)),
    Row(family=Family.PIXART, has=(_ADALN, "pos_embed.proj.bias")),
    Row(family=Family.LTXV, has=(_ADALN,)),
    Row(family=Family.HIDREAM, has=("caption_projection.0.linear.weight",)),
    Row(family=Family.MOCHI, has=("t5_yproj.weight",)),
    Row(family=Family.ANIMA, begins=("llm_adapter.",), holds=(".adaln_modulation_",)),
    Row(family=Family.KREA2, begins=("txtfusion",)),
    Row(family=Family.KREA2, begins=("text_fusion",)),
)


def architecture_verdict(names: TensorNames) -> Verdict | None:
    """What a diffusion model other than a UNet is; None where no row fits."""
    return next((row.verdict for row in ARCHITECTURES if row.fits(names)), None)
