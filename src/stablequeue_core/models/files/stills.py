"""Opens still pictures that anybody may have made: neither bombs nor broken ones get through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image, ImageOps, features

LARGEST_PIXELS = 64_000_000

MOST_SCANS = 100
"""Of a JPEG. A progressive one has about ten; each takes as long as the whole picture, so that a
megabyte of empty ones would keep a processor busy for minutes."""

_TALLEST = 4
"""How many times its width a picture that was made smaller may be high."""

_FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/avif": "AVIF",
}
_SHRUNK_AS_THEY_ARE = frozenset({"RGB", "RGBA", "L", "LA", "CMYK", "YCbCr"})
_ORIENTATION = 0x0112
_LYING_ON_ITS_SIDE = frozenset({5, 6, 7, 8})
_START_OF_SCAN = b"\xff\xda"


class PictureTooLarge(Exception):
    """It has more pixels, or takes longer to unpack, than any picture that is meant to be seen."""


class PictureBroken(Exception):
    """It cannot be unpacked."""


def can_open(media_type: str) -> bool:
    """Whether this Pillow unpacks pictures of this type; some cannot read WEBP or AVIF."""
    picture_format = _FORMATS.get(media_type)
    return picture_format is not None and can_code(picture_format.lower())


def can_code(codec: str) -> bool:
    """Whether this Pillow can read and write pictures in WEBP or AVIF; the others it always can."""
    if codec == "avif" and codec not in features.modules:  # before Pillow 11.3
        return False
    return codec not in ("webp", "avif") or bool(features.check(codec))


@contextmanager
def opened_still(file: BinaryIO, media_type: str) -> Iterator[Image.Image]:
    """A picture, to be unpacked inside the block; the first one of an animation.

    Args:
        file: standing at its beginning.
        media_type: by its bytes; one that :func:`can_open` says yes to.

    Raises:
        PictureTooLarge, PictureBroken: at the beginning or inside the block.
    """
    picture_format = _FORMATS[media_type]
    if picture_format == "JPEG" and _scans_in(file) > MOST_SCANS:
        raise PictureTooLarge
    try:
        with Image.open(file, formats=[picture_format]) as image:
            if image.width * image.height > LARGEST_PIXELS:
                raise PictureTooLarge
            yield image
    except PictureTooLarge:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureTooLarge from error
    except Exception as error:  # decoders fed with nonsense raise whatever they stumble over
        raise PictureBroken from error


def upright(image: Image.Image, width: int) -> Image.Image:
    """The picture the right way up, no wider than ``width``, and no higher than four times that."""
    turned = _orientation(image) in _LYING_ON_ITS_SIDE
    box = (width * _TALLEST, width) if turned else (width, width * _TALLEST)
    small: Image.Image = image
    if image.mode.startswith("I"):
        # Greys of 16 bits; Pillow's own conversion makes nearly all of them white.
        small = image.convert("I").point(lambda grey: grey * (1 / 256)).convert("L")
    elif image.mode not in _SHRUNK_AS_THEY_ARE or "transparency" in image.info:
        # Neither colours by number nor transparent ones can be mixed.
        small = image.convert("RGBA" if image.has_transparency_data else "RGB")
    small.thumbnail(box)
    turned_up = ImageOps.exif_transpose(small)
    return turned_up.convert("RGBA" if turned_up.has_transparency_data else "RGB")


def _scans_in(file: BinaryIO) -> int:
    """How often a JPEG goes over its whole area; the marker stands nowhere else in its data."""
    scans, last = 0, b""
    while block := file.read(1 << 20):
        scans += (last + block).count(_START_OF_SCAN)
        last = block[-1:]
    file.seek(0)
    return scans


def _orientation(image: Image.Image) -> int:
    orientation = image.getexif().get(_ORIENTATION)
    return orientation if isinstance(orientation, int) else 1
