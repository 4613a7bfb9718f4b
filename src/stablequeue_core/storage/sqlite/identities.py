"""The identities of model files in SQLite."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from stablequeue_core.bell import Bell
from stablequeue_core.models import CivitaiCandidate, Identity, IdentityStore
from stablequeue_core.serialization import from_millis, to_millis
from stablequeue_core.storage.sqlite.connection import Database, Row
from stablequeue_core.storage.sqlite.text import from_json, to_json

_COLUMNS = "sha256, asked_at, refreshed_at, candidates, pinned"
_SAVE = f"INSERT OR REPLACE INTO identities ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)"

AT_ONCE = 500
"""So many are asked for in one SELECT; SQLite allows some thousands, and fewer where it is old."""


class SqliteIdentities(IdentityStore):
    """The identities of one database."""

    def __init__(self, database: Database, *, changes: Bell) -> None:
        self._database = database
        self._changes = changes

    def of(self, sha256s: Collection[str]) -> Mapping[str, Identity]:
        """What is known of these files, by their SHA-256 in lower case; unknown ones left out."""
        wanted = [digest.lower() for digest in sha256s]
        found: list[Row] = []
        with self._database.read() as connection:
            for start in range(0, len(wanted), AT_ONCE):
                some = wanted[start : start + AT_ONCE]
                found += connection.execute(_select(len(some)), some).fetchall()
        return {identity.sha256: identity for identity in map(_identity, found)}

    def save(self, identities: Sequence[Identity]) -> None:
        """Keep these, all or none, each in place of what was known of its SHA-256."""
        if not identities:
            return
        values = [_row(identity) for identity in identities]
        with self._database.write() as connection:
            connection.executemany(_SAVE, values)
        self._changes.ring()


def _select(count: int) -> str:
    places = ", ".join("?" * count)
    return f"SELECT {_COLUMNS} FROM identities WHERE sha256 IN ({places})"


def _row(identity: Identity) -> Row:
    candidates = [(each.version_id, each.model_id) for each in identity.candidates]
    pinned = identity.pinned
    return (
        identity.sha256,
        None if identity.asked_at is None else to_millis(identity.asked_at),
        None if identity.refreshed_at is None else to_millis(identity.refreshed_at),
        to_json(candidates) if candidates else None,
        to_json((pinned.version_id, pinned.model_id)) if pinned else None,
    )


def _identity(row: Row) -> Identity:
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
