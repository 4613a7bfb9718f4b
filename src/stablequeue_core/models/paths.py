"""Spellings of a model file's name, brought to one form for comparing. Never sent to a server."""

from __future__ import annotations

import re
import unicodedata

_HASH_SUFFIX = re.compile(r" \[([0-9a-fA-F]{8,64})\]$")


def split_hash(title: str) -> tuple[str, str | None]:
    """A title's name and the hash in brackets behind it, if there is one.

    Example:
        >>> split_hash("Pony/x.safetensors [9f90c59f3a]")
        ('Pony/x.safetensors', '9f90c59f3a')
    """
    found = _HASH_SUFFIX.search(title)
    return (title[: found.start()], found.group(1).lower()) if found else (title, None)


def comparable(path: str) -> str:
    r"""The one form in which two spellings of the same relative path are equal.

    Forward slashes, no ``./``, no doubled slashes, NFC (macOS writes NFD). Case is kept: on POSIX
    servers two names may differ by it alone.

    Example:
        >>> comparable(r"Pony\x.safetensors")
        'Pony/x.safetensors'
    """
    slashed = path if path.isascii() else unicodedata.normalize("NFC", path)
    parts = slashed.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", "."))


def stem(path: str) -> str:
    """The file's name without folder and extension.

    Example:
        >>> stem("Pony/x.v2.safetensors")
        'x.v2'
    """
    name = path.replace("\\", "/").rpartition("/")[2]
    head, dot, _ = name.rpartition(".")
    return head if dot and head else name
