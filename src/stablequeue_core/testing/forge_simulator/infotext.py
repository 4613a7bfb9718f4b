"""The text that Forge writes into its pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping


def quote(value: object) -> str:
    """A value as it stands in an infotext: as a JSON string if it could be misread.

    Example::

        assert quote(64) == "64"
        assert quote("a: 1, b: 2") == '"a: 1, b: 2"'
    """
    text = str(value)
    if "," in text or "\n" in text or ":" in text:
        return json.dumps(text, ensure_ascii=False)
    return text


def infotext(prompt: str, negative_prompt: str, params: Mapping[str, object]) -> str:
    """The prompt, the negative prompt if there is one, and a line of ``params`` without None."""
    line = ", ".join(
        key if key == value else f"{key}: {quote(value)}"
        for key, value in params.items()
        if value is not None
    )
    negative = f"\nNegative prompt: {negative_prompt}" if negative_prompt else ""
    return f"{prompt}{negative}\n{line}".strip()
