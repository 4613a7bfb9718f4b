"""Addresses at Civitai's CDN: the same picture in another size, a still of a film. Pure.

They read ``https://<host>/<account>/<uuid>/<params>/<name>.<ext>``; the params are a comma list
like ``original=true`` or ``anim=false,transcode=true,width=450``. The name means little.
"""

from __future__ import annotations

from urllib.parse import urlsplit

_STILL_SUFFIX = ".jpeg"
_PIECES = 5  # nothing before the first slash, account, uuid, params, name


def sized(url: str, width: int) -> str:
    """The same picture, about so wide; the CDN has certain widths, and takes the next above.

    An address of another shape comes back as it is.

    Example:
        >>> sized("https://image.civitai.com/xG1n/0b6d/original=true/7.jpeg", 450)
        'https://image.civitai.com/xG1n/0b6d/width=450/7.jpeg'
    """
    found = _split(url)
    return url if found is None else f"{found[0]}/width={width}/{found[1]}"


def still(url: str, width: int) -> str:
    """One picture out of a film, about so wide.

    Example:
        >>> still("https://image.civitai.com/xG1n/0b6d/original=true/7.mp4", 450)
        'https://image.civitai.com/xG1n/0b6d/anim=false,transcode=true,width=450/7.jpeg'
    """
    found = _split(url)
    if found is None:
        return url
    place, name = found
    stem = name.rpartition(".")[0] or name
    return f"{place}/anim=false,transcode=true,width={width}/{stem}{_STILL_SUFFIX}"


def _split(url: str) -> tuple[str, str] | None:
    """What comes before the params, and the name behind them; None for another shape."""
    scheme, host, path, _, _ = urlsplit(url)
    pieces = path.split("/")
    if len(pieces) != _PIECES or "=" not in pieces[3] or not pieces[4]:
        return None
    return f"{scheme}://{host}{'/'.join(pieces[:3])}", pieces[4]
