"""Pictures that cost next to nothing: the same request always paints the same landscape."""

from __future__ import annotations

import hashlib
import io
import math
import random
import zlib
from collections.abc import Sequence

from PIL import Image, ImageDraw, PngImagePlugin

_EXIF_IFD = 0x8769
_USER_COMMENT = 0x9286
_END_CHUNK_BYTES = 12


def fingerprint(*parts: object) -> bytes:
    """64 bytes that stand for everything a picture depends on."""
    return hashlib.blake2b(repr(parts).encode()).digest()


def paint(seed: bytes, width: int, height: int, *, finished: bool = True) -> Image.Image:
    """A sky, a sun and two hills, all chosen by ``seed``; snow over it if it is not finished."""
    colours = [(seed[i], seed[i + 1], seed[i + 2]) for i in range(0, 15, 3)]
    above, below, sun, far, near = colours
    # Two pixels, stretched, are the cheapest gradient.
    sky = Image.new("RGB", (1, 2), above)
    sky.putpixel((0, 1), _lighter(below))
    picture = sky.resize((width, height), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(picture)
    radius = min(width, height) * (0.06 + seed[15] / 2500)
    x, y = width * (0.1 + seed[16] / 320), height * (0.12 + seed[17] / 900)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_lighter(_lighter(sun)))
    draw.polygon(_hill(seed[18:23], width, height, 0.52), fill=_lighter(far))
    draw.polygon(_hill(seed[23:28], width, height, 0.7), fill=_darker(near))
    return picture if finished else _snow(picture, seed)


def grid(pictures: Sequence[Image.Image]) -> Image.Image:
    """All pictures in one, as Forge lays them out: about as many rows as columns."""
    rows = max(1, round(math.sqrt(len(pictures))))
    columns = math.ceil(len(pictures) / rows)
    width, height = pictures[0].size
    whole = Image.new(pictures[0].mode, (columns * width, rows * height))
    for index, picture in enumerate(pictures):
        whole.paste(picture, (index % columns * width, index // columns * height))
    return whole


def encode_png(picture: Image.Image, text: str, at_least: int = 0) -> bytes:
    """A PNG with ``text`` in its ``parameters`` chunk, padded to ``at_least`` bytes."""
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("parameters", text)
    output = io.BytesIO()
    picture.save(output, "PNG", compress_level=1, pnginfo=chunks)
    png = output.getvalue()
    missing = at_least - len(png)
    return png if missing <= 0 else _padded(png, missing)


def encode_jpeg(picture: Image.Image, text: str, quality: int) -> bytes:
    """A JPEG with ``text`` in its EXIF user comment."""
    output = io.BytesIO()
    picture.convert("RGB").save(output, "JPEG", exif=_exif(text), quality=quality)
    return output.getvalue()


def encode_webp(picture: Image.Image, text: str, quality: int, lossless: bool) -> bytes:
    """A WebP with ``text`` in its EXIF user comment."""
    output = io.BytesIO()
    picture.convert("RGB").save(
        output, "WEBP", exif=_exif(text), quality=quality, lossless=lossless
    )
    return output.getvalue()


def _exif(text: str) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = b"UNICODE\0" + text.encode("utf-16-be")
    return exif.tobytes()


def _padded(png: bytes, missing: int) -> bytes:
    # A private, ancillary chunk: every reader must skip it.
    content = b"paDd" + bytes(max(0, missing - _END_CHUNK_BYTES))
    length = (len(content) - 4).to_bytes(4)
    checksum = zlib.crc32(content).to_bytes(4)
    return b"".join((png[:-_END_CHUNK_BYTES], length, content, checksum, png[-_END_CHUNK_BYTES:]))


def _hill(seed: bytes, width: int, height: int, level: float) -> list[tuple[float, float]]:
    crest = [
        (width * index / (len(seed) - 1), height * (level + value / 1400))
        for index, value in enumerate(seed)
    ]
    return [(0, height), *crest, (width, height)]


def _snow(picture: Image.Image, seed: bytes) -> Image.Image:
    flakes = random.Random(seed).randbytes(picture.width * picture.height)
    snow = Image.frombytes("L", picture.size, flakes).convert("RGB")
    return Image.blend(picture, snow, 0.7)


def _lighter(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    red, green, blue = colour
    return (red + 255) // 2, (green + 255) // 2, (blue + 255) // 2


def _darker(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    red, green, blue = colour
    return red // 2, green // 2, blue // 2
