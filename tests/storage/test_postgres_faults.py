"""What goes wrong on the way to a PostgreSQL costs nothing that was kept, and doubles nothing."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from typing import TypeVar

import psycopg
import pytest
from psycopg import sql
from tests.storage.cut_line import CutLine
from tests.storage.real_postgres import RealPostgres, Schemas
from tests.waiting import until

from stablequeue_core.errors import StaleJob, StorageReadOnly, StorageUnreachable
from stablequeue_core.events import EventKind
from stablequeue_core.jobs import Candidate, IdempotencyKey, Job, JobQuery, JobStatus, Line
from stablequeue_core.storage import Storage
from stablequeue_core.storage.postgres import PostgresStorage
from stablequeue_core.testing.contracts.samples import (
    add,
    cancelled,
    changed,
    claim,
    claimed,
    completed,
    deleted,
    finish,
    laptop,
    model,
    pending,
    save,
    server_event,
)

Kept = TypeVar("Kept")

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="the line is cut at a socket of POSIX systems"
)

OURS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'stablequeue'"


@pytest.fixture
def line(schemas: Schemas) -> Iterator[CutLine]:
    with CutLine(schemas.url) as line:
        yield line


@pytest.fixture
def storage(line: CutLine, schemas: Schemas) -> Iterator[PostgresStorage]:
    """A storage at the other end of the line, warmed up: its statements are prepared."""
    with PostgresStorage(line.url, schema=schemas.new()) as storage:
        add(storage, pending())
        changed(storage, claimed(storage), completed)
        yield storage


def test_every_call_works_again_after_all_connections_were_cut(
    storage: PostgresStorage, schemas: Schemas
) -> None:
    """Without a word: it is noticed before anything is sent."""
    schemas.cut(OURS)
    assert storage.jobs.counts()[JobStatus.COMPLETED] == 1
    schemas.cut(OURS)
    (job,) = add(storage, pending())
    schemas.cut(OURS)
    storage.servers.add(laptop(), server_event())
    schemas.cut(OURS)
    save(storage, model())
    schemas.cut(OURS)
    running = claimed(storage)
    assert running.id == job.id
    schemas.cut(OURS)
    changed(storage, running, completed)
    assert storage.jobs.counts()[JobStatus.COMPLETED] == 2


def one(storage: Storage) -> list[Job]:
    return add(storage, pending(id="new"))


def several(storage: Storage) -> list[Job]:
    key = IdempotencyKey(key="k", digest="d")
    return list(storage.jobs.add([pending(id="new"), pending(id="newer")], key))


ADDING: dict[str, tuple[Callable[[Storage], list[Job]], bytes]] = {
    "one job": (one, b"job.submitted"),
    "several jobs": (several, b"COMMIT"),
}


@pytest.mark.parametrize("what", ADDING)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_job_whose_acceptance_was_cut_off_is_accepted_once(
    storage: PostgresStorage, line: CutLine, what: str, when: str
) -> None:
    """Whether the server had done it or not is found out."""
    do, question = ADDING[what]
    (line.cut_before if when == "before" else line.cut_after)(question)
    kept = do(storage)
    assert line.was_cut
    assert [storage.jobs.get(job.id) for job in kept] == kept
    assert storage.jobs.list(JobQuery()).total == 1 + len(kept)
    assert [event.sequence for event in storage.events.read()] == list(range(1, 4 + len(kept)))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_job_whose_claim_was_cut_off_is_claimed_once(
    storage: PostgresStorage, line: CutLine, when: str
) -> None:
    """By whoever asked for it: nobody else has it, and it is not lost."""
    (job,) = add(storage, pending())
    (line.cut_before if when == "before" else line.cut_after)(b"job.started")
    running = claimed(storage)
    assert line.was_cut
    assert running.id == job.id
    assert storage.jobs.get(job.id) == running
    assert [event.kind for event in storage.events.read()].count(EventKind.JOB_STARTED) == 2


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_result_whose_answer_was_cut_off_is_kept_once(
    storage: PostgresStorage, line: CutLine, when: str
) -> None:
    add(storage, pending())
    running = claimed(storage)
    (line.cut_before if when == "before" else line.cut_after)(b"job.completed")
    done = changed(storage, running, completed)
    assert line.was_cut
    assert storage.jobs.get(done.id) == done
    assert storage.jobs.counts()[JobStatus.COMPLETED] == 2


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_result_and_the_next_claim_whose_answer_was_cut_off_are_kept_once(
    storage: PostgresStorage, line: CutLine, when: str
) -> None:
    add(storage, pending(), pending())
    running = claimed(storage)
    (line.cut_before if when == "before" else line.cut_after)(b"job.completed")
    ended, begun = finish(storage, running)
    assert line.was_cut
    assert begun is not None
    assert [storage.jobs.get(job.id) for job in (ended, begun)] == [ended, begun]
    assert storage.jobs.counts()[JobStatus.COMPLETED] == 2
    assert [event.sequence for event in storage.events.read()] == list(range(1, 9))


def test_a_result_is_kept_though_the_next_job_went_to_another_process_meanwhile(
    storage: PostgresStorage, line: CutLine, postgres: RealPostgres
) -> None:
    """And whoever is faster is not waited for."""
    add(storage, pending(), pending())
    running = claimed(storage)
    with PostgresStorage(postgres.url, schema=storage.database.address.schema) as other:

        def choose_too_late(line: Line) -> Candidate | None:
            chosen = next(line.in_order())
            claimed(other)
            return chosen

        ended, begun = finish(storage, running, choose=choose_too_late)
    assert begun is None
    assert storage.jobs.get(ended.id) == ended
    kinds = [event.kind for event in storage.events.read()]
    assert kinds[-2:] == [EventKind.JOB_STARTED, EventKind.JOB_COMPLETED]


WAITERS = """
    SELECT pid FROM pg_stat_activity
    WHERE application_name = 'stablequeue' AND wait_event_type = 'Lock'
"""
WAITING = f"SELECT count(*) FROM ({WAITERS}) AS _"


class Locker:
    """Somebody who is about to change something, and sees who waits for that."""

    def __init__(self, storage: PostgresStorage, url: str) -> None:
        self._schema = sql.Identifier(storage.database.address.schema)
        self._connection = psycopg.connect(url)
        self._watcher = psycopg.connect(url, autocommit=True)

    def lock(self, table: str, condition: str = "true") -> None:
        """Be about to change these rows."""
        locked = sql.SQL("SELECT 1 FROM {}.{} WHERE " + condition + " FOR UPDATE")
        self._connection.execute(locked.format(self._schema, sql.Identifier(table)))

    def until_waited_for_by(self, count: int) -> None:
        """Wait until so many wait for us, or for one who does."""
        until(lambda: self._watcher.execute(WAITING).fetchone() == (count,))

    def stop_the_last_that_waits(self) -> None:
        """What it is about to do fails, but its connection stays."""
        self._watcher.execute(
            f"SELECT pg_cancel_backend(pid) FROM ({WAITERS} ORDER BY query_start DESC LIMIT 1) AS _"
        )

    def let_go(self) -> None:
        """Leave everything as it is."""
        self._connection.rollback()

    def close(self) -> None:
        self._connection.close()
        self._watcher.close()


@pytest.fixture
def somebody(storage: PostgresStorage, schemas: Schemas) -> Iterator[Locker]:
    with closing(Locker(storage, schemas.url)) as locker:
        yield locker


@contextmanager
def cut_under_way(
    line: CutLine, somebody: Locker, told: bytes, change: Callable[[], Kept]
) -> Iterator[Future[Kept]]:
    """A change whose line is cut while it waits for somebody at the server.

    Args:
        line: to the server.
        somebody: who has locked what is to be changed.
        told: what tells of the change.
        change: makes it.
    """
    line.notice(told)
    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(change)
        somebody.until_waited_for_by(1)
        line.cut_noticed()
        yield changing


def test_a_result_that_was_under_way_when_its_line_was_cut_is_known_to_be_kept_when_it_is(
    storage: PostgresStorage, line: CutLine, somebody: Locker
) -> None:
    """It waited at the server, for somebody else or for a second one that has to confirm."""
    add(storage, pending())
    running = claimed(storage)
    somebody.lock("jobs", f"id = '{running.id}'")
    keep = partial(changed, storage, running, completed)
    with cut_under_way(line, somebody, b"job.completed", keep) as keeping:
        somebody.until_waited_for_by(2)
        somebody.let_go()
        done = keeping.result(30)
    assert storage.jobs.get(done.id) == done


def test_who_fails_to_find_out_what_became_of_a_cut_change_does_not_say_that_it_was_not_kept(
    storage: PostgresStorage, line: CutLine, somebody: Locker
) -> None:
    """It was made again, and that failed; but the first one is still under way."""
    add(storage, pending())
    running = claimed(storage)
    somebody.lock("jobs", f"id = '{running.id}'")
    keep = partial(changed, storage, running, completed)
    with cut_under_way(line, somebody, b"job.completed", keep) as keeping:
        somebody.until_waited_for_by(2)
        somebody.stop_the_last_that_waits()
        with pytest.raises(StorageUnreachable, match="not known whether it was kept"):
            keeping.result(30)
        somebody.let_go()
    until(lambda: storage.jobs.get(running.id).status is JobStatus.COMPLETED)


BEGINNING: dict[str, Callable[[Storage, Job], object]] = {
    "by itself": lambda storage, running: claim(storage),
    "as a follower": finish,
}


@pytest.mark.parametrize("how", BEGINNING)
def test_of_a_claim_that_was_under_way_when_its_line_was_cut_it_is_not_known_whether_it_was_kept(
    storage: PostgresStorage, line: CutLine, somebody: Locker, how: str
) -> None:
    """Made again, it does not wait for what is in its way, be it itself, and finds nothing."""
    _, waiting = add(storage, pending(), pending())
    running = claimed(storage)
    somebody.lock("queue")
    begin = partial(BEGINNING[how], storage, running)
    with cut_under_way(line, somebody, b"job.started", begin) as beginning:
        with pytest.raises(StorageUnreachable, match="not known whether it was kept"):
            beginning.result(30)
        somebody.let_go()
    until(lambda: storage.jobs.get(waiting.id).status is JobStatus.PROCESSING)


def test_who_waits_for_the_end_of_a_job_to_be_kept_keeps_nobody_from_claiming(
    storage: PostgresStorage, somebody: Locker
) -> None:
    """Some other lane of the process, whose server is free."""
    add(storage, pending(), pending(), pending())
    running = claimed(storage)
    somebody.lock("jobs", f"id = '{running.id}'")
    with ThreadPoolExecutor(1) as pool:
        finishing = pool.submit(finish, storage, running)
        somebody.until_waited_for_by(1)
        assert claim(storage) is not None
        somebody.let_go()
        ended, begun = finishing.result(30)
    assert storage.jobs.get(ended.id) == ended
    assert begun is None


def test_the_end_of_a_job_does_not_wait_for_whoever_is_about_to_change_all_that_wait(
    storage: PostgresStorage, somebody: Locker
) -> None:
    """A server that is given another name, say; nor is each of them tried."""
    add(storage, *(pending() for _ in range(20)))
    running = claimed(storage)
    asked: list[int] = []

    def choose(line: Line) -> Candidate | None:
        asked.append(1)
        return next(line.in_order(), None)

    somebody.lock("jobs", "status = 'pending'")
    ended, begun = finish(storage, running, choose=choose)
    assert (storage.jobs.get(ended.id), begun) == (ended, None)
    assert len(asked) < 20
    somebody.let_go()
    assert claim(storage) is not None


def test_who_cannot_know_whether_a_change_was_kept_says_so(
    storage: PostgresStorage, line: CutLine
) -> None:
    """The revision tells whoever looks."""
    (job,) = add(storage, pending())
    line.cut_after(b"COMMIT")
    with pytest.raises(StorageUnreachable, match="not known whether it was kept"):
        deleted(storage, job)
    assert storage.jobs.list(JobQuery()).total == 1


def let_new_sessions_read_only(schemas: Schemas, value: str) -> None:
    """``on`` or ``off``; the server heeds it a moment later."""
    schemas.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    schemas.execute("SELECT pg_reload_conf()")

    def is_set() -> bool:
        with psycopg.connect(schemas.url) as new:
            return new.execute("SHOW default_transaction_read_only").fetchone() == (value,)

    until(is_set)


def test_a_database_that_may_not_be_written_says_so_and_can_be_read(
    storage: PostgresStorage, schemas: Schemas
) -> None:
    """A standby, or one that is being moved."""
    storage.database.transact(lambda connection: None)
    let_new_sessions_read_only(schemas, "on")
    try:
        schemas.cut(OURS)
        with pytest.raises(StorageReadOnly, match="primary"):
            add(storage, pending())
        assert storage.jobs.list(JobQuery()).total == 1
    finally:
        let_new_sessions_read_only(schemas, "off")
        schemas.cut(OURS)
    assert add(storage, pending())


def test_a_change_that_another_made_meanwhile_is_not_mistaken_for_ours(
    storage: PostgresStorage, line: CutLine, postgres: RealPostgres
) -> None:
    """It has the same revision, but another time or another end."""
    (job,) = add(storage, pending())
    with PostgresStorage(postgres.url, schema=storage.database.address.schema) as other:
        line.cut_before(b"job.cancelled")
        theirs = claimed(other)
    with pytest.raises(StaleJob):
        changed(storage, job, cancelled)
    assert line.was_cut
    assert storage.jobs.get(job.id) == theirs
