"""The identities of model files in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from stablequeue_core.models import Identity, IdentityStore
from stablequeue_core.storage.postgres.connecting import Connected
from stablequeue_core.storage.postgres.database import Database
from stablequeue_core.storage.postgres.ringing import SharedBells
from stablequeue_core.storage.rows.identities import COLUMNS, identity_of, identity_row

_OF = f"SELECT {COLUMNS} FROM identities WHERE sha256 = ANY(%s::text[])"
_SAVE = f"""
    INSERT INTO identities ({COLUMNS}) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (sha256) DO UPDATE SET asked_at = excluded.asked_at,
    refreshed_at = excluded.refreshed_at, candidates = excluded.candidates, pinned = excluded.pinned
"""


class PostgresIdentities(IdentityStore):
    """The identities of one database."""

    def __init__(self, database: Database, bells: SharedBells) -> None:
        self._database = database
        self._bells = bells

    def of(self, sha256s: Collection[str]) -> Mapping[str, Identity]:
        """What is known of these files, by their SHA-256 in lower case; unknown ones left out."""
        wanted = [digest.lower() for digest in sha256s]
        found = self._database.fetch(_OF, (wanted,))
        return {identity.sha256: identity for identity in map(identity_of, found)}

    def save(self, identities: Sequence[Identity]) -> None:
        """Keep these, all or none, each in place of what was known of its SHA-256."""
        if not identities:
            return
        # In one order, whoever else saves some: so that nobody waits in a ring.
        latest = {identity.sha256: identity for identity in identities}
        values = [identity_row(latest[sha256]) for sha256 in sorted(latest)]

        def save(connection: Connected) -> None:
            with connection.cursor() as cursor:
                cursor.executemany(_SAVE, values)

        self._database.transact(save)
        self._bells.ring()
