"""What goes into a ``.civitai.info`` of ours. Decides; opens nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from stablequeue_core.models.files.sidecars.fields import Fields
from stablequeue_core.models.files.sidecars.our_mark import EXTENSIONS, OURS, Mark, mark_in

_MOST_BEFORE = 5
_ELSEWHERE = ("modelVersions", "creator")
"""What of a model object is not kept inside its version: the other versions, and who made it,
which stands beside it."""


def civitai_info_content(
    old: Mapping[str, Any], version: Mapping[str, Any], model: Mapping[str, Any] | None, mark: Mark
) -> dict[str, Any]:
    """A version object with its model inside, as Civitai Helper keeps it, and our mark.

    Civitai's words stay as they came. What it does not tell any more of this version, and what
    other programs noted under ``extensions``, is kept; an object of another version goes into the
    mark, beside those that are there already.

    Args:
        old: what the file holds; empty when there is none yet.
        version: as Civitai answered.
        model: the same, of its model; None when that is not known.
        mark: our notes.
    """
    version_id, old_id = Fields(version).identifier("id"), Fields(old).identifier("id")
    kept = {key: value for key, value in old.items() if key != EXTENSIONS}
    present = kept if old_id == version_id else {}
    content = {**present, **version}
    content["model"] = {
        **_object(present, "model"),
        **{key: value for key, value in (model or {}).items() if key not in _ELSEWHERE},
        **_object(version, "model"),
    }
    if model is not None:
        content.setdefault("modelId", model.get("id"))
        if isinstance(model.get("creator"), dict):
            content["creator"] = model["creator"]
    content[EXTENSIONS] = {
        **_object(version, EXTENSIONS),
        **_object(old, EXTENSIONS),
        OURS: evolve(mark, before=_before(old, kept, version_id)).as_json(),
    }
    return content


def _before(
    old: Mapping[str, Any], kept: Mapping[str, Any], version_id: int | None
) -> tuple[Mapping[str, Any], ...]:
    """The objects of other versions, latest first, each version once."""
    known = mark_in(old)
    found: dict[int | None, Mapping[str, Any]] = {}
    for each in (kept, *(known.before if known else ())):
        if each and (each_id := Fields(each).identifier("id")) != version_id:
            found.setdefault(each_id, each)
    return tuple(found.values())[:_MOST_BEFORE]


def _object(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = values.get(key)
    return inner if isinstance(inner, dict) else {}
