"""The beginning of a long description, as plain text: what a list shows of it."""

from __future__ import annotations

import html
import re

EXCERPT_CHARS = 300
_READ_CHARS = 10_000

# A prompt's `<lora:ink:0.8>` looks like a tag, but is none: a tag's name ends with its letters.
_TAG = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>]*)?/?>", re.IGNORECASE)
_NEW_LINE = re.compile(r"</?(?:p|br|div|li|ul|ol|h[1-6]|tr|td)(?:\s[^<>]*)?/?>", re.IGNORECASE)


def excerpt(description: str) -> str:
    """The first few hundred characters, without tags, on one line.

    Civitai's descriptions are pages of HTML, and a list may hold thousands of them.

    Example:
        >>> excerpt("<p>Soft <b>ink</b>.</p><p>Try &lt;lora:ink:0.8&gt; &amp; wash.</p>")
        'Soft ink. Try <lora:ink:0.8> & wash.'
    """
    beginning = description[:_READ_CHARS]
    bare = _TAG.sub("", _NEW_LINE.sub(" ", beginning))
    text = " ".join(html.unescape(bare).split())
    if len(text) <= EXCERPT_CHARS:
        return text
    return text[:EXCERPT_CHARS].rstrip() + "..."
