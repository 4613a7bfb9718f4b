"""A schema that nobody may change, for a while or for good.

For a while, one transaction holds locks on all tables; the server takes them from a process that
dies. For good, triggers refuse every change. They are there only then: all other changes cost what
they did.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
from psycopg import sql

from stablequeue_core.serialization import from_millis, to_millis
from stablequeue_core.storage.moves import MOVED_BY, Leave, Move
from stablequeue_core.storage.postgres.connecting import Connected, quoted
from stablequeue_core.storage.postgres.database import Database
from stablequeue_core.storage.postgres.faults import told

TABLES = (
    "queue", "jobs", "idempotency_keys", "events", "servers", "costs", "reports", "workers",
    "models", "model_folders", "identities", "downloads",
)  # fmt: skip
"""All of ours. The first comes first in most changes, too: so nobody waits for the other for ever.
"""

DEFAULT_PORT = 5432

# Others may read, and no more than that.
_LOCK = sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(sql.SQL(", ").join(map(quoted, TABLES)))
_REFUSE = sql.SQL(
    "CREATE TRIGGER {name} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change({sentence})"
)
_ALLOW = sql.SQL("DROP TRIGGER {name} ON {table}")
_MOVED = f"SELECT place, at FROM {MOVED_BY}"


class Moving:
    """Says of one schema that its queue is elsewhere."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def location(self) -> str:
        """The names of schema and database, and of the machine if it is another one."""
        schema = self._database.address.schema
        database, host, port = self._database.outside(_connected_to)
        return name_of(schema, database, host, port)

    @contextmanager
    def fence(self) -> Iterator[Leave]:
        """Let nobody change anything until the block ends; nor afterwards, if it was left."""
        with closing(self._database.address.connect()) as connection:
            try:
                connection.execute("SET idle_in_transaction_session_timeout = 0")
                with connection.transaction():
                    connection.execute(_LOCK)
                    if (before := _move(connection)) is not None:
                        raise before.error()
                    yield lambda move: _mark(connection, move)
            except psycopg.Error as error:
                raise told(error) from error

    def moved(self) -> Move | None:
        """Where the queue was moved to; None: it is here."""
        return self._database.outside(_move)

    def reopen(self) -> Move | None:
        """Let everything be changed again; where the queue was."""
        return self._database.transact(_reopen)


def _connected_to(connection: Connected) -> tuple[str, str, int]:
    return connection.info.dbname, connection.info.host, connection.info.port


def _mark(connection: Connected, move: Move) -> None:
    values = (move.to, to_millis(move.at))
    try:
        connection.execute(f"INSERT INTO {MOVED_BY} VALUES (%s, %s)", values)
        for table in TABLES:
            refuse = _REFUSE.format(
                name=quoted(MOVED_BY), table=quoted(table), sentence=sql.Literal(move.sentence)
            )
            connection.execute(refuse, prepare=False)
    except psycopg.Error as error:
        raise told(error) from error


def _reopen(connection: Connected) -> Move | None:
    move = _move(connection)
    if move is not None:
        for table in TABLES:
            allow = _ALLOW.format(name=quoted(MOVED_BY), table=quoted(table))
            connection.execute(allow, prepare=False)
        connection.execute(f"DELETE FROM {MOVED_BY}")
    return move


def _move(connection: Connected) -> Move | None:
    row = connection.execute(_MOVED).fetchone()
    return Move(to=row[0], at=from_millis(row[1])) if row else None


def name_of(schema: str, database: str, host: str, port: int) -> str:
    """What the schema is called among people: nothing of it is secret."""
    named = f"the schema {schema!r} of the PostgreSQL database {database!r}"
    # A socket is a path, and on this machine.
    if not host or host.startswith(("/", "@")):
        return named
    return f"{named} at {host}" + (f", port {port}" if port != DEFAULT_PORT else "")
