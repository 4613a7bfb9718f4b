"""How one connection is made: whom to ask, how long to wait, what it is set to."""

from __future__ import annotations

import hashlib
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from stablequeue_core.errors import StorageUnreachable
from stablequeue_core.storage.postgres.adapting import adapters
from stablequeue_core.storage.postgres.faults import UNREADABLE, not_let_in, place_of

Connected = Connection[tuple[Any, ...]]

CONNECT_SECONDS = 3
"""A server that is there answers at once."""

UNLESS_GIVEN: dict[str, Any] = {
    "application_name": "stablequeue",
    "connect_timeout": CONNECT_SECONDS,
    # Our side notices a network that was cut within six seconds.
    "keepalives_idle": 3,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 6000,
}
"""What the address of the database may say otherwise."""

SESSION: dict[LiteralString, LiteralString] = {
    # The server's side notices it, too, and frees what a lost machine has locked.
    "tcp_keepalives_idle": "4",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "idle_in_transaction_session_timeout": "60000",
    "lock_timeout": "10000",
    # A change sees what others kept before it; whoever needs one moment says so.
    "default_transaction_isolation": "read committed",
    # The statements are few, and none is quicker for being planned anew. What is known of a queue's
    # tables is always late, so each is made for large ones: by an index, in its order.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "standard_conforming_strings": "on",
    # Before PostgreSQL 18, a step that is off counts as so dear that compiling seems to pay; the
    # table of the queue, which is one row, cannot be read without one.
    "jit": "off",
}
"""What each session is set to, whatever the server is."""

_CONFIGURE = """
    SELECT set_config('search_path', quote_ident(%s), false),
    set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)
"""


class Address:
    """Where the database is, and which schema of it is ours. Its repr shows neither.

    Raises:
        StorageUnreachable: the text is no address.
    """

    def __init__(self, database_url: str, schema: str) -> None:
        self.schema = schema
        try:
            given = conninfo_to_dict(database_url)
        except (psycopg.ProgrammingError, UnicodeEncodeError):
            # Their own words repeat the address, and with it the password.
            raise StorageUnreachable(UNREADABLE) from None
        self._place = place_of(given)
        self.conninfo = make_conninfo(**{**UNLESS_GIVEN, **given, "client_encoding": "UTF8"})

    def connect(self) -> Connected:
        """A connection of one's own, ready to be used.

        Raises:
            StorageUnreachable: none can be had now.
        """
        try:
            connection = psycopg.connect(self.conninfo, **arguments())
        except psycopg.ProgrammingError:
            # A value in the address; psycopg's own words repeat it.
            raise StorageUnreachable(UNREADABLE) from None
        except psycopg.Error as error:
            raise not_let_in(error, self._place) from error
        try:
            self.configure(connection)
        except psycopg.Error as error:
            connection.close()
            raise not_let_in(error, self._place) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def configure(self, connection: Connected) -> None:
        """Set a new connection to our ways."""
        settings = "".join(
            f", set_config('{name}', '{value}', false)" for name, value in SESSION.items()
        )
        connection.execute(_CONFIGURE + settings, (self.schema,), prepare=False)

    def name_of(self, kind: str) -> str:
        """A short name for something of this schema, different for each schema and kind."""
        digest = hashlib.sha256(f"{self.schema}\n{kind}".encode()).hexdigest()[:32]
        return f"stablequeue_{digest}"

    def number_of(self, kind: str) -> int:
        """As :meth:`name_of`: a whole number of 64 bits, as advisory locks have it."""
        digest = hashlib.sha256(f"{self.schema}\n{kind}".encode()).digest()
        return int.from_bytes(digest[:8], signed=True)


def arguments() -> dict[str, Any]:
    """What each connection is made with beside its address."""
    # Each statement is a transaction by itself unless one is begun, and is prepared at first sight.
    return {"autocommit": True, "prepare_threshold": 0, "context": _Context()}


class _Context:
    """Hands our adapters to psycopg."""

    connection = None

    @property
    def adapters(self) -> Any:
        return adapters()


def quoted(name: str) -> sql.Identifier:
    """A name as a part of a statement."""
    return sql.Identifier(name)
