"""Puts together what tensors, metadata and names tell of a model file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from attrs import evolve, field, frozen

from stablequeue_core.models.base_model import UNKNOWN_BASE, BaseModel, Confidence, Family
from stablequeue_core.models.files.detection.architectures import architecture_verdict
from stablequeue_core.models.files.detection.details import (
    MAX_CHARS,
    Detail,
    written_details,
    written_rank,
)
from stablequeue_core.models.files.detection.families import NAMES, family_of, name_of_architecture
from stablequeue_core.models.files.detection.hints import hinted_name
from stablequeue_core.models.files.detection.lora_names import LoraNames, is_lora
from stablequeue_core.models.files.detection.loras import lora_verdict
from stablequeue_core.models.files.detection.metadata import (
    ARCHITECTURE,
    written_base,
    written_kind,
)
from stablequeue_core.models.files.detection.names import TensorNames, listed
from stablequeue_core.models.files.detection.parts import part_verdict
from stablequeue_core.models.files.detection.rows import Verdict
from stablequeue_core.models.files.detection.unets import unet_verdict
from stablequeue_core.models.files.headers import Header
from stablequeue_core.models.model import ModelKind

_PACKINGS = {
    ".quant_state.bitsandbytes__nf4": "NF4",
    ".quant_state.bitsandbytes__fp4": "FP4",
    "scaled_fp8": "FP8 scaled",
    ".scale_weight": "FP8 scaled",
    ".weight_scale": "FP8 scaled",
    ".wscales": "nunchaku",
}
"""Tensors beside the weights that tell how these are packed."""


@frozen(kw_only=True)
class Detected:
    """What a model file is, as far as itself tells.

    Attributes:
        kind: what it is for; None where that is not known. The folder that it lies in may say
            otherwise.
        base_model: what it was made from or for.
        details: a few facts for people. ``rank`` and ``tensors`` are numbers; ``dtype``,
            ``algorithm``, ``alias``, ``prediction``, ``clip_skip``, ``resolution``,
            ``trigger_words``, ``trained_on``, ``title``, ``author``, ``license`` are text;
            ``written_base`` is what the header says against its own tensors.
    """

    kind: ModelKind | None = None
    base_model: BaseModel = UNKNOWN_BASE
    details: Mapping[str, Detail] = field(factory=dict)


def detect(header: Header, *, filename: str) -> Detected:
    """Tell what a model file is.

    Args:
        header: what the file says of itself.
        filename: its name, which hints at what tensors cannot tell.

    Example:
        >>> from io import BytesIO
        >>> from stablequeue_core.models.files.headers import read_header
        >>> from stablequeue_core.testing.model_files import sdxl_lora
        >>> content = sdxl_lora(rank=8).content()
        >>> header = read_header(BytesIO(content), len(content))
        >>> found = detect(header, filename="ink_pony.safetensors")
        >>> found.kind.value, found.base_model.family.value, found.details["rank"]
        ('lora', 'sdxl', 8)
        >>> found.base_model.name, found.base_model.confidence.value
        ('Pony', 'guess')
    """
    details = written_details(header.metadata)
    verdict = _verdict(header, details)
    written = written_base(header.metadata)
    base = _base_model(verdict, written)
    if written and written[0] is not base.family:
        details["written_base"] = written[1][:MAX_CHARS]
    named = name_of_architecture(header.metadata.get(ARCHITECTURE, ""))
    if named and base.name is None and family_of(named) is base.family:
        base = evolve(
            base,
            name=named,
            candidates=(named,),
            confidence=Confidence.STATED,
            source="metadata",
        )
    if base.name is None:
        hinted = hinted_name(base.family, header.metadata, filename)
        if hinted:
            base = evolve(
                base,
                name=hinted,
                candidates=(hinted,),
                confidence=Confidence.GUESS,
                source="name",
            )
    kind = verdict.kind if verdict else written_kind(header.metadata)
    return Detected(kind=kind, base_model=base, details=details)


def _verdict(header: Header, details: dict[str, Detail]) -> Verdict | None:
    """What the tensors say; adds what they tell beside that to the details."""
    tensors = header.tensors
    if not tensors:
        return None
    details["tensors"] = len(tensors)
    text = listed(tensors)
    if is_lora(text):
        lora = LoraNames(tensors, text)
        _add_lora_details(lora, header.metadata, details)
        return lora_verdict(lora)
    names = TensorNames(tensors, text)
    details["dtype"] = _packing(names) or _usual_dtype(header)
    if names.has("v_pred"):
        details["prediction"] = "v"
    return architecture_verdict(names) or unet_verdict(names) or part_verdict(names)


def _add_lora_details(
    lora: LoraNames, metadata: Mapping[str, str], details: dict[str, Detail]
) -> None:
    ranked = lora.ranked
    rank = ranked.shape[0] if ranked and ranked.shape else written_rank(metadata)
    if rank is not None:
        details["rank"] = rank
    if ranked:
        details["dtype"] = ranked.dtype
    if lora.algorithm:
        details["algorithm"] = lora.algorithm


def _base_model(verdict: Verdict | None, written: tuple[Family, str] | None) -> BaseModel:
    """By the tensors; by what is written where they do not tell."""
    if verdict and verdict.family is not Family.UNKNOWN:
        return BaseModel(
            family=verdict.family,
            name=_only_name(verdict),
            candidates=verdict.names,
            variant=verdict.variant,
            confidence=Confidence.SHAPE,
            source="tensors",
        )
    if written:
        return BaseModel(
            family=written[0],
            candidates=NAMES.get(written[0], ()),
            confidence=Confidence.STATED,
            source="metadata",
        )
    return UNKNOWN_BASE


def _only_name(verdict: Verdict) -> str | None:
    """The name of a checkpoint that can have no other.

    A refiner has none of its own at Civitai, and what was trained on a model may have been
    trained on one of its kin, which look alike from outside.
    """
    if verdict.kind is not ModelKind.CHECKPOINT or verdict.family is Family.SDXL_REFINER:
        return None
    return verdict.names[0] if len(verdict.names) == 1 else None


def _packing(names: TensorNames) -> str | None:
    return next((packing for mark, packing in _PACKINGS.items() if names.holds(mark)), None)


def _usual_dtype(header: Header) -> str:
    """The type of most weights; of most tensors where none is a matrix."""
    types = Counter(t.dtype for t in header.tensors.values() if len(t.shape) > 1)
    types = types or Counter(t.dtype for t in header.tensors.values())
    return types.most_common(1)[0][0]
