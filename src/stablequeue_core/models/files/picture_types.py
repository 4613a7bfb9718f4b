"""What kind of picture or film some bytes are: told by the bytes, never by a name."""

from __future__ import annotations

from stablequeue_core.generation.image import sniff

HEAD_BYTES = 64
"""How many bytes :func:`media_type_of` looks at."""

_AVIF = frozenset({b"avif", b"avis"})
_QUICKTIME = b"qt  "
_MP4 = frozenset(
    {
        *(b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9"),
        *(b"mp41", b"mp42", b"avc1", b"M4V ", b"M4VH", b"M4VP", b"dash", b"MSNV", b"f4v "),
    }
)
_EBML = b"\x1a\x45\xdf\xa3"


def media_type_of(head: bytes) -> str | None:
    r"""The media type of a picture or film; None when it is none that browsers show.

    Scalable Vector Graphics are no picture here: they may hold programs.

    Args:
        head: the first :data:`HEAD_BYTES` of the file, or all there are.

    Example:
        >>> media_type_of(b"\x89PNG\r\n\x1a\n..."), media_type_of(b"<!DOCTYPE html>")
        ('image/png', None)
    """
    if picture := sniff(head):
        return picture.media_type
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(_EBML):
        return "video/webm" if b"\x42\x82\x84webm" in head[:HEAD_BYTES] else None
    return _by_brands(head) if head[4:8] == b"ftyp" else None


def _by_brands(head: bytes) -> str | None:
    """ISO 14496-12: a box that lists what a file is to be read as; first for what it was made."""
    length = min(int.from_bytes(head[:4], "big"), HEAD_BYTES)
    made_for = head[8:12]
    brands = {made_for, *(head[at : at + 4] for at in range(16, length, 4))}
    if brands & _AVIF:
        return "image/avif"
    if made_for == _QUICKTIME:
        return "video/quicktime"
    return "video/mp4" if brands & _MP4 else None
