"""What we note in a ``.civitai.info`` that we wrote: of which file it speaks, what else we wrote.

Civitai Helper and its relatives keep notes of their own under ``extensions`` there, one object for
each program; ours is ``stablequeue``. By it we know our own words and pictures again, so that what
anybody else put beside the model is never replaced.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from stablequeue_core.models.digests import is_sha256, key_of
from stablequeue_core.models.files.sidecars.fields import Fields

EXTENSIONS = "extensions"
OURS = "stablequeue"

_MOST_REMEMBERED = 20


@frozen
class ShownPicture:
    """A picture that we put beside a model.

    Attributes:
        sha256: of its bytes.
        url: of the picture or film at Civitai that it shows.
    """

    sha256: str
    url: str = ""


@frozen(kw_only=True)
class Mark:
    """Our notes.

    Attributes:
        sha256: of the model file that we wrote this for, in lower case.
        size: of that file, in bytes; None when it could not be told.
        fetched_at: when Civitai was asked, in ISO 8601.
        pinned: whether the user, and not Civitai, says that the version is this very file.
        words: for each key that we filled in Forge's JSON, digests of what may stand there of ours.
            There is more than one only while one takes the place of the other.
        pictures: the same, by what follows the stem in their names: ``.jpg``.
        before: what stood here once and spoke of other versions, latest first. It is kept because
            models are removed from Civitai, and then nobody can ask again.
    """

    sha256: str
    size: int | None = None
    fetched_at: str = ""
    pinned: bool = False
    words: Mapping[str, tuple[str, ...]] = field(factory=dict)
    pictures: Mapping[str, tuple[ShownPicture, ...]] = field(factory=dict)
    before: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    def as_json(self) -> dict[str, Any]:
        """The notes, as they stand in the file."""
        written = {
            "json": {key: list(digests) for key, digests in self.words.items()},
            "previews": {
                suffix: [{"sha256": each.sha256, "url": each.url} for each in shown]
                for suffix, shown in self.pictures.items()
            },
        }
        return {
            "sha256": self.sha256,
            "size": self.size,
            "fetched_at": self.fetched_at,
            "pinned": self.pinned,
            "written": written,
            "before": list(self.before),
        }


def mark_in(info: Mapping[str, Any]) -> Mark | None:
    """Our mark in the content of a ``.civitai.info``; None when another program wrote it."""
    extensions = info.get(EXTENSIONS)
    notes = extensions.get(OURS) if isinstance(extensions, dict) else None
    fields = Fields(notes)
    sha256 = fields.sha256("sha256")
    if not isinstance(notes, dict) or sha256 is None:
        return None
    written = notes.get("written")
    return Mark(
        sha256=sha256,
        size=fields.count("size"),
        fetched_at=fields.text("fetched_at") or "",
        pinned=fields.flag("pinned") or False,
        words=_words(_object_in(written, "json")),
        pictures=_pictures(_object_in(written, "previews")),
        before=tuple(each for each in _list(notes.get("before")) if isinstance(each, dict)),
    )


def digest_of(value: object) -> str:
    """What a value of ours in a JSON file is known again by."""
    return key_of(json.dumps(value))


def _words(values: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {
        key: tuple(each for each in _list(digests) if isinstance(each, str))
        for key, digests in values.items()
    }


def _pictures(values: Mapping[str, Any]) -> dict[str, tuple[ShownPicture, ...]]:
    return {
        suffix: tuple(picture for each in _list(shown) if (picture := _picture(each)) is not None)
        for suffix, shown in values.items()
    }


def _picture(value: object) -> ShownPicture | None:
    told = value if isinstance(value, dict) else {}
    sha256, url = told.get("sha256"), told.get("url")
    if not isinstance(sha256, str) or not is_sha256(sha256):
        return None
    return ShownPicture(sha256, url if isinstance(url, str) else "")


def _object_in(value: object, key: str) -> Mapping[str, Any]:
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _list(value: object) -> list[Any]:
    return value[:_MOST_REMEMBERED] if isinstance(value, list) else []
