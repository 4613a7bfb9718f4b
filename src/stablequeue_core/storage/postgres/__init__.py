"""A storage in a PostgreSQL database, for many processes on many machines; wants an extra."""

from stablequeue_core.storage.postgres.storage import PostgresStorage

__all__ = ["PostgresStorage"]
