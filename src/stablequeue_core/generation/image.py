"""What kind of picture some bytes are: told by the bytes, never by a name."""

from __future__ import annotations

from enum import StrEnum


class ImageFormat(StrEnum):
    """The formats that a Forge server can answer with; the value is the file extension."""

    PNG = "png"
    JPEG = "jpg"
    WEBP = "webp"

    @property
    def media_type(self) -> str:
        """The MIME type."""
        return {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}[self.value]


def sniff(data: bytes) -> ImageFormat | None:
    r"""The format of a picture by its first bytes; None when it is none of ours.

    Example:
        >>> sniff(b"\x89PNG\r\n\x1a\n...")
        <ImageFormat.PNG: 'png'>
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return ImageFormat.PNG
    if data.startswith(b"\xff\xd8\xff"):
        return ImageFormat.JPEG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ImageFormat.WEBP
    return None
