"""Pictures and films to look at: small real ones, and ones that lie."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image

RED = (200, 30, 30)
BLUE = (30, 30, 200)

MP4 = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41" + b"\0" * 64
QUICKTIME = b"\0\0\0\x14ftypqt  \0\0\x02\0qt  " + b"\0" * 64
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64
MUSIC = b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42"[:20] + b"\0" * 64
WEBM = bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282847765626d") + b"\0" * 64
MATROSKA = bytes.fromhex("1a45dfa3a34286810142f7810142f2810442f38108428288") + b"matroska" * 8
HTML = b"<!DOCTYPE html><html><p>Please log in.</p></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def picture(
    picture_format: str = "PNG",
    size: tuple[int, int] = (400, 200),
    mode: str = "RGB",
    colour: Any = RED,
    **options: Any,
) -> bytes:
    """A picture in one colour."""
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, picture_format, **options)
    return out.getvalue()


def animation(picture_format: str) -> bytes:
    """A picture that is red at first, then blue."""
    out = io.BytesIO()
    frames = [Image.new("RGB", (400, 200), colour) for colour in (RED, BLUE)]
    frames[0].save(
        out, picture_format, save_all=True, append_images=frames[1:], duration=100, loop=0
    )
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be that large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )
