"""The servers in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

from stablequeue_core.errors import ServerExists, ServerNotFound, StaleServer
from stablequeue_core.events import Event
from stablequeue_core.servers import Server, ServerStore
from stablequeue_core.storage.postgres.connecting import Connected
from stablequeue_core.storage.postgres.database import Database
from stablequeue_core.storage.postgres.events import record
from stablequeue_core.storage.postgres.ringing import SharedBells
from stablequeue_core.storage.rows import jobs
from stablequeue_core.storage.rows.renaming import renamed
from stablequeue_core.storage.rows.servers import ALL as READ
from stablequeue_core.storage.rows.servers import COLUMNS, server_of, server_row

ALL = f"SELECT {READ} FROM servers ORDER BY position"
INSERT = f"INSERT INTO servers ({COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
_GET = f"SELECT {READ} FROM servers WHERE alias = %s"
_ALIASES = "SELECT alias FROM servers ORDER BY position"
_UPDATE = f"UPDATE servers SET ({COLUMNS}) = (%s, %s, %s, %s, %s, %s, %s, %s) WHERE alias = %s"
_DELETE = "DELETE FROM servers WHERE alias = %s"
# In one order, whoever else changes several: so that nobody waits in a ring.
_RENAME_IN_JOBS = """
    UPDATE jobs SET target = %(new)s, revision = revision + 1 FROM (
        SELECT number FROM jobs
        WHERE status IN ('pending', 'processing') AND target = %(old)s
        ORDER BY number FOR NO KEY UPDATE
    ) AS open_ones WHERE jobs.number = open_ones.number
"""
_BEGUN = f"""
    SELECT {", ".join(jobs.ALL)} FROM jobs
    WHERE status IN ('pending', 'processing') AND attempts IS NOT NULL
    ORDER BY number FOR NO KEY UPDATE
"""
_RENAME_IN_LEDGER = """
    UPDATE jobs SET target = %s, attempts = %s, avoids = %s, revision = revision + 1
    WHERE number = %s
"""
_FORGET_COSTS = "DELETE FROM costs WHERE server = %s"
_FORGET_REPORT = "DELETE FROM reports WHERE alias = %s"
_RENAME_COSTS = "UPDATE costs SET server = %(new)s WHERE server = %(old)s"
_RENAME_REPORT = "UPDATE reports SET alias = %(new)s WHERE alias = %(old)s"
_ONE_AT_A_TIME = "LOCK TABLE servers IN SHARE ROW EXCLUSIVE MODE"


class PostgresServers(ServerStore):
    """The servers of one database."""

    def __init__(self, database: Database, bells: SharedBells) -> None:
        self._database = database
        self._bells = bells

    def add(self, server: Server, event: Event) -> None:
        """Keep a new server."""

        def add(connection: Connected) -> None:
            if server.alias in _known(connection):
                raise ServerExists(server.alias)
            connection.execute(INSERT, server_row(server))
            record(connection, event)

        self._database.transact(add)
        self._bells.ring([event.kind])

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

        def replace(connection: Connected) -> None:
            known = _known(connection)
            if alias not in known:
                raise ServerNotFound(alias, known)
            (present,) = connection.execute(_GET, (alias,))
            if server_of(present) != before:
                raise StaleServer(alias)
            if server.alias != alias:
                if server.alias in known:
                    raise ServerExists(server.alias)
                _rename(connection, alias, server.alias)
            connection.execute(_UPDATE, (*server_row(server), alias))
            record(connection, event)

        self._database.transact(replace)
        self._bells.ring([event.kind])

    def remove(self, alias: str, event: Event) -> None:
        """Forget the server."""

        def remove(connection: Connected) -> None:
            known = _known(connection)
            if alias not in known:
                raise ServerNotFound(alias, known)
            connection.execute(_DELETE, (alias,))
            _forget_what_is_known(connection, alias)
            record(connection, event)

        self._database.transact(remove)
        self._bells.ring([event.kind])


def _known(connection: Connected) -> Sequence[str]:
    """The aliases that there are, until the end of the transaction."""
    connection.execute(_ONE_AT_A_TIME)
    return [alias for (alias,) in connection.execute(_ALIASES)]


def _rename(connection: Connected, old: str, new: str) -> None:
    names = {"old": old, "new": new}
    for row in renamed(connection.execute(_BEGUN), old, new):
        connection.execute(_RENAME_IN_LEDGER, row)
    connection.execute(_RENAME_IN_JOBS, names)
    _forget_what_is_known(connection, new)
    connection.execute(_RENAME_COSTS, names)
    connection.execute(_RENAME_REPORT, names)


def _forget_what_is_known(connection: Connected, alias: str) -> None:
    connection.execute(_FORGET_COSTS, (alias,))
    connection.execute(_FORGET_REPORT, (alias,))
