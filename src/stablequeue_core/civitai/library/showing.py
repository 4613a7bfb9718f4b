"""Fetches the pictures that show a version, and makes of them what Forge shows beside a model."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence

from attrs import field, frozen
from PIL import Image

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.pictures import still
from stablequeue_core.civitai.records import CivitaiPicture
from stablequeue_core.errors import CivitaiError, CivitaiNotFound, CivitaiUnavailable
from stablequeue_core.models.files.picture_types import HEAD_BYTES, media_type_of
from stablequeue_core.models.files.sidecars import ShownPicture
from stablequeue_core.models.files.stills import (
    PictureBroken,
    PictureTooLarge,
    can_open,
    opened_still,
    upright,
)

FIRST, SECOND = ".jpg", ".preview.png"
"""What follows the model's stem in the names of its previews."""

WIDTH = 450
"""Pixels; the CDN has this width ready, and pages show models in it."""

LARGEST_STILL = 8 * 2**20
LARGEST_FILM = 64 * 2**20

MOST_TRIED = 6
"""Pictures of one version, if some cannot be had or are none."""

_FILMS = {"video/mp4": ".mp4", "video/webm": ".webm"}
_QUALITY = 90
_MILD = 1 | 2  # PG, PG-13


@frozen(kw_only=True)
class PreviewFile:
    """A picture or film as it is to lie beside a model.

    Attributes:
        suffix: what follows the model's stem in its name.
        url: of the picture at Civitai that it shows.
    """

    suffix: str
    data: bytes = field(repr=False)
    url: str

    @property
    def shown(self) -> ShownPicture:
        """What it is known again by."""
        return ShownPicture(hashlib.sha256(self.data).hexdigest(), self.url)


class Showing:
    """The pictures of one version: fetched once, and what went wrong with them.

    Args:
        client: fetches.
        pictures: in Civitai's order.

    Attributes:
        problems: sentences.
    """

    def __init__(self, client: CivitaiClient, pictures: Sequence[CivitaiPicture]) -> None:
        self._client = client
        self._pictures = mild_first(pictures)[:MOST_TRIED]
        self._films: list[tuple[CivitaiPicture, bytes]] = []
        self._is_out_of_reach = False
        self.problems: list[str] = []

    @property
    def wanted(self) -> Sequence[str]:
        """The addresses of what is shown if all goes well: two stills, or one film."""
        stills = [picture.url for picture in self._pictures if not picture.is_film]
        return stills[:2] or [picture.url for picture in self._pictures][:1]

    def fetch(self) -> Sequence[PreviewFile]:
        """Up to two stills; where there is none, a film and a still of it."""
        stills = list(self._stills())
        return stills or list(self._film())

    def _stills(self) -> Iterator[PreviewFile]:
        suffixes = iter((FIRST, SECOND))
        suffix = next(suffixes)
        for picture in self._pictures:
            if picture.is_film:
                continue
            data = self._fetched(picture.url, LARGEST_STILL, width=WIDTH)
            if data is None:
                continue
            if media_type_of(data[:HEAD_BYTES]) in _FILMS:
                self._films.append((picture, data))
                continue
            made = self._made(data, suffix)
            if made is None:
                continue
            yield PreviewFile(suffix=suffix, data=made, url=picture.url)
            if suffix == SECOND:
                return
            suffix = next(suffixes)

    def _film(self) -> Iterator[PreviewFile]:
        for picture, data in self._films_found():
            suffix = _FILMS.get(media_type_of(data[:HEAD_BYTES]) or "")
            if suffix is None:
                made = self._made(data, FIRST)
                if made is not None:
                    yield PreviewFile(suffix=FIRST, data=made, url=picture.url)
                    return
                continue
            yield PreviewFile(suffix=suffix, data=data, url=picture.url)
            still_url = still(picture.url, WIDTH)
            shown = None if still_url == picture.url else self._fetched(still_url, LARGEST_STILL)
            made = None if shown is None else self._made(shown, FIRST)
            if made is not None:
                yield PreviewFile(suffix=FIRST, data=made, url=picture.url)
            return

    def _films_found(self) -> Iterator[tuple[CivitaiPicture, bytes]]:
        yield from self._films
        for picture in self._pictures:
            if picture.is_film:
                data = self._fetched(picture.url, LARGEST_FILM)
                if data is not None:
                    yield picture, data

    def _fetched(self, url: str, largest: int, width: int | None = None) -> bytes | None:
        """The bytes of a picture; None when it cannot be had."""
        if self._is_out_of_reach:
            return None
        try:
            return self._client.picture(url, largest=largest, width=width)
        except (CivitaiError, CivitaiNotFound) as error:
            self._is_out_of_reach = isinstance(error, CivitaiUnavailable)
            self.problems.append(f"A picture could not be fetched: {error.message}")
            return None

    def _made(self, data: bytes, suffix: str) -> bytes | None:
        """The picture in the format of its name; None when it is none."""
        try:
            return _in_format(data, "JPEG" if suffix == FIRST else "PNG")
        except PictureTooLarge:
            self.problems.append("A picture was left out: it has more pixels than any preview.")
        except PictureBroken:
            self.problems.append("A picture was left out: it is broken, or no picture at all.")
        return None


def mild_first(pictures: Sequence[CivitaiPicture]) -> Sequence[CivitaiPicture]:
    """In Civitai's order, but with what anybody may see (PG and PG-13) before the rest."""

    def is_strong(picture: CivitaiPicture) -> bool:
        return not picture.nsfw_level or bool(picture.nsfw_level & ~_MILD)

    return sorted(pictures, key=is_strong)


def _in_format(data: bytes, wanted: str) -> bytes:
    """The picture, as it came if it is in that format already."""
    media_type = media_type_of(data[:HEAD_BYTES]) or ""
    if not can_open(media_type):
        raise PictureBroken
    with opened_still(io.BytesIO(data), media_type) as image:
        if image.format == wanted:
            image.load()  # half a picture is none
            return data
        return _encoded(upright(image, WIDTH), wanted)


def _encoded(image: Image.Image, picture_format: str) -> bytes:
    output = io.BytesIO()
    if picture_format == "JPEG":
        image.convert("RGB").save(output, "JPEG", quality=_QUALITY)
    else:
        image.save(output, "PNG")
    return output.getvalue()
