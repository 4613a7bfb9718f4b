"""Civitai's JSON → records. Pure, and nothing in it can fail: a field of another type is absent.

Only what makes a record one has to be there: an id, or for a picture its address. Without it there
is no record: the caller is given None, or a list that is one shorter; and None for no list at all,
which is not the same as one without hits. Shapes of all years are read,
with dates that have a ``Z`` or lack it; ``downloadUrl`` is not, since its host may be anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from attrs import evolve

from stablequeue_core.civitai.reading.digests import SHA256_CHARS, digest_in
from stablequeue_core.civitai.reading.moments import moment
from stablequeue_core.civitai.reading.pictures import image_in, picture_in
from stablequeue_core.civitai.records import (
    CivitaiAccount,
    CivitaiFile,
    CivitaiImage,
    CivitaiModel,
    CivitaiVersion,
)
from stablequeue_core.models import CivitaiCandidate, Hashes
from stablequeue_core.models.digests import AUTOV1_CHARS, AUTOV3_CHARS
from stablequeue_core.models.files.sidecars.fields import Fields

_KIBIBYTE = 1024
_EXACT_BELOW = 2**53
"""Whole numbers above it may be rounded ones."""

_DOWNLOAD = "Download"
_ARCHIVED = "Archived"
_CRC32_CHARS = 8

_T = TypeVar("_T")


def account_in(value: object) -> CivitaiAccount | None:
    """Whose key it is; None for what tells no id."""
    fields = Fields(value)
    identifier = fields.identifier("id")
    if identifier is None:
        return None
    return CivitaiAccount(
        id=identifier,
        username=fields.text("username") or "",
        tier=fields.text("tier") or "",
        status=fields.text("status") or "",
    )


def model_in(value: object) -> CivitaiModel | None:
    """A model and its versions; None for what has no id.

    Its versions tell neither its id nor its name: both are put into them.
    """
    if not isinstance(value, dict):
        return None
    fields = Fields(value)
    identifier = fields.identifier("id")
    if identifier is None:
        return None
    name, kind, mode = fields.text("name") or "", fields.text("type") or "", fields.text("mode")
    versions = _those(version_in(each) for each in _items(value, "modelVersions"))
    return CivitaiModel(
        id=identifier,
        name=name,
        type=kind,
        creator=fields.inner("creator").text("username"),
        mode=mode,
        versions=tuple(
            evolve(
                version,
                model_id=identifier,
                model_name=name,
                model_type=kind,
                is_archived=version.is_archived or mode == _ARCHIVED,
            )
            for version in versions
        ),
        raw=value,
    )


def version_in(value: object) -> CivitaiVersion | None:
    """A version, asked for by its id, by a hash, or out of its model; None for what has no id."""
    if not isinstance(value, dict):
        return None
    fields = Fields(value)
    identifier = fields.identifier("id")
    if identifier is None:
        return None
    model, paid = fields.inner("model"), fields.inner("paidAccess")
    return CivitaiVersion(
        id=identifier,
        model_id=fields.identifier("modelId"),
        name=fields.text("name") or "",
        model_name=model.text("name") or "",
        model_type=model.text("type") or "",
        base_model=fields.text("baseModel"),
        trained_words=fields.words("trainedWords"),
        air=fields.text("air"),
        is_for_download=fields.text("usageControl") in (None, _DOWNLOAD),
        early_access_until=_opens(fields, paid),
        is_sold=paid.flag("permanent") is True,
        is_archived=model.text("mode") == _ARCHIVED,
        published_at=moment(fields.text("publishedAt")),
        files=tuple(_those(file_in(each) for each in _items(value, "files"))),
        pictures=tuple(_those(picture_in(each) for each in _items(value, "images"))),
        raw=value,
    )


def file_in(value: object) -> CivitaiFile | None:
    """One file of a version; None for what is no object."""
    if not isinstance(value, dict):
        return None
    fields = Fields(value)
    told, hashes = fields.inner("metadata"), fields.inner("hashes")
    size, is_exact = _size(fields.number("sizeKB"))
    return CivitaiFile(
        id=fields.identifier("id"),
        name=fields.text("name") or "",
        size=size,
        has_exact_size=is_exact,
        type=fields.text("type") or "Model",
        format=told.text("format"),
        precision=told.text("fp"),
        is_pruned=(told.text("size") or "").lower() == "pruned",
        hashes=Hashes(
            sha256=digest_in(hashes, "SHA256", SHA256_CHARS),
            autov1=digest_in(hashes, "AutoV1", AUTOV1_CHARS),
            autov3=digest_in(hashes, "AutoV3", AUTOV3_CHARS),
        ),
        crc32=digest_in(hashes, "CRC32", _CRC32_CHARS),
        blake3=digest_in(hashes, "BLAKE3", SHA256_CHARS),
        is_primary=fields.flag("primary"),
        raw=value,
    )


def versions_in(value: object) -> list[CivitaiVersion] | None:
    """The versions of a bare list; what is none, null for example, is left out."""
    return _those(version_in(each) for each in value) if isinstance(value, list) else None


def models_in(value: object) -> list[CivitaiModel] | None:
    """The models on a page of a list."""
    return _those(model_in(each) for each in _items(value, "items")) if _is_page(value) else None


def images_in(value: object) -> list[CivitaiImage] | None:
    """The images on a page of a list."""
    return _those(image_in(each) for each in _items(value, "items")) if _is_page(value) else None


def candidates_in(value: object) -> dict[str, tuple[CivitaiCandidate, ...]] | None:
    """Which versions have which SHA-256, in lower case, each version once."""
    if not isinstance(value, list):
        return None
    found: dict[str, dict[int, CivitaiCandidate]] = {}
    for each in value:
        fields = Fields(each)
        digest, version_id = fields.sha256("hash"), fields.identifier("modelVersionId")
        if digest is not None and version_id is not None:
            candidate = CivitaiCandidate(
                version_id=version_id, model_id=fields.identifier("modelId")
            )
            found.setdefault(digest, {}).setdefault(version_id, candidate)
    return {digest: tuple(candidates.values()) for digest, candidates in found.items()}


def _opens(version: Fields, paid: Fields) -> datetime | None:
    """When it opens for everybody, as far as one of the fields of all years tells."""
    if paid.flag("permanent") is True:
        return None
    told = paid.text("endsAt") or version.text("earlyAccessEndsAt", "earlyAccessDeadline")
    return moment(told)


def _size(kibibytes: float | None) -> tuple[int | None, bool]:
    """In bytes, and whether that is exact: sizes come in KiB, whole bytes or rounded to cents."""
    if kibibytes is None or kibibytes < 0:
        return None, False
    size = kibibytes * _KIBIBYTE
    return round(size), size.is_integer() and size < _EXACT_BELOW


def _is_page(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("items"), list)


def _items(value: object, key: str) -> Sequence[object]:
    items = value.get(key) if isinstance(value, dict) else None
    return items if isinstance(items, list) else []


def _those(records: Iterable[_T | None]) -> list[_T]:
    return [record for record in records if record is not None]
