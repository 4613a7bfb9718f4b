"""From a description as Civitai has it, which is HTML of anybody, to plain text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

_BRACKETS = re.compile(r"<[^<>]*>")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)(?=[\s/>])")
_NO_TEXT = ("<!", "<?")
_SILENT = frozenset({"script", "style", "template"})
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "dd", "div", "dl", "dt", "figcaption"),
        *("figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main"),
        *("nav", "ol", "p", "pre", "section", "table", "tr", "ul"),
    }
)
_EMPTY_LINES = re.compile(r"\n{3,}")


def plain_text(markup: str) -> str:
    r"""The text without its tags, with line breaks where a browser has them.

    What is in angle brackets but no tag stays, such as ``<lora:x:0.8>``. The result is text, not
    safe HTML: whoever puts it into a page must still escape it.

    ``html.parser`` is not used: some 40 KB of open tags keep it busy for 15 seconds (Python
    3.11.7). The time taken here grows with the length only.

    Example:
        >>> plain_text("<p>Soft &amp; <b>warm</b>.<br>Use <lora:x:0.8></p>")
        'Soft & warm.\nUse <lora:x:0.8>'
    """
    if "<" not in markup and "&" not in markup:
        return markup
    lines = [line.strip() for line in _unescaped("".join(_pieces(markup))).split("\n")]
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip()


def _pieces(markup: str) -> Iterator[str]:
    end = 0
    silent: str | None = None
    for found in _BRACKETS.finditer(markup):
        if silent is None:
            yield markup[end : found.start()]
        end = found.end()
        brackets = found[0]
        tag = _TAG.match(brackets)
        name = tag[2].lower() if tag else None
        if silent is not None:
            if tag and tag[1] and name == silent:
                silent = None
        elif name is None:
            yield "" if brackets.startswith(_NO_TEXT) else brackets
        elif name in _SILENT and tag and not tag[1]:
            silent = name
        elif name == "br" or name in _BLOCKS:
            yield "\n"
    if silent is None:
        yield markup[end:]


def _unescaped(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:  # &#999…9; with more digits than Python turns into a number
        return text
