"""The beginning of a long description, on one line: what a list shows of it."""

from __future__ import annotations

EXCERPT_CHARS = 300
_READ_CHARS = 10_000


def excerpt(description: str) -> str:
    r"""The first few hundred characters, on one line; of what is plain text already.

    Example:
        >>> excerpt("Soft ink.\n\nTry <lora:ink:0.8>, a < b &amp; all.")
        'Soft ink. Try <lora:ink:0.8>, a < b &amp; all.'
    """
    text = " ".join(description[:_READ_CHARS].split())
    if len(text) <= EXCERPT_CHARS:
        return text
    return text[:EXCERPT_CHARS].rstrip() + "..."
