"""What names hint at where tensors are alike; never more than a guess."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stablequeue_core.models.base_model import Family

_SAID = ("modelspec.title", "modelspec.merged_from", "ss_sd_model_name")

_WORDS: Mapping[Family, tuple[tuple[re.Pattern[str], str], ...]] = {
    family: tuple((re.compile(pattern), name) for pattern, name in rows)
    for family, rows in {
        Family.SDXL: (
            ("noob", "NoobAI"),
            ("illustrious|ilxl", "Illustrious"),
            ("pony(?!.?tail)", "Pony"),
            ("lightning", "SDXL Lightning"),
            ("sd.?xl.?base", "SDXL 1.0"),
        ),
        Family.AURAFLOW: (("pony(?!.?tail)", "Pony V7"),),
        Family.FLUX1: (("kontext", "Flux.1 Kontext"), ("krea", "Flux.1 Krea")),
        Family.Z_IMAGE: (("turbo", "ZImageTurbo"),),
    }.items()
}
"""Words in small letters, and what they hint at within a family. A ponytail is a hair style."""

_ANY: Mapping[Family, re.Pattern[str]] = {
    family: re.compile("|".join(pattern.pattern for pattern, _ in words))
    for family, words in _WORDS.items()
}
"""Whether there is any of a family's words: most files have none."""


def hinted_name(family: Family, metadata: Mapping[str, str], filename: str) -> str | None:
    """What the title, what it was merged from or trained on, or the file's name hints at."""
    hinting = _ANY.get(family)
    if hinting is None:
        return None
    said = [text for key in _SAID if (text := metadata.get(key))]
    for text in map(str.lower, (*said, filename)):
        if hinting.search(text):
            return next(name for pattern, name in _WORDS[family] if pattern.search(text))
    return None
