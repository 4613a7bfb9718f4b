"""The bundle: every store over one schema of a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from stablequeue_core.errors import ExtraMissing
from stablequeue_core.storage.base import ProcessLock, Storage
from stablequeue_core.storage.chunks import Chunk
from stablequeue_core.storage.moves import Fence, Move

if TYPE_CHECKING:
    from stablequeue_core.storage.postgres.database import Database

EXTRA = "postgres"
"""What installs psycopg: ``pip install 'stablequeue[postgres]'``."""


class PostgresStorage(Storage):
    """Remembers everything in one schema of a PostgreSQL; any number of processes may open it.

    It wants connections of its own to the server itself, or through a pooler that keeps one
    connection for each session: it listens, and holds locks, for as long as it is open.

    Args:
        database_url: ``postgresql://user:password@host:5432/database``.
        schema: holds the tables, and nobody else's; it is made when there is none. Two queues in
            one database have two schemas.

    Attributes:
        database: the connections, for stores of other things in the same schema.

    Raises:
        ExtraMissing: psycopg is not installed.
        StorageUnreachable: the server does not answer, or does not let us in.
        StorageTooNew: a newer version of this program wrote the schema.
        StorageCorrupt: the schema is another program's.

    Example::

        with PostgresStorage("postgresql://forge@db.studio/queue") as storage:
            print(storage.jobs.counts())
    """

    database: Database

    def __init__(self, database_url: str, *, schema: str = "stablequeue") -> None:
        _require_psycopg()
        # Only now: whoever imports this has no need of psycopg yet.
        from stablequeue_core.storage.postgres.opening import opened

        parts = opened(database_url, schema)
        self._parts = parts
        self.database = parts.database
        self.clock = parts.clock
        self.work, self.changes = parts.listener.bells.work, parts.listener.bells.changes
        self.jobs = parts.jobs
        self.servers = parts.servers
        self.models = parts.models
        self.identities = parts.identities
        self.downloads = parts.downloads
        self.costs = parts.costs
        self.reports = parts.reports
        self.events = parts.events

    def lane_lock(self, lane: str) -> ProcessLock:
        """A lock for whoever sends jobs to the server with this lane; not yet taken."""
        return self._parts.locks.lock(f"lane {lane}")

    def fetching_lock(self) -> ProcessLock:
        """A lock for whoever fetches the downloads; not yet taken."""
        return self._parts.locks.lock("fetching")

    def tidying_lock(self) -> ProcessLock:
        """A lock for whoever removes what need not be kept any more; not yet taken."""
        return self._parts.locks.lock("tidying")

    def examine(self) -> Sequence[str]:
        """What is wrong with the database, in sentences that say what to do; none: it is well."""
        return self._parts.upkeep.examine()

    def shrink(self) -> int:
        """Give a little of the room back that removed things took: one table at a time.

        PostgreSQL uses such room again by itself (autovacuum); this makes it do so now, and gives
        back to the disk what lies at the end of a table.
        """
        return self._parts.upkeep.shrink()

    def dump(self) -> Iterator[Chunk]:
        """Everything that is remembered, in pieces of bounded size, as it was in one moment."""
        return self._parts.copying.dump()

    def restore(self, chunks: Iterable[Chunk]) -> None:
        """Remember all that another storage has dumped: all of it or nothing."""
        self._parts.copying.restore(chunks)
        self._parts.listener.bells.ring(for_work=True)

    def location(self) -> str:
        """The names of the schema, of the database, and of the machine if it is another one."""
        return self._parts.moving.location()

    def fence(self) -> Fence:
        """Let nobody change anything for as long as a block lasts, in whatever process."""
        return self._parts.moving.fence()

    def moved(self) -> Move | None:
        """Where the queue was moved to; None: it is here."""
        return self._parts.moving.moved()

    def reopen(self) -> Move | None:
        """Let the queue go on here, though it was moved; where it was."""
        return self._parts.moving.reopen()

    def close(self) -> None:
        """Let go of every connection, and of the locks; safe to call again."""
        self._parts.close()


def _require_psycopg() -> None:
    try:
        import psycopg  # noqa: F401
        import psycopg_pool  # noqa: F401
    except ImportError as error:
        raise ExtraMissing(EXTRA) from error
