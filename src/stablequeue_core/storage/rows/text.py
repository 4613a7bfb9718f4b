"""Values as the text in a column."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from attrs import asdict

from stablequeue_core.generation import NOTHING_REQUIRED, Requirements
from stablequeue_core.serialization import to_iso

from_json = json.loads


def _plain(value: Any) -> Any:
    """What JSON has no word for, in the form that the converter reads."""
    if isinstance(value, datetime):
        return to_iso(value)
    return dict(value) if isinstance(value, Mapping) else asdict(value, recurse=False)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain).encode
_encode_ascii = json.JSONEncoder(separators=(",", ":"), default=_plain).encode


def to_json(value: object) -> str:
    """Readable JSON that comes back exactly: order of keys, whole and broken numbers."""
    text = _encode(value)
    return text if is_storable(text) else _encode_ascii(value)


def is_storable(text: str) -> bool:
    """Whether a database takes it: half of a character (a lone surrogate) has no form in UTF-8."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def sentence(text: str | None) -> str | None:
    """Somebody else's words for people, with what cannot be stored replaced."""
    if text is None or is_storable(text):
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def stored(name: str) -> str | bytes:
    """A name of the file system as a database takes it: one that is no Unicode goes as bytes.

    Linux has such names; Python spells each stray byte as half of a character.
    """
    return name if is_storable(name) else name.encode("utf-8", "surrogatepass")


def restored(value: str | bytes) -> str:
    """The name that :func:`stored` was given."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogatepass")


@lru_cache(maxsize=1024)
def requirements_text(requirements: Requirements) -> str | None:
    """What is required, None for nothing; remembered, as the jobs of a series require the same."""
    wanted = {name: names for name, names in asdict(requirements).items() if names}
    return to_json(wanted) if wanted else None


@lru_cache(maxsize=1024)
def requirements_of(text: str | None) -> Requirements:
    """What :func:`requirements_text` wrote."""
    if text is None:
        return NOTHING_REQUIRED
    wanted = from_json(text)
    lists = {name: tuple(names) for name, names in wanted.items() if isinstance(names, list)}
    return Requirements(**{**wanted, **lists})
