"""Pictures and films at Civitai: those that show a version, and those that people posted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import Factory, field, frozen

from stablequeue_core.testing.simulated_http import Content, content_of

PICTURES_FOLDER = "xG1nkqKTMzGDvpLrqFT7WA"
"""The first part of every path of the CDN."""

_LEVEL_NAMES = {1: "None", 2: "Soft", 4: "Mature"}


@frozen(kw_only=True)
class SimulatedPicture:
    """A picture or a film on the CDN.

    Attributes:
        id: of the picture.
        content: what ``original=true`` brings.
        is_film: what the API says of it, whatever the bytes are.
        ending: of its address; it carries little meaning. None: ``jpeg``, or ``mp4`` for a film.
        width, height: as the API says.
        nsfw_level: a bit mask: 1 PG, 2 PG-13, 4 R, 8 X, 16 XXX.
        meta: how it was made, as version answers show it.
        uuid: the part of its address that tells it from others; made of ``id`` unless told.
    """

    id: int
    content: Content = field(converter=content_of)
    is_film: bool = False
    ending: str | None = None
    width: int = 832
    height: int = 1216
    nsfw_level: int = 1
    meta: Mapping[str, Any] | None = field(default=None, repr=False)
    uuid: str = field(
        default=Factory(lambda self: f"0b6d2f10-1111-4a6b-9c3d-{self.id:012d}", takes_self=True)
    )

    @property
    def type(self) -> str:
        """``image`` or ``video``."""
        return "video" if self.is_film else "image"

    def path(self, name: str) -> str:
        """Where the CDN has the original; ``name`` is what stands last, without its ending."""
        ending = self.ending or ("mp4" if self.is_film else "jpeg")
        return f"/{PICTURES_FOLDER}/{self.uuid}/original=true/{name}.{ending}"


@frozen(kw_only=True)
class SimulatedImage:
    """A picture that somebody posted, with how it was made.

    Attributes:
        picture: the picture itself; its ``meta`` is not looked at.
        meta: how it was made: free-form; None where nothing is known.
        is_hidden: whether its maker keeps that secret.
        version_ids: of the models that were used, as Civitai thinks.
        only_at_second: whether only the second host shows it.
    """

    picture: SimulatedPicture
    meta: Mapping[str, Any] | None = field(default=None, repr=False)
    is_hidden: bool = False
    version_ids: Sequence[int] = ()
    base_model: str | None = None
    post_id: int | None = 80001
    username: str | None = "harbor_tester"
    created_at: str = "2026-03-05T18:22:10.000Z"
    only_at_second: bool = False

    @property
    def id(self) -> int:
        """Of the picture."""
        return self.picture.id

    @property
    def level_name(self) -> str:
        """The level as this one route says it: in words."""
        return _LEVEL_NAMES.get(self.picture.nsfw_level, "X")
