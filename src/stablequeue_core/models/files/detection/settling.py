"""What a file itself tells, and what its sidecars say: which of them counts."""

from __future__ import annotations

import re

from attrs import evolve

from stablequeue_core.models.base_model import BaseModel, Confidence, Family
from stablequeue_core.models.files.detection.families import NAMES, family_of, name_of_architecture
from stablequeue_core.models.model import ModelCard

_CLASS = re.compile(r"(sd ?[123]|sdxl|flux|stable-diffusion-[\w.-]+|flux-1-[\w-]+)(/.*)?", re.I)
"""Words for a whole family: Forge's classes, and the architectures of modelspec."""


def settle(detected: BaseModel, card: ModelCard) -> BaseModel:
    """The base model of a file, given what its sidecars say.

    What is written there gives the name: any text counts, and no guess beats it. The tensors give
    the family, because a file goes only with what its tensors fit, whatever is written.

    Args:
        detected: what the file itself tells.
        card: what its sidecars say, merged.

    Example:
        >>> from stablequeue_core.models import ModelCard
        >>> shape = BaseModel(family=Family.SDXL, confidence=Confidence.SHAPE, source="tensors")
        >>> settled = settle(shape, ModelCard(base_model="Pony", base_model_confirmed=True))
        >>> settled.name, settled.family.value, settled.confidence.value
        ('Pony', 'sdxl', 'confirmed')
    """
    written = (card.base_model or "").strip()
    written = name_of_architecture(written) or written
    if not written:
        return detected
    family = family_of(written)
    if _CLASS.fullmatch(written):
        return _of_class(detected, family)
    return evolve(
        detected,
        family=family if detected.family is Family.UNKNOWN else detected.family,
        name=written,
        candidates=(written,),
        confidence=Confidence.CONFIRMED if card.base_model_confirmed else Confidence.STATED,
        source="civitai" if card.base_model_confirmed else "sidecar",
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
