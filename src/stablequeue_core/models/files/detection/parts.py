"""What is no model by itself: a VAE, a textual inversion."""

from __future__ import annotations

from stablequeue_core.models.base_model import Family
from stablequeue_core.models.files.detection.names import TensorNames
from stablequeue_core.models.files.detection.rows import Verdict
from stablequeue_core.models.model import ModelKind

_VAE = ("encoder.conv_in.weight", "decoder.conv_out.weight")
_VAE_PREFIXES = ("", "first_stage_model.")

_EMBEDDINGS = {768: (Family.SD1, ("SD 1.5",)), 1024: (Family.SD2, ("SD 2.1",))}
"""A word is as wide as the family's text encoder takes it."""

_MOST_WORDS = 512
"""A text encoder reads 75 words at a time; a longer inversion is none."""


def part_verdict(names: TensorNames) -> Verdict | None:
    """What a file that is no diffusion model is; None where that is not known either."""
    if any(names.has(start + name) for start in _VAE_PREFIXES for name in _VAE):
        return Verdict(ModelKind.VAE, Family.UNKNOWN)
    if names.has("clip_l") and names.has("clip_g"):
        return Verdict(ModelKind.EMBEDDING, Family.SDXL, ("SDXL 1.0",))
    return _lone_words(names)


def _lone_words(names: TensorNames) -> Verdict | None:
    """A textual inversion of one text encoder: a tensor by itself, as wide as that one's words."""
    word = next(iter(names.tensors), "")
    if names.has("emb_params"):
        word = "emb_params"
    elif len(names.tensors) != 1 or ("." in word and not word.startswith("string_to_param")):
        return None
    *before, width = names.tensors[word].shape or (0,)
    if width not in _EMBEDDINGS or len(before) > 1 or before > [_MOST_WORDS]:
        return None
    return Verdict(ModelKind.EMBEDDING, *_EMBEDDINGS[width])
