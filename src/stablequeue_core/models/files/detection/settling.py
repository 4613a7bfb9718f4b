"""What a file itself tells, and what is written beside it: which of them counts."""

from __future__ import annotations

import re

from attrs import evolve

from stablequeue_core.models.base_model import BaseModel, Confidence, Family
from stablequeue_core.models.files.detection.families import NAMES, family_of
from stablequeue_core.models.model import ModelCard

_FROM_CIVITAI = frozenset(
    {
        "civitai",
        "civitai_info",
        "lora_manager",
        "stability_matrix",
        "browser_plus",
        "stablequeue_download",
    }
)
"""The sources of a card that repeat what Civitai answered about the very file."""

_CLASS = re.compile(r"(sd ?[123]|sdxl|flux|stable-diffusion-[\w.-]+|flux-1-[\w-]+)(/.*)?", re.I)
"""Words for a whole family: Forge's classes, and the architectures of modelspec."""


def settle(detected: BaseModel, card: ModelCard) -> BaseModel:
    """The base model of a file, given what is written beside it.

    What is written gives the name: any text counts, and no guess beats it. The tensors give the
    family, because a file goes only with what its tensors fit, whatever is written.

    Args:
        detected: what the file itself tells.
        card: what the files beside it tell.

    Example:
        >>> from stablequeue_core.models import ModelCard
        >>> shape = BaseModel(family=Family.SDXL, confidence=Confidence.SHAPE, source="tensors")
        >>> card = ModelCard(base_model="Pony", version_id=1, sources=("civitai_info",))
        >>> settled = settle(shape, card)
        >>> settled.name, settled.family.value, settled.confidence.value
        ('Pony', 'sdxl', 'confirmed')
    """
    written = (card.base_model or "").strip()
    if not written:
        return detected
    family = family_of(written)
    if _CLASS.fullmatch(written):
        return _of_class(detected, family)
    confirmed = card.version_id is not None and not _FROM_CIVITAI.isdisjoint(card.sources)
    return evolve(
        detected,
        family=family if detected.family is Family.UNKNOWN else detected.family,
        name=written,
        candidates=(written,),
        confidence=Confidence.CONFIRMED if confirmed else Confidence.STATED,
        source="civitai" if confirmed else "sidecar",
    )


def _of_class(detected: BaseModel, family: Family) -> BaseModel:
    """A class has no name of its own; it tells something only where nothing else does."""
    if detected.family is not Family.UNKNOWN or family is Family.UNKNOWN:
        return detected
    return evolve(
        detected,
        family=family,
        candidates=NAMES.get(family, ()),
        confidence=Confidence.STATED,
        source="sidecar",
    )
