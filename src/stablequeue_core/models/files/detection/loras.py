"""What a LoRA was trained for: the table of layers that it changes; the first row that fits.

The names are those that kohya's sd-scripts, diffusers, ai-toolkit and the makers of the models
themselves give to layers; sources are InvokeAI ``model_manager/configs/lora.py``, SwarmUI
``T2IModelClassSorter.cs`` and ComfyUI ``comfy/model_detection.py``.
"""

from __future__ import annotations

from attrs import frozen

from stablequeue_core.models.base_model import Family
from stablequeue_core.models.files.detection.families import NAMES
from stablequeue_core.models.files.detection.lora_names import LoraNames
from stablequeue_core.models.files.detection.rows import Verdict
from stablequeue_core.models.model import ModelKind


@frozen(kw_only=True)
class _Row:
    """LoRAs of one kind; all of what is asked for must hold.

    Attributes:
        family: what they were trained for.
        names: what Civitai may call that, likeliest first; None for all names of the family.
        one_of: groups of parts; some name must hold one part of each group.
        lacks: parts that no name may hold.
        inner: layers, and how wide what enters one of them must be.
        outer: layers, and how wide what leaves one of them must be.
    """

    family: Family
    names: tuple[str, ...] | None = None
    one_of: tuple[tuple[str, ...], ...] = ()
    lacks: tuple[str, ...] = ()
    inner: tuple[tuple[str, ...], int] | None = None
    outer: tuple[tuple[str, ...], int] | None = None

    def fits(self, names: LoraNames) -> bool:
        return (
            all(any(map(names.holds, parts)) for parts in self.one_of)
            and not any(map(names.holds, self.lacks))
            and (self.inner is None or self.inner[1] in names.inner(self.inner[0]))
            and (self.outer is None or self.outer[1] in names.outer(self.outer[0]))
        )


_UNET = ("input_blocks_", "_attentions_", "output_blocks_", "middle_block_")
_UNET_CONTEXT = ("_attn2_to_k",)
_UNET_OF_SDXL = tuple(f"\nlora_unet_input_blocks_{n}_" for n in range(4, 9)) + tuple(
    f"_transformer_blocks_{n}_" for n in range(2, 10)
)
_TEXT_ENCODER = ("\nlora_te_text_model_",)
_TEXT_ATTENTION = tuple(f"_self_attn_{part}_proj" for part in ("q", "k", "v", "out"))

_FLUX = ("double_blocks_", "single_blocks_", "single_transformer_blocks_")
_FLUX_HIDDEN = (
    "_img_attn_qkv",
    "_img_attn_proj",
    "_linear1",
    "_attn_to_q",
    "_attn_to_k",
    "_attn_to_v",
    "_to_qkv_mlp_proj",
)
_FLUX2_ONLY = ("_to_qkv_mlp_proj", "_ff_linear_in")
_TEXT_IN = ("txt_in", "context_embedder")
_DEPTHS_24 = ("single_blocks_23_", "single_transformer_blocks_23_")
_DEPTHS_25 = ("single_blocks_24_", "single_transformer_blocks_24_")
_DEPTHS_48 = ("single_blocks_47_", "single_transformer_blocks_47_")

_LAYERS = tuple(
    f"\n{start}layers_"
    for start in ("diffusion_model_", "lora_unet__", "lora_unet_", "transformer_")
)
_LAYERS_HIDDEN = (
    "_attention_to_k",
    "_attention_to_q",
    "_attention_to_v",
    "_attention_qkv",
    "_attention_to_out_0",
    "_attention_out",
    "_feed_forward_w1",
)

_WAN_HIDDEN = (
    *(f"_self_attn_{part}" for part in "qkvo"),
    *(f"_cross_attn_{part}" for part in "qkvo"),
    "_ffn_0",
)

_ROWS: tuple[_Row, ...] = (
    _Row(family=Family.SDXL, one_of=(_UNET,), inner=(_UNET_CONTEXT, 2048)),
    _Row(family=Family.SD1, names=("SD 1.5",), one_of=(_UNET,), inner=(_UNET_CONTEXT, 768)),
    _Row(family=Family.SD2, names=("SD 2.1",), one_of=(_UNET,), inner=(_UNET_CONTEXT, 1024)),
    _Row(family=Family.SDXL, one_of=(_UNET, _UNET_OF_SDXL)),
    _Row(
        family=Family.SD1, names=("SD 1.5",), one_of=(_TEXT_ENCODER,), inner=(_TEXT_ATTENTION, 768)
    ),
    _Row(
        family=Family.SD2, names=("SD 2.1",), one_of=(_TEXT_ENCODER,), inner=(_TEXT_ATTENTION, 1024)
    ),
    _Row(family=Family.KREA2, one_of=(("txtfusion", "text_fusion"),)),
    _Row(family=Family.CHROMA, one_of=(_FLUX, ("distilled_guidance_layer",))),
    _Row(
        family=Family.HUNYUAN_VIDEO,
        one_of=(
            ("double_blocks_",),
            ("_txt_mod_linear", "_img_mod_linear", "_img_mlp_fc1", "individual_token_refiner"),
        ),
    ),
    _Row(
        family=Family.FLUX2,
        names=("Flux.2 Klein 4B",),
        one_of=(_FLUX,),
        outer=(("_img_mlp_0",), 18432),
    ),
    _Row(family=Family.FLUX2, names=("Flux.2 Klein 4B",), one_of=(_FLUX,), inner=(_TEXT_IN, 7680)),
    _Row(family=Family.FLUX2, names=("Flux.2 Klein 9B",), one_of=(_FLUX,), inner=(_TEXT_IN, 12288)),
    _Row(family=Family.FLUX2, names=("Flux.2 D",), one_of=(_FLUX,), inner=(_TEXT_IN, 15360)),
    _Row(
        family=Family.FLUX2, names=("Flux.2 Klein 9B",), one_of=(_FLUX,), inner=(_FLUX_HIDDEN, 4096)
    ),
    _Row(family=Family.FLUX2, names=("Flux.2 D",), one_of=(_FLUX,), inner=(_FLUX_HIDDEN, 6144)),
    _Row(family=Family.FLUX2, names=("Flux.2 D",), one_of=(_DEPTHS_48,)),
    _Row(
        family=Family.FLUX2,
        names=("Flux.2 Klein 9B",),
        one_of=(_FLUX2_ONLY, _DEPTHS_24),
        lacks=_DEPTHS_25,
    ),
    _Row(family=Family.FLUX2, one_of=(_FLUX, _FLUX2_ONLY)),
    _Row(family=Family.FLUX1, names=("Flux.1 D",), one_of=(_FLUX,)),
    _Row(family=Family.Z_IMAGE, one_of=(_LAYERS,), inner=(_LAYERS_HIDDEN, 3840)),
    _Row(family=Family.LUMINA2, one_of=(_LAYERS,), inner=(_LAYERS_HIDDEN, 2304)),
    _Row(family=Family.QWEN_IMAGE, one_of=(("_add_k_proj",), ("_img_mlp_net_",))),
    _Row(
        family=Family.SD3,
        names=("SD 3.5 Large",),
        one_of=(("_transformer_blocks_37_", "joint_blocks_37_"),),
        lacks=("_transformer_blocks_38_",),
    ),
    _Row(family=Family.SD3, one_of=(("joint_blocks_",),)),
    _Row(
        family=Family.ANIMA,
        one_of=(("blocks_",), ("_cross_attn_k_proj", "_mlp_layer1", "adaln_modulation")),
        lacks=("text_model_",),
    ),
    _Row(
        family=Family.WAN,
        names=("Wan Video 14B t2v", "Wan Video 2.2 T2V-A14B", "Wan Video 2.2 I2V-A14B"),
        inner=(_WAN_HIDDEN, 5120),
    ),
    _Row(family=Family.WAN, names=("Wan Video 2.2 TI2V-5B",), inner=(_WAN_HIDDEN, 3072)),
    _Row(family=Family.WAN, names=("Wan Video 1.3B t2v",), inner=(_WAN_HIDDEN, 1536)),
    _Row(family=Family.SDXL, one_of=(("\nlora_te1_",), ("\nlora_te2_",)), lacks=("\nlora_te3_",)),
)


def lora_verdict(names: LoraNames) -> Verdict:
    """What a LoRA was trained for; of an unknown family where no row fits."""
    for row in _ROWS:
        if row.fits(names):
            known = NAMES.get(row.family, ()) if row.names is None else row.names
            return Verdict(ModelKind.LORA, row.family, known)
    return Verdict(ModelKind.LORA, Family.UNKNOWN)
