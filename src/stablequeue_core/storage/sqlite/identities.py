"""The identities of model files in SQLite."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from stablequeue_core.models import Identity, IdentityStore
from stablequeue_core.storage.rows.identities import COLUMNS, identity_of, identity_row
from stablequeue_core.storage.sqlite.connection import Database, Row

SAVE = f"INSERT OR REPLACE INTO identities ({COLUMNS}) VALUES (?, ?, ?, ?, ?)"

AT_ONCE = 500
"""So many are asked for in one SELECT; SQLite allows some thousands, and fewer where it is old."""


class SqliteIdentities(IdentityStore):
    """The identities of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, sha256s: Collection[str]) -> Mapping[str, Identity]:
        """What is known of these files, by their SHA-256 in lower case; unknown ones left out."""
        wanted = [digest.lower() for digest in sha256s]
        found: list[Row] = []
        with self._database.read() as connection:
            for start in range(0, len(wanted), AT_ONCE):
                some = wanted[start : start + AT_ONCE]
                found += connection.execute(_select(len(some)), some).fetchall()
        return {identity.sha256: identity for identity in map(identity_of, found)}

    def save(self, identities: Sequence[Identity]) -> None:
        """Keep these, all or none, each in place of what was known of its SHA-256."""
        if not identities:
            return
        values = [identity_row(identity) for identity in identities]
        with self._database.write() as connection:
            connection.executemany(SAVE, values)
        self._database.bells.changes.ring()


def _select(count: int) -> str:
    places = ", ".join("?" * count)
    return f"SELECT {COLUMNS} FROM identities WHERE sha256 IN ({places})"
