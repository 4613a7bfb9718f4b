"""The host of pictures: the form that is wanted stands in the path."""

from __future__ import annotations

import io
import re

from PIL import Image, UnidentifiedImageError

from stablequeue_core.models.files.picture_types import HEAD_BYTES, media_type_of
from stablequeue_core.testing.civitai_simulator.exchange import Answer
from stablequeue_core.testing.civitai_simulator.pictures import PICTURES_FOLDER, SimulatedPicture
from stablequeue_core.testing.civitai_simulator.visits import Visit
from stablequeue_core.testing.civitai_simulator.world import CivitaiWorld
from stablequeue_core.testing.forge_simulator.pictures import fingerprint, paint

_PATH = re.compile(rf"/{PICTURES_FOLDER}/([0-9a-f-]{{36}})/([^/]+)/[^/]+\.\w+")
_WIDTHS = (96, 320, 450, 512, 800, 1200, 1600, 2200)
_WIDEST = 1800
_UNKNOWN = "application/octet-stream"


class PictureHost:
    """Hands out pictures and films, whole or smaller."""

    def __init__(self, world: CivitaiWorld) -> None:
        self._world = world

    def fetch(self, visit: Visit) -> Answer:
        """``GET`` of a picture."""
        path = _PATH.fullmatch(visit.path)
        picture = None if path is None else self._world.picture(path[1])
        if path is None or picture is None:
            return Answer(status=404, content=b"Not Found", content_type="text/plain")
        wanted = dict(_parameter(part) for part in path[2].split(","))
        if "width" not in wanted and wanted.get("anim") != "false":
            head = picture.content.read(0, min(HEAD_BYTES, picture.content.size))
            return Answer(content=picture.content, content_type=media_type_of(head) or _UNKNOWN)
        return Answer(content=_still(picture, _width(wanted)), content_type="image/jpeg")


def _parameter(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name, value


def _width(wanted: dict[str, str]) -> int:
    """The width that comes for the one that was asked for."""
    asked = wanted.get("width", "")
    pixels = int(asked) if asked.isdecimal() else _WIDEST
    return min(next((width for width in _WIDTHS if width >= pixels), _WIDEST), _WIDEST)


def _still(picture: SimulatedPicture, width: int) -> bytes:
    """A smaller picture; of a film, what it begins with."""
    try:
        with Image.open(io.BytesIO(picture.content.read())) as opened:
            image = opened.convert("RGB")
    except UnidentifiedImageError:
        image = paint(fingerprint(picture.id), picture.width, picture.height)
    height = max(1, round(image.height * width / image.width))
    if width < image.width:
        image = image.resize((width, height))
    output = io.BytesIO()
    image.save(output, "JPEG", quality=80)
    return output.getvalue()
