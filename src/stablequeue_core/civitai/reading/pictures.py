"""Civitai's JSON about pictures → records: those that show a version, and those people upload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from stablequeue_core.civitai.records import CivitaiImage, CivitaiPicture
from stablequeue_core.models.files.sidecars.fields import Fields

_LONGEST_ADDRESS = 2000
_FILM_SUFFIXES = (".mp4", ".webm", ".mov")
_KINDS_SHOWN = frozenset({"image", "video"})
_LARGEST_LEVEL = 63
_LEVELS: Mapping[str, int] = {"none": 1, "soft": 2, "mature": 4, "x": 8, "blocked": 32}
"""What routes for images, and answers of older years, write instead of the bits."""

_LARGEST_SIDE = 1_000_000


def picture_in(value: object) -> CivitaiPicture | None:
    """A picture or film of a version; None for a sound, and for anything without an address.

    Example:
        >>> picture_in({"url": "https://image.civitai.com/a/b/original=true/7.jpeg"}).is_film
        False
    """
    if not isinstance(value, dict):
        return None
    fields = Fields(value)
    url = _address(value.get("url"))
    kind = (fields.text("type") or "").lower()
    if url is None or (kind and kind not in _KINDS_SHOWN):
        return None
    return CivitaiPicture(
        url=url,
        is_film=kind == "video" if kind else _looks_like_film(url),
        width=_side(fields, "width"),
        height=_side(fields, "height"),
        nsfw_level=_level(value),
        raw=value,
    )


def image_in(value: object) -> CivitaiImage | None:
    """A picture that somebody uploaded; None for what has no id or no address."""
    if not isinstance(value, dict):
        return None
    fields = Fields(value)
    identifier, url = fields.identifier("id"), _address(value.get("url"))
    if identifier is None or url is None:
        return None
    kind = (fields.text("type") or "").lower()
    return CivitaiImage(
        id=identifier,
        url=url,
        is_film=kind == "video" if kind else _looks_like_film(url),
        meta=unwrapped(value.get("meta")),
        base_model=fields.text("baseModel"),
        version_ids=_version_ids(value),
        raw=value,
    )


def unwrapped(meta: object) -> Mapping[str, Any] | None:
    """How a picture was made, out of either of the two forms in which it comes.

    Asked for by the image's id, it may come as ``{"id": …, "meta": {…}}``, also when a flat one
    was asked for; where it is hidden, the inner one is null.

    Example:
        >>> unwrapped({"id": 7, "meta": {"prompt": "a fox"}}), unwrapped({"id": 7, "meta": None})
        ({'prompt': 'a fox'}, None)
    """
    if not isinstance(meta, dict):
        return None
    if "meta" in meta and "prompt" not in meta:
        inner = meta["meta"]
        meta = inner if isinstance(inner, dict) else {}
    return meta or None


def _version_ids(value: Mapping[str, Any]) -> tuple[int, ...]:
    told = value.get("modelVersionIds")
    listed = told if isinstance(told, list) else []
    found = (Fields({"id": each}).identifier("id") for each in listed)
    return tuple(dict.fromkeys(each for each in found if each is not None))


def _address(value: object) -> str | None:
    """An address on the web; anything else is none that could be asked for."""
    if not isinstance(value, str) or len(value) > _LONGEST_ADDRESS:
        return None
    try:
        parts = urlsplit(value)
        return value if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:
        return None


def _looks_like_film(url: str) -> bool:
    return urlsplit(url).path.lower().endswith(_FILM_SUFFIXES)


def _side(fields: Fields, key: str) -> int | None:
    pixels = fields.count(key)
    return pixels if pixels is not None and 0 < pixels <= _LARGEST_SIDE else None


def _level(value: Mapping[str, Any]) -> int:
    fields = Fields(value)
    for key in ("nsfwLevel", "browsingLevel"):
        bits = fields.count(key)
        if bits is not None and bits <= _LARGEST_LEVEL:
            return bits
    word = fields.text("nsfwLevel") or fields.text("nsfw") or ""
    return _LEVELS.get(word.lower(), 0)
