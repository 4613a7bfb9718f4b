"""The servers in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from stablequeue_core.errors import ServerExists, ServerNotFound, StaleServer
from stablequeue_core.events import Event
from stablequeue_core.servers import Server, ServerStore
from stablequeue_core.storage.rows.renaming import renamed
from stablequeue_core.storage.rows.servers import ALL as READ
from stablequeue_core.storage.rows.servers import COLUMNS, server_of, server_row
from stablequeue_core.storage.sqlite.connection import Database
from stablequeue_core.storage.sqlite.places import ALL as JOB_COLUMNS

ALL = f"SELECT {READ} FROM servers ORDER BY position"
ALL_UNCOUNTED = f"SELECT {COLUMNS} FROM servers ORDER BY position"
_GET = f"SELECT {READ} FROM servers WHERE alias = ?"
_ALIASES = "SELECT alias FROM servers ORDER BY position"
INSERT = f"INSERT INTO servers ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_UPDATE = f"UPDATE servers SET ({COLUMNS}) = (?, ?, ?, ?, ?, ?, ?, ?) WHERE alias = ?"
_BEGUN = f"""
    SELECT {", ".join(JOB_COLUMNS)} FROM jobs
    WHERE status IN ('pending', 'processing') AND attempts IS NOT NULL
"""
_RENAME_IN_LEDGER = """
    UPDATE jobs SET target = ?, attempts = ?, avoids = ?, revision = revision + 1
    WHERE number = ?
"""
# What else bears a server's name follows it.
_RENAME = (
    """
    UPDATE jobs SET target = ?, revision = revision + 1
    WHERE target = ? AND status IN ('pending', 'processing')
    """,
    "UPDATE OR REPLACE costs SET server = ? WHERE server = ?",
    "UPDATE OR REPLACE reports SET alias = ? WHERE alias = ?",
)
_REMOVE = (
    "DELETE FROM servers WHERE alias = ?",
    "DELETE FROM costs WHERE server = ?",
    "DELETE FROM reports WHERE alias = ?",
)


class SqliteServers(ServerStore):
    """The servers of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, server: Server, event: Event) -> None:
        """Keep a new server."""
        with self._database.write() as connection:
            if server.alias in _aliases(connection):
                raise ServerExists(server.alias)
            connection.execute(INSERT, server_row(server))
            self._database.tell(event)

    def get(self, alias: str) -> Server:
        """The server with this alias."""
        found = self._database.fetch(_GET, (alias,))
        if not found:
            raise ServerNotFound(alias, [known for (known,) in self._database.fetch(_ALIASES)])
        return server_of(found[0])

    def list(self) -> Sequence[Server]:
        """All servers, in the order in which they were added."""
        return [server_of(row) for row in self._database.fetch(ALL)]

    def replace(self, before: Server, server: Server, event: Event) -> None:
        """Keep ``server`` in place of ``before``."""
        alias = before.alias
        with self._database.write() as connection:
            known = _aliases(connection)
            if alias not in known:
                raise ServerNotFound(alias, known)
            if server_of(connection.execute(_GET, (alias,)).fetchone()) != before:
                raise StaleServer(alias)
            if server.alias != alias:
                if server.alias in known:
                    raise ServerExists(server.alias)
                begun = connection.execute(_BEGUN).fetchall()
                for row in renamed(begun, alias, server.alias):
                    connection.execute(_RENAME_IN_LEDGER, row)
                for statement in _RENAME:
                    connection.execute(statement, (server.alias, alias))
            connection.execute(_UPDATE, (*server_row(server), alias))
            self._database.tell(event)

    def remove(self, alias: str, event: Event) -> None:
        """Forget the server."""
        with self._database.write() as connection:
            known = _aliases(connection)
            if alias not in known:
                raise ServerNotFound(alias, known)
            for statement in _REMOVE:
                connection.execute(statement, (alias,))
            self._database.tell(event)


def _aliases(connection: sqlite3.Connection) -> Sequence[str]:
    return [alias for (alias,) in connection.execute(_ALIASES)]
