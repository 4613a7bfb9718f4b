"""A model as a row, and back. Ten thousand are read for one list, so it is done by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from attrs import Attribute, asdict

from stablequeue_core.models import (
    BaseModel,
    FileFormat,
    FileProblem,
    Hashes,
    HashSource,
    Model,
    ModelCard,
    ModelKind,
)
from stablequeue_core.models.base_model import UNKNOWN_BASE
from stablequeue_core.models.model import EMPTY_CARD, NO_HASHES
from stablequeue_core.serialization import converter
from stablequeue_core.storage.rows.text import from_json, restored, sentence, stored, to_json
from stablequeue_core.storage.searching import folded, likeliest_name, searched

Row = tuple[Any, ...]

SHOWN = (
    "kind", "root", "path", "missing", "size", "mtime_ns", "created_at", "format",
    "sha256", "autov1", "autov3", "told", "hash_source", "base_model", "more",
)  # fmt: skip
"""Columns that a model is read from, but for its id."""

SEARCHED = (
    "folder", "name", "stem", "family", "base_name", "card_base", "version_id", "words",
)  # fmt: skip
"""Columns that follow from the others: what is looked for."""

GIVEN = (*SHOWN, *SEARCHED)
"""All but the id, which the database gives."""

ALL = ("id", *SHOWN)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LARGEST = 2**63 - 1


def values_of(model: Model) -> Row:
    """The values of the columns :data:`GIVEN`."""
    hashes, base, card = model.hashes, model.base_model, model.card
    return (
        model.kind.value,
        stored(model.root),
        stored(model.path),
        model.missing,
        whole(model.size),
        whole(model.mtime_ns),
        (model.created_at - _EPOCH) // _MICROSECOND,
        model.format.value,
        hashes.sha256,
        hashes.autov1,
        hashes.autov3,
        hashes.told,
        hashes.source.value if hashes.source else None,
        None if base == UNKNOWN_BASE else _base_model_text(base),
        _more_text(model),
        stored(model.folder),
        stored(folded(model.filename)),
        stored(folded(model.stem)),
        base.family.value,
        stored(folded(likeliest)) if (likeliest := likeliest_name(base)) else None,
        None if card.base_model is None else stored(folded(card.base_model)),
        None if card.version_id is None else whole(card.version_id),
        sentence(searched(model)),
    )


def model_of(row: Row) -> Model:
    """The model of a row with the columns :data:`ALL`."""
    (
        id_, kind, root, path, missing, size, mtime_ns, created_at, format_,
        sha256, autov1, autov3, told, hash_source, base_model, more,
    ) = row  # fmt: skip
    rest = from_json(more) if more else {}
    card = rest.get("card")
    settled = _base_model_of(base_model) if base_model else UNKNOWN_BASE
    own = rest.get("own_base_model")
    has_hash = sha256 or autov1 or autov3 or told or hash_source
    return Model(
        id=id_,
        kind=_KINDS[kind],
        root=restored(root),
        path=restored(path),
        missing=bool(missing),
        size=int(size),
        mtime_ns=int(mtime_ns),
        created_at=_EPOCH + timedelta(microseconds=created_at),
        format=_FORMATS[format_],
        hashes=Hashes(
            sha256=sha256,
            autov1=autov1,
            autov3=autov3,
            told=told,
            source=HashSource(hash_source) if hash_source else None,
        )
        if has_hash
        else NO_HASHES,
        base_model=settled,
        own_base_model=converter().structure(own, BaseModel) if own else settled,
        card=converter().structure(card, ModelCard) if card else EMPTY_CARD,
        details=rest.get("details", {}),
        previews=tuple(rest.get("previews", ())),
        problems=tuple(FileProblem(**problem) for problem in rest.get("problems", ())),
        has_cover=rest.get("has_cover", False),
        surroundings=rest.get("surroundings", ""),
    )


def whole(number: int) -> int | str:
    """A whole number as a database takes it: one of more than 64 bits goes as its digits."""
    return number if -_LARGEST <= number <= _LARGEST else str(number)


_KINDS = {kind.value: kind for kind in ModelKind}
_FORMATS = {format_.value: format_ for format_ in FileFormat}


def _more_text(model: Model) -> str | None:
    """What nobody searches for, as JSON; None when there is nothing."""
    more: dict[str, object] = {}
    if model.card != EMPTY_CARD:
        more["card"] = asdict(model.card, recurse=False, filter=_is_told)
    if model.details:
        more["details"] = model.details
    if model.previews:
        more["previews"] = model.previews
    if model.own_base_model != model.base_model:
        more["own_base_model"] = asdict(model.own_base_model, recurse=False)
    if model.has_cover:
        more["has_cover"] = True
    if model.problems:
        more["problems"] = model.problems
    if model.surroundings:
        more["surroundings"] = model.surroundings
    return to_json(more) if more else None


def _is_told(field: Attribute[Any], value: object) -> bool:
    return value is not None and value != ()


# Thousands of models share a few base models.
@lru_cache(maxsize=1024)
def _base_model_text(base_model: BaseModel) -> str:
    return to_json(asdict(base_model, recurse=False))


@lru_cache(maxsize=1024)
def _base_model_of(text: str) -> BaseModel:
    return converter().structure(from_json(text), BaseModel)
