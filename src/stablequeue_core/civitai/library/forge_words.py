"""What Civitai says of a model, in the words of the JSON that Forge keeps beside it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from attrs import frozen

from stablequeue_core.models import Family, ModelCard
from stablequeue_core.models.files.detection.families import family_of
from stablequeue_core.models.files.sidecars import digest_of

DESCRIPTION = "description"

_CLASS = "sd version"
_CLASSES: Mapping[Family, str] = {
    Family.SD1: "SD1",
    Family.SD2: "SD2",
    Family.SDXL: "SDXL",
    Family.FLUX1: "Flux",
}
"""Forge's own (dfdcbab6, ``sd_forge_lora/network.py``). For all others it has ``Unknown``, which
would hide what it finds out by itself, so that is not written."""

_IDS = ("modelId", "modelVersionId", "sha256")
"""As sd-civitai-browser-plus calls them. They speak of one version, so they go together."""

_SAYS_NOTHING = {_CLASS: "Unknown", "modelId": "Model not found"}
"""What Forge's editor saves where nobody has chosen a class, and that other tool without an id."""

Digests = Mapping[str, Collection[str]]
"""By key, digests of values."""


@frozen(kw_only=True)
class Filling:
    """What is to change in Forge's JSON.

    Attributes:
        changes: new values by key; None removes the key.
        ours: of what stands there afterwards, digests of our own words.
    """

    changes: Mapping[str, object]
    ours: Mapping[str, tuple[str, ...]]


def forge_words(card: ModelCard, sha256: str) -> Mapping[str, object]:
    """What belongs into Forge's JSON, by its keys; what Civitai does not say is left out.

    Args:
        card: what Civitai says.
        sha256: of the file.
    """
    words: dict[str, object] = {}
    if card.description:
        words[DESCRIPTION] = card.description
    if card.trigger_words:
        words["activation text"] = ", ".join(card.trigger_words)
    if base_class := _CLASSES.get(family_of(card.base_model or "")):
        words[_CLASS] = base_class
    if card.model_id is not None and card.version_id is not None:
        words |= dict(zip(_IDS, (card.model_id, card.version_id, sha256.upper()), strict=True))
    return words


def filling(
    present: Mapping[str, Any],
    words: Mapping[str, object],
    ours: Digests,
    *,
    outdated: bool = False,
) -> Filling:
    """Where our words may stand: in empty places, and in those of earlier words of ours.

    Args:
        present: what the JSON holds.
        words: ours.
        ours: by key, digests of what we wrote there before.
        outdated: whether earlier words that have no successor are to go: they speak of another
            version.
    """
    free = {key for key in words if _is_free(present, key, ours)}
    if not free.issuperset(key for key in _IDS if key in words):
        free.difference_update(_IDS)
    changes: dict[str, object] = {key: words[key] for key in words if key in free}
    left = {key for key in ours if key not in words and _is_ours(present, key, ours)}
    if outdated:
        changes |= dict.fromkeys(left)
        left = set()
    now_ours = {key: (digest_of(changes[key]),) for key in words if key in free}
    return Filling(changes=changes, ours=now_ours | {key: tuple(ours[key]) for key in left})


def _is_free(present: Mapping[str, Any], key: str, ours: Digests) -> bool:
    value = present.get(key)
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    return value == _SAYS_NOTHING.get(key) or _is_ours(present, key, ours)


def _is_ours(present: Mapping[str, Any], key: str, ours: Digests) -> bool:
    value = present.get(key)
    return isinstance(value, str | int) and digest_of(value) in ours.get(key, ())
