"""What a search for models looks at, so that every storage finds the same ones. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from stablequeue_core.models import BaseModel, Family, Model

FEWEST_DIGITS = 8
"""A hash of fewer digits means no file: too many begin alike."""


def folded(text: str) -> str:
    """The one form in which texts are equal that differ by case or by Unicode form only.

    Example:
        >>> folded("STRASSE.Safetensors") == folded("straße.safetensors")
        True
    """
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def searched(model: Model) -> str:
    """All that :attr:`ModelQuery.text` searches, folded, with a line for each thing.

    No wanted word holds a line's end, so none is found across two things.
    """
    card, base = model.card, model.base_model
    said = (card.name, card.creator, *card.tags, *card.trigger_words, card.base_model)
    known = (base.name, base.family.value, base.family.label)
    return folded("\n".join(text for text in (model.path, *said, *known) if text))


def likeliest_name(base: BaseModel) -> str | None:
    """The name that a base model is found by: its own, else the first that it could have."""
    return base.name or (base.candidates[0] if base.candidates else None)


def wanted_words(text: str) -> Sequence[str]:
    """The words that a model must have, folded, each once.

    Example:
        >>> wanted_words("Pony  realistic pony")
        ['pony', 'realistic']
    """
    return list(dict.fromkeys(folded(text).split()))


def families_called(name: str) -> frozenset[Family]:
    """The families whose value or label this is, in any case.

    Example:
        >>> [family.name for family in families_called("sd 1.5")]
        ['SD1']
    """
    wanted = folded(name)
    return frozenset(
        family
        for family in Family
        if wanted in (family.value, family.label and folded(family.label))
    )
