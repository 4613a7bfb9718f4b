"""How sidecars are called: the texts beside a model."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping

FORGE_JSON = ".json"
CIVITAI_INFO = ".civitai.info"
CIVITAI_JSON = ".civitai.json"
API_INFO = ".api_info.json"
LORA_MANAGER = ".metadata.json"
STABILITY_MATRIX = ".cm-info.json"
SWARMUI = ".swarm.json"
TEXTS = (".txt", ".description.txt")
"""Where Forge looks for a description that its JSON does not have, in this order."""

_SUFFIXES = frozenset(
    {
        FORGE_JSON,
        CIVITAI_INFO,
        CIVITAI_JSON,
        API_INFO,
        LORA_MANAGER,
        STABILITY_MATRIX,
        SWARMUI,
        *TEXTS,
    }
)
_LAST_PARTS = frozenset(suffix.rpartition(".")[2] for suffix in _SUFFIXES)


BySuffix = Mapping[str, str]
"""The names of one model's sidecars, by their suffixes."""


def sidecar_stem(name: str) -> str | None:
    """The stem of the model that a file belongs to by its name; None when it is no sidecar.

    The longest suffix wins: ``x.civitai.json`` belongs to ``x``, not to ``x.civitai``. It costs
    the same for every name, so that it can be asked of each file of a large folder.

    Example:
        >>> sidecar_stem("x.v2.civitai.info"), sidecar_stem("x.json"), sidecar_stem("x.png")
        ('x.v2', 'x', None)
    """
    head, _, last = name.rpartition(".")
    last = last.lower()
    if not head or last not in _LAST_PARTS:
        return None
    inner, _, middle = head.rpartition(".")
    if inner and f".{middle.lower()}.{last}" in _SUFFIXES:
        return inner
    return head if f".{last}" in _SUFFIXES else None


def by_suffix(stem: str, names: Collection[str]) -> BySuffix:
    """Which of ``names`` is the sidecar with which suffix.

    Case and Unicode form may differ, as they may between the systems that a folder has seen; of
    two names that then fit, the one that is spelled like the model wins.
    """
    folded_stem = in_any_case(stem)
    found: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (not name.startswith(stem), name)):
        folded = in_any_case(name)
        if folded.startswith(folded_stem):
            suffix = folded[len(folded_stem) :]
            if suffix in _SUFFIXES:
                found.setdefault(suffix, name)
    return found


def in_any_case(name: str) -> str:
    """The one form in which names are equal that differ in case or Unicode form only."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()
