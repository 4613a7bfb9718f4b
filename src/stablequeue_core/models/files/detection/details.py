"""A few facts of a header that people want to see."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

Detail = str | int | float

MAX_CHARS = 500
"""No detail is longer; a thumbnail or a training log in a header is not for reading."""

MAX_TAG_CHARS = 250_000
"""Lists of tags that are longer are not looked into: nobody's trigger word is among so many."""

_MAX_TRIGGER_WORDS = 5

_WRITTEN = {
    "alias": ("ss_output_name",),
    "prediction": ("modelspec.prediction_type",),
    "clip_skip": ("ss_clip_skip",),
    "resolution": ("ss_resolution", "modelspec.resolution"),
    "trigger_words": ("modelspec.trigger_phrase",),
    "trained_on": ("ss_sd_model_name",),
    "title": ("modelspec.title",),
    "author": ("modelspec.author",),
    "license": ("modelspec.license",),
}
"""What people see, and the keys that say it. ``ss_output_name`` is what Forge makes its alias."""

_NOTHING = ("", "None")
"""How trainers write what they were not told: as Python prints it."""


def written_details(metadata: Mapping[str, str]) -> dict[str, Detail]:
    """What the file's maker wrote down, without what he left out."""
    details: dict[str, Detail] = {}
    for detail, keys in _WRITTEN.items():
        for key in keys:
            text = metadata.get(key, "").strip()
            if text not in _NOTHING:
                details[detail] = text[:MAX_CHARS]
                break
    if "trigger_words" not in details and (tags := metadata.get("ss_tag_frequency")):
        words = ", ".join(_frequent(tags))
        if words:
            details["trigger_words"] = words[:MAX_CHARS]
    return details


def written_rank(metadata: Mapping[str, str]) -> int | None:
    """The rank that a trainer wrote down; it writes ``None`` and ``Dynamic``, too."""
    text = metadata.get("ss_network_dim", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _frequent(text: str) -> list[str]:
    """The tags that most pictures of the training had: at least half as many as the first."""
    if len(text) > MAX_TAG_CHARS:
        return []
    try:
        folders: Any = json.loads(text)
    except (ValueError, RecursionError):
        return []
    counts: Counter[str] = Counter()
    for tags in folders.values() if isinstance(folders, dict) else ():
        for tag, count in tags.items() if isinstance(tags, dict) else ():
            if type(count) is int and tag.strip():
                counts[tag.strip()] += count
    ranked = counts.most_common(_MAX_TRIGGER_WORDS)
    return [tag for tag, count in ranked if count * 2 >= ranked[0][1]]
