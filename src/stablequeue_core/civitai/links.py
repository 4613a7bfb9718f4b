"""What people paste to say which model or picture they mean. Pure: nobody is asked."""

from __future__ import annotations

import re

from attrs import frozen

from stablequeue_core.errors import InvalidCivitaiLink
from stablequeue_core.generation.civitai_names import CivitaiName, civitai_name

LARGEST_ID = 2**31 - 1
"""Civitai answers 400 to a larger one."""

_NUMBER = re.compile(r"[0-9]{1,18}")
_VERSION = "a model or a version of one"
_IMAGE = "an image"


@frozen
class CivitaiLink:
    """A model, or a version of it, or one of that version's files.

    Attributes:
        model_id: None where only the version is named.
        version_id: None where the model is meant as a whole.
        file_id: None where no file is chosen, or not by its number.
        choice: how the address of a download tells the file apart that it gives no number of:
            pairs of ``type``, ``format``, ``size`` or ``fp`` and a value of Civitai's.
    """

    model_id: int | None = None
    version_id: int | None = None
    file_id: int | None = None
    choice: tuple[tuple[str, str], ...] = ()


def parse_link(text: str | int) -> CivitaiLink:
    """The model or version that is meant.

    Args:
        text: a version's number; or the address of a model's page, with or without
            ``modelVersionId``, or of a download, at civitai.com, .red or .green; or a resource
            name (``urn:air:sdxl:checkpoint:civitai:600101@700201``, ``civitai:600101@700201``).

    Raises:
        InvalidCivitaiLink: it is something else, above all an address of another host.

    Example:
        >>> parse_link("https://civitai.com/models/600101/harbor-mix?modelVersionId=700201")
        CivitaiLink(model_id=600101, version_id=700201, file_id=None, choice=())
        >>> parse_link(700201).version_id
        700201
    """
    number = _number(text)
    if number is not None:
        return CivitaiLink(version_id=_sound(number, text, _VERSION))
    named = _named(text, _VERSION)
    if named.model_id is None and named.version_id is None:
        raise InvalidCivitaiLink(_shown(text), _VERSION)
    for identifier in (named.model_id, named.version_id, named.file_id):
        if identifier is not None:
            _sound(identifier, text, _VERSION)
    return CivitaiLink(named.model_id, named.version_id, named.file_id, named.choice)


def parse_image_link(text: str | int) -> int:
    """The number of the image that is meant.

    Args:
        text: that number, or the address of the image's page.

    Raises:
        InvalidCivitaiLink: it is something else.

    Example:
        >>> parse_image_link("https://civitai.com/images/51001?postId=80001")
        51001
    """
    number = _number(text)
    if number is None:
        number = _named(text, _IMAGE).image_id
    if number is None:
        raise InvalidCivitaiLink(_shown(text), _IMAGE)
    return _sound(number, text, _IMAGE)


def _number(text: object) -> int | None:
    """A bare number; None: it is text that is none."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    digits = text.strip() if isinstance(text, str) else ""
    return int(digits) if _NUMBER.fullmatch(digits) else None


def _named(text: object, wanted: str) -> CivitaiName:
    named = civitai_name(text.strip()) if isinstance(text, str) else None
    if named is None:
        raise InvalidCivitaiLink(_shown(text), wanted)
    return named


def _sound(identifier: int, text: object, wanted: str) -> int:
    if not 1 <= identifier <= LARGEST_ID:
        raise InvalidCivitaiLink(_shown(text), wanted)
    return identifier


def _shown(text: object) -> str:
    if isinstance(text, int) and abs(text) > 10**18:
        return "a number without end"  # Python writes out no longer one than 4,300 digits
    return str(text)
