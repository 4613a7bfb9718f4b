"""An identity of a model file as a row, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stablequeue_core.models import CivitaiCandidate, Identity
from stablequeue_core.serialization import from_millis, to_millis
from stablequeue_core.storage.rows.text import from_json, to_json

Row = tuple[Any, ...]

COLUMNS = "sha256, asked_at, refreshed_at, candidates, pinned"


def identity_row(identity: Identity) -> Row:
    """The values of the columns :data:`COLUMNS`."""
    candidates = [(each.version_id, each.model_id) for each in identity.candidates]
    pinned = identity.pinned
    return (
        identity.sha256,
        None if identity.asked_at is None else to_millis(identity.asked_at),
        None if identity.refreshed_at is None else to_millis(identity.refreshed_at),
        to_json(candidates) if candidates else None,
        to_json((pinned.version_id, pinned.model_id)) if pinned else None,
    )


def identity_of(row: Row) -> Identity:
    """The identity of a row with the columns :data:`COLUMNS`."""
    sha256, asked_at, refreshed_at, candidates, pinned = row
    return Identity(
        sha256=sha256,
        candidates=tuple(map(_candidate, from_json(candidates))) if candidates else (),
        pinned=_candidate(from_json(pinned)) if pinned else None,
        asked_at=None if asked_at is None else from_millis(asked_at),
        refreshed_at=None if refreshed_at is None else from_millis(refreshed_at),
    )


def _candidate(ids: Sequence[int]) -> CivitaiCandidate:
    version_id, model_id = ids
    return CivitaiCandidate(version_id=version_id, model_id=model_id)
