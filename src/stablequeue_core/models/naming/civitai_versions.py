"""Civitai's ways to name one version of a model."""

from __future__ import annotations

import re

_AIR = re.compile(
    r"(?:urn:)?(?:air:)?(?:[^:]*:[^:]*:)?civitai:[0-9]+@([0-9]{1,18})(?:[:.].*)?", re.IGNORECASE
)
_PAGE = re.compile(
    r"(?:https?://)?(?:www\.)?civitai\.(?:com|red|green)/"
    r"(?:models/[0-9]+[^?#]*\?(?:[^#]*&)?modelVersionId=([0-9]{1,18})(?=[&#]|$)"
    r"|api/download/models/([0-9]{1,18})(?=[/?#]|$))",
    re.IGNORECASE,
)


def civitai_version(text: str) -> int | None:
    """The version that a Civitai resource name or address means; None for any other text.

    Digits alone are not read: they may be a name, or a hash.

    Args:
        text: ``civitai:<model>@<version>``, ``urn:air:<base>:<type>:civitai:<model>@<version>``,
            the address of a model's page with ``modelVersionId``, or of a download.

    Example:
        >>> civitai_version("https://civitai.com/models/101055/sdxl?modelVersionId=128078")
        128078
        >>> civitai_version("urn:air:sdxl:checkpoint:civitai:101055@128078")
        128078
    """
    if "civitai" not in text.casefold():
        return None
    air = _AIR.fullmatch(text)
    if air:
        return int(air.group(1))
    page = _PAGE.match(text)
    return int(page.group(1) or page.group(2)) if page else None
