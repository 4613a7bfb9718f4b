"""The servers in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from stablequeue_core.bell import Bell
from stablequeue_core.errors import ServerExists, ServerNotFound
from stablequeue_core.events import Event
from stablequeue_core.servers import Server, ServerStore
from stablequeue_core.storage.sqlite.connection import Database
from stablequeue_core.storage.sqlite.events import record

_COLUMNS = "alias, api_url, username, password, enabled, paused, description"
_ALL = f"SELECT {_COLUMNS} FROM servers ORDER BY position"
_GET = f"SELECT {_COLUMNS} FROM servers WHERE alias = ?"
_ALIASES = "SELECT alias FROM servers ORDER BY position"
_INSERT = f"INSERT INTO servers ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
_UPDATE = f"UPDATE servers SET ({_COLUMNS}) = (?, ?, ?, ?, ?, ?, ?) WHERE alias = ?"
_DELETE = "DELETE FROM servers WHERE alias = ?"
_RENAME_IN_JOBS = """
    UPDATE jobs SET target = ?, revision = revision + 1
    WHERE target = ? AND status IN ('pending', 'processing')
"""


class SqliteServers(ServerStore):
    """The servers of one database."""

    def __init__(self, database: Database, *, work: Bell, changes: Bell) -> None:
        self._database = database
        self._work = work
        self._changes = changes

    def add(self, server: Server, event: Event) -> None:
        """Keep a new server."""
        with self._database.write() as connection:
            if server.alias in _aliases(connection):
                raise ServerExists(server.alias)
            connection.execute(_INSERT, _row(server))
            record(connection, event)
        self._ring()

    def get(self, alias: str) -> Server:
        """The server with this alias."""
        found = self._database.fetch(_GET, (alias,))
        if not found:
            raise ServerNotFound(alias, [known for (known,) in self._database.fetch(_ALIASES)])
        return _server(found[0])

    def list(self) -> Sequence[Server]:
        """All servers, in the order in which they were added."""
        return [_server(row) for row in self._database.fetch(_ALL)]

    def replace(self, alias: str, server: Server, event: Event) -> None:
        """Keep ``server`` in place of the one named ``alias``."""
        with self._database.write() as connection:
            known = _aliases(connection)
            if alias not in known:
                raise ServerNotFound(alias, known)
            if server.alias != alias:
                if server.alias in known:
                    raise ServerExists(server.alias)
                connection.execute(_RENAME_IN_JOBS, (server.alias, alias))
            connection.execute(_UPDATE, (*_row(server), alias))
            record(connection, event)
        self._ring()

    def remove(self, alias: str, event: Event) -> None:
        """Forget the server."""
        with self._database.write() as connection:
            known = _aliases(connection)
            if alias not in known:
                raise ServerNotFound(alias, known)
            connection.execute(_DELETE, (alias,))
            record(connection, event)
        self._ring()

    def _ring(self) -> None:
        self._changes.ring()
        self._work.ring()


def _aliases(connection: sqlite3.Connection) -> Sequence[str]:
    return [alias for (alias,) in connection.execute(_ALIASES)]


def _row(server: Server) -> tuple[Any, ...]:
    return (
        server.alias,
        server.api_url,
        server.username,
        server.password,
        server.enabled,
        server.paused,
        server.description,
    )


def _server(row: tuple[Any, ...]) -> Server:
    alias, api_url, username, password, enabled, paused, description = row
    return Server(
        alias=alias,
        api_url=api_url,
        username=username,
        password=password,
        enabled=bool(enabled),
        paused=bool(paused),
        description=description,
    )
