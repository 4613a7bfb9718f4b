"""What Civitai's answers say in words, in whichever of their shapes. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stablequeue_core.transport import Response

SAID_CHARS = 200

_BLANK = b" \t\r\n\xef\xbb\xbf"
_STRUCK_OUT = "***"
_ENTRIES = 3


def is_markup(response: Response) -> bool:
    """Whether it is a page or a document for somebody else: HTML or XML, by type or first byte.

    JSON never begins with ``<``; a page may come with any status, 200 included, and any type.
    """
    kind = response.headers.get("content-type", "").lower()
    return "html" in kind or "xml" in kind or response.body.lstrip(_BLANK)[:1] == b"<"


def object_in(response: Response) -> Mapping[str, Any]:
    """The JSON object that an answer is; an empty one for anything else."""
    if is_markup(response):
        return {}
    try:
        value = response.json()
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def said_in(response: Response, secret: str | None) -> str:
    """The words of an error, shortened; empty where there are none.

    Shapes: ``{"error": text}``, ``{"error": {…}}`` (a validator's), ``{"message": text}``,
    ``{"message", "error"}``, ``{"error", "code"}``, or a text that is no JSON.

    Args:
        response: of any status.
        secret: struck out, should the server repeat it.
    """
    said = _words_of(response)
    if secret:
        said = said.replace(secret, _STRUCK_OUT)
    said = " ".join("".join(char if char.isprintable() else " " for char in said).split())
    return said if len(said) <= SAID_CHARS else f"{said[: SAID_CHARS - 1]}…"


def _words_of(response: Response) -> str:
    if is_markup(response):
        return ""
    body = object_in(response)
    texts = [_text(body.get("message")), _text(body.get("error"))]
    return ": ".join(dict.fromkeys(text for text in texts if text))


def _text(value: object) -> str:
    """Words out of one field: a text, a validator's error, or the validator's list in a text."""
    if isinstance(value, dict):
        return _text(value.get("message")) or _text(value.get("name"))
    if isinstance(value, list):
        return "; ".join(filter(None, map(_complaint, value[:_ENTRIES])))
    if not isinstance(value, str):
        return ""
    if value.lstrip().startswith("["):
        try:
            return _text(json.loads(value)) or value
        except (ValueError, RecursionError):
            return value
    return value


def _complaint(entry: object) -> str:
    if not isinstance(entry, dict):
        return ""
    path, message = entry.get("path"), entry.get("message")
    where = ".".join(map(str, path)) if isinstance(path, list) else ""
    return f"{where}: {message}" if where and isinstance(message, str) else _text(message)
