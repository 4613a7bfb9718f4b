"""The hashes that Civitai tells of a file, and whether one of them is the one asked for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from stablequeue_core.civitai.records import CivitaiFile, CivitaiVersion
from stablequeue_core.models.digests import (
    AUTOV1_CHARS,
    AUTOV2_CHARS,
    AUTOV3_CHARS,
    is_hash_of_nothing,
    is_sha256,
)
from stablequeue_core.models.files.sidecars.fields import Fields

SHA256_CHARS = 64

KINDS: Mapping[int, str] = {
    AUTOV1_CHARS: "AutoV1",
    AUTOV2_CHARS: "AutoV2",
    AUTOV3_CHARS: "AutoV3",
    SHA256_CHARS: "SHA256",
}
"""What a digest of so many digits is to us. To Civitai eight digits may be a CRC32 as well, and
64 a BLAKE3: it answers with whatever file has any hash that reads so."""

_HEX = re.compile(r"[0-9a-f]+")


def digest_in(hashes: Fields, kind: str, chars: int) -> str | None:
    """One of a file's hashes, in lower case; None where it is not told, or is that of nothing.

    A longer one is cut: some years tell all 64 digits of an AutoV3.

    Example:
        >>> digest_in(Fields({"AutoV3": "B9C80B5ADECA"}), "AutoV3", 12)
        'b9c80b5adeca'
        >>> digest_in(Fields({"AutoV3": "E3B0C44298FC"}), "AutoV3", 12) is None
        True
    """
    told = (hashes.text(kind) or "").lower()
    if not chars <= len(told) <= SHA256_CHARS or not _HEX.fullmatch(told):
        return None
    digest = told[:chars]
    return None if is_hash_of_nothing(digest) else digest


def askable(digest: str) -> str | None:
    """A digest as it can be asked for, in lower case; None for what cannot be one of a file.

    Example:
        >>> askable("B9C80B5ADECA"), askable("e3b0c442"), askable("../v1")
        ('b9c80b5adeca', None, None)
    """
    digits = digest.strip().lower()
    if len(digits) not in KINDS or not _HEX.fullmatch(digits) or is_hash_of_nothing(digits):
        return None
    return digits


def askable_sha256s(digests: Iterable[str]) -> list[str]:
    """Those that are whole SHA-256s, in lower case, each once, in order.

    One that is none would make Civitai refuse all that are asked for together with it.
    """
    in_lower_case = (digest.strip().lower() for digest in digests)
    return [
        digest
        for digest in dict.fromkeys(in_lower_case)
        if is_sha256(digest) and not is_hash_of_nothing(digest)
    ]


def has_digest(version: CivitaiVersion, digest: str) -> bool:
    """Whether one of the version's files has this very hash, of the kind that it is to us."""
    return any(_is_of(file, digest) for file in version.files)


def _is_of(file: CivitaiFile, digest: str) -> bool:
    kind = KINDS[len(digest)]
    told = digest_in(Fields(file.raw).inner("hashes"), kind, len(digest))
    return told == digest or (kind == "AutoV2" and file.hashes.autov2 == digest)
