"""Looks at a PostgreSQL without opening the queue there, which would bring it up to date."""

from __future__ import annotations

from attrs import frozen

from stablequeue_core.errors import ExtraMissing
from stablequeue_core.storage.postgres.storage import EXTRA

SCHEMA = "stablequeue"
"""The one that :class:`PostgresStorage` takes unless it is told another."""


@frozen(kw_only=True)
class PostgresServer:
    """What the server says of itself.

    Attributes:
        name: its version, as it tells it.
        version: of the queue's schema there; 0 for none.
        known: the version that this program uses.
    """

    name: str
    version: int
    known: int

    @property
    def is_current(self) -> bool:
        """Whether this program uses it as it is, without bringing it up to date."""
        return self.version == self.known


def look_at_server(database_url: str) -> PostgresServer:
    """Ask the server; it stays as it is.

    Raises:
        ExtraMissing: what speaks with it is not installed.
        StorageError: it cannot be reached, or holds something that is not ours.
    """
    try:
        import psycopg
    except ImportError as error:
        raise ExtraMissing(EXTRA) from error

    from stablequeue_core.storage.postgres.connecting import Address
    from stablequeue_core.storage.postgres.faults import told
    from stablequeue_core.storage.postgres.schema import VERSION, found_version

    address = Address(database_url, SCHEMA)
    try:
        with address.connect() as connection:
            row = connection.execute("SHOW server_version").fetchone()
            found = found_version(connection, SCHEMA)
    except psycopg.Error as error:
        raise told(error) from error
    return PostgresServer(name=str(row[0]) if row else "", version=found, known=VERSION)
