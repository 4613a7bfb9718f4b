"""Pictures and films as Civitai's JSON has them."""

from __future__ import annotations

from typing import Any

from stablequeue_core.testing.civitai_simulator.exchange import Origins
from stablequeue_core.testing.civitai_simulator.pictures import SimulatedImage, SimulatedPicture

_BLURRED = "U9HLh]00_3IU~qM{%MRj-;xut7of"


def image_shape(image: SimulatedImage, meta: Any, origins: Origins) -> dict[str, Any]:
    """A posted picture as ``/images`` has it, with ``meta`` in the form that was asked for."""
    picture = image.picture
    return {
        "id": image.id,
        "url": origins.cdn + picture.path(picture.uuid),
        "hash": _BLURRED,
        "width": picture.width,
        "height": picture.height,
        "nsfwLevel": image.level_name,
        "type": picture.type,
        "nsfw": picture.nsfw_level > 1,
        "browsingLevel": picture.nsfw_level,
        "createdAt": image.created_at,
        "postId": image.post_id,
        "stats": {
            "cryCount": 0,
            "laughCount": 1,
            "likeCount": 12,
            "dislikeCount": 0,
            "heartCount": 7,
            "commentCount": 2,
        },
        "meta": meta,
        "username": image.username,
        "baseModel": image.base_model,
        "modelVersionIds": list(image.version_ids),
    }


def picture_shape(picture: SimulatedPicture, origins: Origins) -> dict[str, Any]:
    """A picture that shows a version, as far as every answer tells it."""
    prompt = (picture.meta or {}).get("prompt")
    return {
        "url": origins.cdn + picture.path(str(picture.id)),
        "nsfwLevel": picture.nsfw_level,
        "width": picture.width,
        "height": picture.height,
        "hash": _BLURRED,
        "type": picture.type,
        "minor": False,
        "poi": False,
        "hasMeta": picture.meta is not None,
        "hasPositivePrompt": bool(prompt),
        "onSite": False,
        "remixOfId": None,
    }


def version_picture_shape(picture: SimulatedPicture, origins: Origins) -> dict[str, Any]:
    """The same, with what answers about one version tell besides."""
    film = {"audio": False, "duration": 4.2} if picture.is_film else {}
    measures = {
        "hash": _BLURRED,
        "size": picture.content.size,
        "width": picture.width,
        "height": picture.height,
        **film,
    }
    return picture_shape(picture, origins) | {
        "metadata": measures,
        "meta": picture.meta,
        "availability": "Public",
    }
