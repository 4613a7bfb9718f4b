"""A download as a row, and back."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from stablequeue_core.downloads import Download
from stablequeue_core.serialization import converter, from_millis, to_iso, to_millis
from stablequeue_core.storage.rows.text import from_json, stored, to_json
from stablequeue_core.storage.searching import folded

Row = tuple[Any, ...]

FIXED = ("id", "created_at")
"""Columns that keep their first value for good."""

CHANGING = ("revision", "status", "priority", "root", "place", "not_before", "more")
"""Columns that a change of the download writes anew."""

GIVEN = (*FIXED, *CHANGING)
"""All but the number, which the database gives."""

ALL = ("number", "id", "created_at", "revision", "more")
"""What makes a download again, but for its record; the others are there to be searched."""

_ELSEWHERE = ("number", "id", "created_at", "revision", "record")
"""What is not in ``more``."""


def fixed(download: Download) -> Row:
    """The values of the columns :data:`FIXED`."""
    return download.id, to_millis(download.created_at)


def changing(download: Download, revision: int) -> Row:
    """The values of the columns :data:`CHANGING`."""
    more = converter().unstructure(evolve(download, record={}))
    for name in _ELSEWHERE:
        del more[name]
    return (
        revision,
        download.status.value,
        download.priority,
        *place_of(download),
        None if download.not_before is None else to_millis(download.not_before),
        to_json(more),
    )


def place_of(download: Download) -> tuple[str | bytes, str | bytes]:
    """Where its file is going to be, in any case: the columns ``root`` and ``place``."""
    return stored(download.root), stored(folded(download.path))


def download_of(row: Row) -> Download:
    """The download of a row with the columns :data:`ALL` and, where it was read, its record."""
    number, id_, created_at, revision, more, *record = row
    values: dict[str, Any] = {
        **from_json(more),
        "number": number,
        "id": id_,
        "created_at": to_iso(from_millis(created_at)),
        "revision": revision,
        "record": from_json(record[0]) if record else {},
    }
    return converter().structure(values, Download)
