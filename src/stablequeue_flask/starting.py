"""What a process that runs jobs, or takes them, says at its start: for which queue, and where."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from stablequeue_core import StableQueue
from stablequeue_core.assembly.storages import DATABASE
from stablequeue_core.quantities import count_text
from stablequeue_flask.opening import DATA_DIR
from stablequeue_flask.plain_text import printable


def new_place(data_dir: Path, database_url: str | None) -> str | None:
    """A sentence where a queue begins in a folder now; None where it goes on. Ask before opening.

    A mistyped folder looks like a queue that has lost its jobs.
    """
    folder, name = os.path.expanduser(data_dir), printable(str(data_dir))
    if not os.path.exists(folder):
        return f"The folder {name} is new."
    if database_url is None and not os.path.exists(os.path.join(folder, DATABASE)):
        return f"There was no queue in the folder {name} yet; a new one begins there."
    return None


def start_lines(
    queue: StableQueue, data_dir: Path, new: str | None, *, dispatch: bool
) -> Iterator[str]:
    """Whose jobs are run, and on how many servers.

    Args:
        queue: open.
        data_dir: as its user called it.
        new: what :func:`new_place` has said of it.
        dispatch: whether this process runs jobs.
    """
    if new is not None:
        yield new
    servers = [server for server in queue.servers.list() if server.enabled]
    paused = sum(server.paused for server in servers)
    rest = f", {paused:,} of them paused" if paused else ""
    place = place_of(data_dir, queue.settings.database_url)
    yield f"It works for {place}, with {count_text(len(servers), 'server')}{rest}."
    if not dispatch:
        yield "It runs no jobs itself; `stablequeue work` does."
    if not servers:
        yield no_server(data_dir, queue.settings.database_url)


def no_server(data_dir: Path, database_url: str | None) -> str:
    """What to do where there is none; the command finds the same folder again."""
    where = folder_words(data_dir, database_url)
    return printable(
        f"There is no server yet. Add one with `stablequeue servers add ALIAS URL{where}`."
    )


def folder_words(data_dir: Path, database_url: str | None) -> str:
    """What a command needs behind it to find the same queue again; nothing where it does so."""
    is_found = database_url is not None or data_dir == DATA_DIR
    return "" if is_found else f" --data-dir {shlex.quote(str(data_dir))}"


def place_of(data_dir: Path, database_url: str | None) -> str:
    """Where a queue is remembered, for people: nothing of it is secret."""
    if database_url is None:
        return f"the queue in the folder {printable(str(data_dir))}"
    # It is the one that has connected, so that both see the same in an address.
    from psycopg.conninfo import conninfo_to_dict

    given = conninfo_to_dict(database_url)
    name, host = given.get("dbname"), str(given.get("host") or "")
    called = f" {name}" if name else ""
    at = f" on {host}" if host and not host.startswith("/") else ""
    return printable(f"the queue in the database{called}{at}")
