"""Civitai's version and model objects of all years, as several tools keep them in files.

The shapes are those of ``GET /api/v1/model-versions/:id`` and ``GET /api/v1/models/:id``. Every
field may be absent. The version says nothing of its creator, and calls its model by ``modelId``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from attrs import evolve

from stablequeue_core.models.files.sidecars.fields import Fields
from stablequeue_core.models.files.sidecars.testimony import FileClaim, Subject
from stablequeue_core.models.model import ModelCard
from stablequeue_core.models.paths import stem

_HIGHEST_RATING = 5.0
_KIBIBYTE = 1024
_NO_BASE_MODEL = frozenset({"unknown", "other", "none"})

_T = TypeVar("_T")


def version_card(version: Fields) -> ModelCard:
    """What a version object says; some tools add its model's tags and description to it."""
    model = version.inner("model")
    stats = (version.inner("stats"),)
    return ModelCard(
        name=model.text("name"),
        version=version.text("name"),
        description=model.description("description") or version.description("description"),
        base_model=base_model(version.text("baseModel")),
        creator=version.inner("creator").text("username"),
        tags=model.words("tags"),
        trigger_words=version.words("trainedWords"),
        nsfw=model.flag("nsfw"),
        model_id=version.identifier("modelId"),
        version_id=version.identifier("id"),
        downloads=downloads(stats),
        favorited=favorited(stats),
        rating=rating(stats),
    )


def model_card(model: Fields, version: Fields) -> ModelCard:
    """What a model object says, and the one of its versions that the file is."""
    stats = (version.inner("stats"), model.inner("stats"))
    return evolve(
        version_card(version),
        name=model.text("name"),
        description=model.description("description") or version.description("description"),
        creator=model.inner("creator").text("username"),
        tags=model.words("tags"),
        nsfw=model.flag("nsfw"),
        model_id=model.identifier("id"),
        downloads=downloads(stats),
        favorited=favorited(stats),
        rating=rating(stats),
    )


def version_files(version: Fields) -> tuple[FileClaim, ...]:
    """The files of a version whose SHA-256 is told."""
    return tuple(
        FileClaim(sha256=digest, size=_bytes(file.number("sizeKB")), name=file.text("name"))
        for file in version.each("files")
        if (digest := file.inner("hashes").sha256("SHA256"))
    )


def version_of(model: Fields, subject: Subject, hinted: int | None) -> Fields | None:
    """Which version of a model the file is; None when that cannot be told.

    Told by its hash, by the id that another file names, by the name and size of a file, or, where
    nobody names an id, by there being only one.
    """
    versions = model.each("modelVersions")
    by_hash = [v for v in versions if any(c.sha256 == subject.sha256 for c in version_files(v))]
    by_id = [v for v in versions if hinted is not None and v.identifier("id") == hinted]
    by_file = [v for v in versions if _has_file(v, subject)]
    for found in (by_hash, by_id, by_file, versions if hinted is None else ()):
        if len(found) == 1:
            return found[0]
    return None


def base_model(name: str | None) -> str | None:
    """A base model's name, unless it is one of those that say nothing."""
    return None if not name or name.lower() in _NO_BASE_MODEL else name


def downloads(stats: Sequence[Fields]) -> int | None:
    """How often it was fetched; None too where the author hides it."""
    return _first(counts.count("downloadCount") for counts in stats)


def favorited(stats: Sequence[Fields]) -> int | None:
    """How many like it: favourites in older years, thumbs in later ones."""
    for counts in stats:
        favourites, thumbs = counts.count("favoriteCount"), counts.count("thumbsUpCount")
        if favourites is not None or thumbs is not None:
            return favourites or thumbs or 0
    return None


def rating(stats: Sequence[Fields]) -> float | None:
    """Stars, which only older years have; 0 is how some tools write that there are none."""
    found = _first(counts.number("rating") for counts in stats)
    return found if found is not None and 0 < found <= _HIGHEST_RATING else None


def _has_file(version: Fields, subject: Subject) -> bool:
    return any(
        claim.size == subject.size and claim.name is not None and stem(claim.name) == subject.stem
        for claim in version_files(version)
    )


def _bytes(kibibytes: float | None) -> int | None:
    """Sizes come as a fraction of KiB that is exact; a rounded one is no proof of anything."""
    size = -1.0 if kibibytes is None else kibibytes * _KIBIBYTE
    return int(size) if size >= 0 and size.is_integer() else None


def _first(values: Iterable[_T | None]) -> _T | None:
    return next((value for value in values if value is not None), None)
