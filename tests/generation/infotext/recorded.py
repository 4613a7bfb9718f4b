"""Infotexts as eight kinds of writers write them, with what Forge's own reader makes of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parents[2] / "recordings" / "infotext" / "samples.json"

SAMPLES: list[dict[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))["samples"]
TITLES = [sample["title"] for sample in SAMPLES]


def text_of(title: str) -> str:
    """The text of the one sample whose title holds this."""
    (text,) = (sample["text"] for sample in SAMPLES if title in sample["title"])
    return str(text)
