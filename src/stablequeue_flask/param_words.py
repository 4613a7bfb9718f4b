"""Parameters of a job as people type them: ``steps=20``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn


def params_in(texts: Iterable[str]) -> dict[str, Any]:
    """The parameters, by name; the core checks what they say.

    A value is read as JSON, and where it is none, as the text that it is.

    Raises:
        ValueError: with a sentence: one has no name, or is there twice.

    Example:
        >>> params_in(["steps=20", "sampler_name=Euler a", "save_grid=true", 'subfolder="2"'])
        {'steps': 20, 'sampler_name': 'Euler a', 'save_grid': True, 'subfolder': '2'}
    """
    params: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise ValueError(f"{text!r} must look like steps=20.")
        if name in params:
            raise ValueError(f"{name} is given twice.")
        params[name] = _value(value)
    return params


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError):
        return text


def _refused(name: str) -> NoReturn:
    """Python reads ``NaN`` and ``Infinity``; JSON does not know them."""
    raise ValueError(name)
