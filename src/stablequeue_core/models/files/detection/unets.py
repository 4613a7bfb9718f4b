"""What a UNet's tensors tell: Stable Diffusion 1 and 2, SDXL and all that look like it, SVD.

Both namings are understood: the original one (LDM) and that of diffusers. Sizes as in
huggingface_guess 7094202 ``detection.py`` and ComfyUI a125cd84 ``comfy/model_detection.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from stablequeue_core.models.base_model import Family
from stablequeue_core.models.files.detection.families import NAMES
from stablequeue_core.models.files.detection.names import TensorNames
from stablequeue_core.models.files.detection.rows import Verdict
from stablequeue_core.models.model import ModelKind

_FIRST = ("input_blocks.0.0.weight", "conv_in.weight")
_ATTENTION = ".transformer_blocks.0.attn2.to_k.weight"
_CONTEXT = tuple(
    block + _ATTENTION
    for block in (
        "input_blocks.1.1",
        "input_blocks.2.1",
        "input_blocks.4.1",
        "down_blocks.0.attentions.0",
        "down_blocks.0.attentions.1",
        "down_blocks.1.attentions.0",
    )
)
_LABEL = ("label_emb.0.0.weight", "add_embedding.linear_1.weight")
_DEEP = ("input_blocks.7.1", "down_blocks.2.attentions.0")
_LAST_OF_DEEP = ".transformer_blocks.9.attn2.to_k.weight"

_CHANNELS = {9: "inpaint", 8: "instruct-pix2pix", 5: "depth"}
"""What a UNet is fed beside the picture tells what it is for; 4 is the usual number."""


@frozen(kw_only=True)
class _UNet:
    """What a row asks of a UNet; None where it does not matter.

    Attributes:
        context: how wide the text encoders' words are.
        label: how wide what is said of sizes and the like is.
        channels: how many the first layer takes.
        marks: tensors of no use but as flags; each must be there.
        begins: how some tensor's name must begin.
        holds: what some tensor's name must hold.
        shallow: whether the deep blocks of SDXL are cut short.
    """

    family: Family
    names: tuple[str, ...] | None = None
    variant: str | None = None
    context: int | None = None
    label: int | None = None
    channels: int | None = None
    marks: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    shallow: bool = False


_UNETS: tuple[_UNet, ...] = (
    _UNet(family=Family.STABLE_VIDEO, holds=(".time_stack.",)),
    _UNet(family=Family.KOLORS, label=5632),
    _UNet(family=Family.KOLORS, marks=("encoder_hid_proj.weight",), context=2048),
    _UNet(family=Family.SDXL_REFINER, variant="refiner", label=2560),
    _UNet(family=Family.SDXL_REFINER, variant="refiner", context=1280),
    _UNet(
        family=Family.SDXL,
        names=("Playground v2",),
        variant="playground 2.5",
        context=2048,
        marks=("edm_mean", "edm_std"),
    ),
    _UNet(
        family=Family.SDXL,
        names=("SDXL Distilled",),
        variant="distilled",
        context=2048,
        shallow=True,
    ),
    _UNet(
        family=Family.SDXL,
        names=("NoobAI", "Illustrious", "SDXL 1.0", "Pony"),
        variant="v-pred",
        context=2048,
        marks=("v_pred",),
    ),
    _UNet(family=Family.SDXL, context=2048),
    _UNet(family=Family.SDXL, label=2816),
    _UNet(
        family=Family.SD2,
        names=("SD 2.1 Unclip",),
        variant="unclip",
        context=1024,
        label=1536,
    ),
    _UNet(
        family=Family.SD2,
        names=("SD 2.1 Unclip",),
        variant="unclip",
        context=1024,
        label=2048,
    ),
    _UNet(family=Family.SD2, names=("SD 2.0",), variant="depth", context=1024, channels=5),
    _UNet(family=Family.SD2, names=("SD 2.0",), variant="inpaint", context=1024, channels=9),
    _UNet(family=Family.SD2, context=1024),
    _UNet(family=Family.SD1, names=("SD 1.5",), variant="inpaint", context=768, channels=9),
    _UNet(family=Family.SD1, context=768),
)


def unet_verdict(names: TensorNames) -> Verdict | None:
    """What a UNet is for; None where there is none, or none that is known."""
    channels = _size(names, _FIRST)
    if channels is None:
        return None
    context, label = _size(names, _CONTEXT), _size(names, _LABEL)
    shallow = _is_shallow(names)
    for row in _UNETS:
        if (
            row.context in (None, context)
            and row.label in (None, label)
            and row.channels in (None, channels)
            and (shallow or not row.shallow)
            and all(map(names.has, row.marks))
            and all(map(names.holds, row.holds))
        ):
            known = NAMES.get(row.family, ()) if row.names is None else row.names
            variant = row.variant or _CHANNELS.get(channels)
            return Verdict(ModelKind.CHECKPOINT, row.family, known, variant)
    return None


def _size(names: TensorNames, places: Sequence[str]) -> int | None:
    """How wide what enters the first of these layers that is there is."""
    return next((size for place in places if (size := names.size(place, 1)) is not None), None)


def _is_shallow(names: TensorNames) -> bool:
    """Whether the deep blocks are there, but end before the tenth layer: SSD-1B, Vega, KOALA."""
    return any(names.has(deep + _ATTENTION) for deep in _DEEP) and not any(
        names.has(deep + _LAST_OF_DEEP) for deep in _DEEP
    )
