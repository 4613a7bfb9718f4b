"""Hashes, as text: how long each kind is, which say nothing, and keys that are made of them."""

from __future__ import annotations

import hashlib
import re

AUTOV1_CHARS = 8
"""Also what old servers put into their titles."""

AUTOV2_CHARS = 10
"""Of the SHA-256: what servers and pictures call a checkpoint by."""

AUTOV3_CHARS = 12

_SHA256 = re.compile(r"[0-9a-f]{64}")
_OF_NOTHING = hashlib.sha256().hexdigest()
_KEY_CHARS = 40


def is_sha256(text: str) -> bool:
    """Whether this is a whole SHA-256 as we write it: 64 hex digits in lower case.

    Example:
        >>> is_sha256("ab" * 32), is_sha256("AB" * 32), is_sha256("9f90c59f3a")
        (True, False, False)
    """
    return _SHA256.fullmatch(text) is not None


def is_hash_of_nothing(digits: str) -> bool:
    """Whether this is the SHA-256 of no bytes at all, or its beginning: it says nothing of a file.

    Tools write it where there was nothing to hash: a file without tensors has the AutoV3
    ``e3b0c44298fc``, and a short one Forge's old hash ``e3b0c442``.

    Example:
        >>> is_hash_of_nothing("E3B0C44298FC"), is_hash_of_nothing("b9c80b5adeca")
        (True, False)
    """
    return bool(digits) and _OF_NOTHING.startswith(digits.lower())


def key_of(*parts: object) -> str:
    """40 hex digits that are others whenever one of ``parts`` is: for a cache, or an ``ETag``.

    Example:
        >>> key_of("x.png", 12) == key_of("x.png", 12), key_of("x.png", 12) == key_of("x.png1", 2)
        (True, False)
    """
    told = "\0".join(map(str, parts))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:_KEY_CHARS]
