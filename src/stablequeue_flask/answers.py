"""Answers: plain JSON, written once and able to carry whatever a server told us."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from flask import Response

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def json_answer(body: object, status: int = 200) -> Response:
    """An answer with ``body`` as JSON."""
    return Response(json_bytes(body), status, mimetype="application/json")


def json_bytes(body: object) -> bytes:
    r"""The body as UTF-8 JSON.

    Example:
        >>> json_bytes({"a": "é\ud800", "b": float("nan")}).decode()
        '{"a":"é\\ud800","b":null}'
    """
    try:
        text = _encode(body)
    except ValueError:
        # A server's own answer may hold NaN, which Python reads but JSON does not know.
        text = _encode(_finite(body))
    # Half of a character cannot be UTF-8; what `backslashreplace` writes is JSON's escape for it.
    return text.encode("utf-8", "backslashreplace")


def json_text(body: object) -> str:
    r"""The body for terminals and scripts: on several lines, and nothing but ASCII.

    Example:
        >>> print(json_text({"a": "é"}))
        {
          "a": "\u00e9"
        }
    """
    return json.dumps(_finite(body), indent=2, allow_nan=False)


def _finite(value: Any) -> Any:
    """``value`` with null in place of numbers that JSON does not know."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
