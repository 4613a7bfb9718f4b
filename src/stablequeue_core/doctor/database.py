"""Whether what remembers the queue is well."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from stablequeue_core.doctor.diagnosis import Finding, ok, problem, warning
from stablequeue_core.doctor.postgres_server import look_at_server
from stablequeue_core.doctor.premises import Premises
from stablequeue_core.doctor.sqlite_file import SqliteFile, look_at, try_to_write
from stablequeue_core.errors import StableQueueError, StorageBusy, StorageError
from stablequeue_core.quantities import size_text
from stablequeue_core.storage import Storage
from stablequeue_core.storage.sqlite import schema

SUBJECT = "database"

MUCH_FREE = 100 * 1024 * 1024
SLOW = 0.025
"""Seconds; every job takes several questions to the database."""

_LOOKS = 5


def check_database(premises: Premises) -> Iterator[Finding]:
    """The file, its schema, whether it can be written, and everything in it."""
    if premises.refusal is not None:
        yield problem(SUBJECT, *_told(premises.refusal))
        return
    if premises.uses_file:
        yield from _of_file(premises.file)
    elif premises.settings.database_url is not None:
        yield from _of_server(premises.settings.database_url)
    if premises.storage is not None:
        yield from _of_contents(premises.storage)


def _of_file(path: Path) -> Iterator[Finding]:
    if not path.exists():
        yield warning(
            SUBJECT,
            "There is no database in the data folder.",
            "If there should be one, check --data-dir; otherwise it is made by the first start.",
        )
        return
    try:
        file = look_at(path)
    except StorageError as error:
        yield problem(SUBJECT, *_told(error))
        return
    if not file.is_current:
        yield _outdated(file.version, schema.VERSION)
        return
    yield ok(
        SUBJECT,
        f"SQLite, {size_text(file.size)}, {size_text(file.free)} of it unused; write-ahead log "
        f"{size_text(file.log)}; schema version {file.version}.",
    )
    yield from _of_room(file)
    try:
        try_to_write(path)
    except StorageBusy:
        yield warning(
            SUBJECT,
            "Another process has been writing for several seconds, and holds up all others.",
            "Look for a StableQueue that hangs, or for a program that has the file open.",
        )
    except StorageError as error:
        yield problem(SUBJECT, *_told(error))


def _of_server(database_url: str) -> Iterator[Finding]:
    try:
        server = look_at_server(database_url)
    except StorageError as error:
        yield problem(SUBJECT, *_told(error))
        return
    if server.is_current:
        yield ok(SUBJECT, f"PostgreSQL {server.name}, schema version {server.version}.")
    elif server.version:
        yield _outdated(server.version, server.known)
    else:
        yield warning(
            SUBJECT,
            f"PostgreSQL {server.name} can be reached, but holds no queue.",
            "If there should be one, check the address; otherwise it is made by the first start.",
        )


def _outdated(found: int, known: int) -> Finding:
    return warning(
        SUBJECT,
        f"Its schema has version {found}; this program uses {known}. Jobs and servers were not "
        "looked at.",
        "The next start brings it up to date; an older StableQueue cannot read it afterwards, so "
        "make a copy first.",
    )


def _of_room(file: SqliteFile) -> Iterator[Finding]:
    if file.free > MUCH_FREE and file.free > file.size / 2:
        yield warning(
            SUBJECT,
            f"{size_text(file.free)} of it are not used any more.",
            "`stablequeue tidy` gives them back; so does, little by little, a process that runs "
            "jobs.",
        )


def _of_contents(storage: Storage) -> Iterator[Finding]:
    try:
        if (move := storage.moved()) is not None:
            yield problem(SUBJECT, *_told(move.error()))
            return
        seconds = _answer_time(storage)
        complaints = storage.examine()
    except StorageError as error:
        yield problem(SUBJECT, *_told(error))
        return
    for sentence in complaints:
        yield problem(SUBJECT, *_split(sentence))
    if not complaints:
        yield ok(SUBJECT, f"Everything in it is sound. It answers in {seconds * 1000:.1f} ms.")
    if seconds > SLOW:
        yield warning(
            SUBJECT,
            f"It takes {seconds * 1000:.0f} ms to answer.",
            "Let the processes that run jobs be near the database: each job asks it several times.",
        )


def _answer_time(storage: Storage) -> float:
    """Seconds for one small question."""

    def one() -> float:
        started = time.perf_counter()
        storage.jobs.paused()
        return time.perf_counter() - started

    one()  # The first may have to connect.
    return median(one() for _ in range(_LOOKS))


def _told(error: StableQueueError) -> tuple[str, str]:
    return _split(error.message)


def _split(text: str) -> tuple[str, str]:
    """Storages say in one sentence what is wrong, and then what to do."""
    what, dot, advice = text.partition(". ")
    return what + dot.strip(), advice or "See the log of the processes that use it."
