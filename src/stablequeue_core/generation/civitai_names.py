"""Civitai's ways to name a thing: addresses of its pages and files, and its resource names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, parse_qsl, urlsplit

from attrs import frozen

MOST_CHARS = 2000
"""No browser's address line gives more."""

_PAGES = re.compile(r"(?:www\.)?civitai\.(?:com|red|green)")
_PORTS = {"http": (None, 80), "https": (None, 443)}
_WITHOUT_SCHEME = re.compile(r"(?:www\.)?civitai\.(?:com|red|green)/", re.IGNORECASE)
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
"""No address has these, and programs disagree about what they mean in one."""

_AIR = re.compile(
    r"(?:urn:)?(?:air:)?(?:[^:]*:[^:]*:)?civitai:([0-9]{1,18})(?:@([0-9]{1,18}))?(?:[:.].*)?",
    re.IGNORECASE,
)
_MODEL = re.compile(r"/(?:api/v1/)?models/([0-9]{1,18})(?:/.*)?", re.IGNORECASE)
_VERSION = re.compile(r"/(?:api/v1/)?model-versions/([0-9]{1,18})/?", re.IGNORECASE)
_DOWNLOAD = re.compile(r"/api/download/models/([0-9]{1,18})/?", re.IGNORECASE)
_IMAGE = re.compile(r"/images/([0-9]{1,18})/?", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,18}")
_CHOICE = frozenset({"type", "format", "size", "fp"})


@frozen(kw_only=True)
class CivitaiName:
    """What a text names at Civitai; a number that it does not tell is None.

    Attributes:
        file_id: which of the version's files.
        choice: how an address tells a file apart that it gives no number of: ``type``,
            ``format``, ``size`` and ``fp``.
        image_id: of a picture; then all else is None.
    """

    model_id: int | None = None
    version_id: int | None = None
    file_id: int | None = None
    choice: tuple[tuple[str, str], ...] = ()
    image_id: int | None = None


def civitai_name(text: str) -> CivitaiName | None:
    """What a resource name or an address at Civitai names; None for any other text.

    Only Civitai's own hosts count, and a number that is there but is none (or comes twice, with
    two values) makes the whole text mean nothing: what is meant must not be guessed.

    Args:
        text: ``civitai:<model>[@<version>]`` (also with ``urn:air:<base>:<type>:`` before it), or
            the address of a model, a version, a download or an image; ``https://`` may be left out.

    Example:
        >>> civitai_name("https://civitai.com/models/101055/sdxl?modelVersionId=128078")
        CivitaiName(model_id=101055, version_id=128078, file_id=None, choice=(), image_id=None)
        >>> civitai_name("https://civitai.com.example/models/101055") is None
        True
    """
    if len(text) > MOST_CHARS or "civitai" not in text.casefold():
        return None
    air = _AIR.fullmatch(text)
    if air:
        return CivitaiName(model_id=_optional(air.group(1)), version_id=_optional(air.group(2)))
    address = _address(text)
    if address is None:
        return None
    asked = parse_qsl(address.query, keep_blank_values=True)
    try:
        return _page(address.path, asked)
    except ValueError:
        return None


def _address(text: str) -> SplitResult | None:
    """The address of something on one of Civitai's own hosts."""
    if _FORBIDDEN.search(text):
        return None
    try:
        parts = urlsplit(f"https://{text}" if _WITHOUT_SCHEME.match(text) else text)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or port not in _PORTS[parts.scheme] or "@" in parts.netloc:
        return None
    return parts if _PAGES.fullmatch(parts.hostname or "") else None


def _page(path: str, asked: Sequence[tuple[str, str]]) -> CivitaiName | None:
    """What a page of Civitai's is about.

    Raises:
        ValueError: one of its numbers is none.
    """
    if found := _DOWNLOAD.fullmatch(path):
        choice = tuple((key, value) for key, value in asked if key in _CHOICE and value)
        file_id = _asked(asked, "fileid")
        return CivitaiName(version_id=int(found[1]), file_id=file_id, choice=choice)
    if found := _VERSION.fullmatch(path):
        return CivitaiName(version_id=int(found[1]))
    if found := _MODEL.fullmatch(path):
        return CivitaiName(model_id=int(found[1]), version_id=_asked(asked, "modelversionid"))
    found = _IMAGE.fullmatch(path)
    return CivitaiName(image_id=int(found[1])) if found else None


def _asked(asked: Sequence[tuple[str, str]], name: str) -> int | None:
    """The number of a parameter, in any case of its letters; None where it is not there."""
    values = {value for key, value in asked if key.casefold() == name}
    if not values:
        return None
    (value,) = values
    if not _NUMBER.fullmatch(value):
        raise ValueError(value)
    return int(value)


def _optional(digits: str | None) -> int | None:
    return None if digits is None else int(digits)
