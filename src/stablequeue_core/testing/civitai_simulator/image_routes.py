"""Pictures that people posted, and how they were made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stablequeue_core.testing.civitai_simulator import refusals
from stablequeue_core.testing.civitai_simulator.exchange import Answer, json_answer
from stablequeue_core.testing.civitai_simulator.model_routes import LARGEST_ID, number
from stablequeue_core.testing.civitai_simulator.picture_shapes import image_shape
from stablequeue_core.testing.civitai_simulator.pictures import SimulatedImage
from stablequeue_core.testing.civitai_simulator.visits import Visit
from stablequeue_core.testing.civitai_simulator.world import CivitaiWorld

_MOST = 200
_USUAL = 100
_OPEN_LEVELS = 1 | 2
_EVERY_LEVEL = frozenset({"true", "x", "blocked"})


class ImageRoutes:
    """What is asked about posted pictures."""

    def __init__(self, world: CivitaiWorld) -> None:
        self._world = world

    def images(self, visit: Visit) -> Answer:
        """``GET /images``; a picture that is gone gives its neighbour's place to somebody else."""
        limit = number(visit, "limit", _USUAL, least=0, most=_MOST)
        image_id = number(visit, "imageId", 0, least=0, most=LARGEST_ID)
        found = self._by_id(visit, image_id) if image_id else self._by_model(visit)
        start = _start(visit)
        shown = found[start : start + limit]
        metadata: Mapping[str, str] = {}
        if start + limit < len(found):
            metadata = visit.next_page(f"{start + limit}|1772735000000")
        items = [image_shape(each, _meta(visit, each), visit.origins) for each in shown]
        return json_answer({"items": items, "metadata": metadata})

    def _by_id(self, visit: Visit, image_id: int) -> list[SimulatedImage]:
        """The picture itself; if it is not shown, the one with the next lower or higher id."""
        shown = self._shown(visit)
        nearest = min(shown, key=lambda image: abs(image.id - image_id), default=None)
        return [] if nearest is None else [nearest]

    def _by_model(self, visit: Visit) -> list[SimulatedImage]:
        version_id = number(visit, "modelVersionId", 0, least=0, most=LARGEST_ID)
        post_id = number(visit, "postId", 0, least=0, most=LARGEST_ID)
        model = self._world.model(number(visit, "modelId", 0, least=0, most=LARGEST_ID))
        of_model = {version.id for version in model.versions} if model else set()
        return [
            image
            for image in self._shown(visit)
            if (not version_id or version_id in image.version_ids)
            and (not post_id or post_id == image.post_id)
            and ("modelId" not in visit.parameters or of_model & set(image.version_ids))
        ]

    def _shown(self, visit: Visit) -> list[SimulatedImage]:
        levels = _OPEN_LEVELS
        if (visit.parameter("nsfw") or "").lower() in _EVERY_LEVEL:
            levels = LARGEST_ID
        levels = number(visit, "browsingLevel", levels, least=0, most=LARGEST_ID)
        return [
            image
            for image in self._world.images
            if visit.shows(image.only_at_second) and image.picture.nsfw_level & levels
        ]


def _start(visit: Visit) -> int:
    """Where the page begins that a cursor stands for."""
    first, _, _ = (visit.parameter("cursor") or "0").partition("|")
    if not first.isdecimal():
        raise refusals.bad_cursor(1)
    return int(first)


def _meta(visit: Visit, image: SimulatedImage) -> Any:
    """How it was made, flat or wrapped: by-id look-ups wrap it unless they are told not to."""
    if visit.parameter("withMeta") != "true":
        return None
    meta = None if image.is_hidden or image.meta is None else dict(image.meta)
    asked = visit.parameters
    by_id = "imageId" in asked or ("modelId" in asked and "modelVersionId" not in asked)
    is_wrapped = by_id and visit.parameter("flatMeta") != "true"
    return {"id": image.id, "meta": meta} if is_wrapped else meta
