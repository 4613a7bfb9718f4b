"""A job whose record is damaged is named, and stands in nobody's way."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.storage.real_postgres import Schemas

from stablequeue_core.errors import StorageCorrupt
from stablequeue_core.jobs import Job, JobQuery
from stablequeue_core.storage import Storage
from stablequeue_core.storage.copying import copy
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.storage.postgres import PostgresStorage
from stablequeue_core.storage.rows.leaving_out import MOST_NAMED
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.contracts.samples import (
    add,
    cancelled,
    changed,
    claim,
    claimed,
    finish,
    in_line,
    pending,
)


@pytest.fixture(params=["sqlite", "postgres"])
def storage(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[SqliteStorage | PostgresStorage]:
    if request.param == "sqlite":
        with SqliteStorage(tmp_path / "queue.db") as in_a_file:
            yield in_a_file
    else:
        schemas: Schemas = request.getfixturevalue("schemas")
        with PostgresStorage(schemas.url, schema=schemas.of(tmp_path)) as on_a_server:
            yield on_a_server


Damaging = Callable[[str], None]


@pytest.fixture
def do(storage: SqliteStorage | PostgresStorage) -> Damaging:
    """What another program does to the database."""

    def in_file(statement: str) -> None:
        assert isinstance(storage, SqliteStorage)
        with storage.database.write() as connection:
            connection.execute(statement)

    def on_server(statement: str) -> None:
        assert isinstance(storage, PostgresStorage)
        storage.database.transact(lambda connection: connection.execute(statement).rowcount)

    return in_file if isinstance(storage, SqliteStorage) else on_server


DAMAGES = {
    "no JSON": "params = '{nope'",
    "JSON that is no object": "params = '[1]'",
    "a status that there is not": "status = 'flying'",
    "a ledger that is none": """attempts = '[{"number": "one"}]'""",
    "a failure that is none": "failure = '3'",
    "requirements that are none": """requirements = '{"wings": 2}'""",
    "a time that no calendar has": "created_at = 9000000000000000000",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_job_that_cannot_be_read_is_named_with_what_to_do(
    storage: Storage, do: Damaging, damage: str
) -> None:
    job, other = add(storage, pending(), pending())
    do(f"UPDATE jobs SET {DAMAGES[damage]} WHERE id = '{job.id}'")
    with pytest.raises(StorageCorrupt, match="backup") as caught:
        storage.jobs.get(job.id)
    assert job.id in caught.value.message
    assert caught.value.details == {"job_id": job.id}
    assert storage.jobs.get(other.id) == other


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_jobs_behind_one_that_cannot_be_read_run(
    storage: Storage, do: Damaging, damage: str
) -> None:
    first, second, third = add(storage, *(pending(target="auto") for _ in range(3)))
    do(f"UPDATE jobs SET {DAMAGES[damage]} WHERE id = '{first.id}'")
    assert [claimed(storage).id for _ in range(2)] == [second.id, third.id]
    assert claim(storage) is None
    assert [job.id for job in storage.jobs.processing()] == [second.id, third.id]


def test_the_end_of_a_job_is_kept_though_the_next_in_line_cannot_be_read(
    storage: Storage, do: Damaging
) -> None:
    """And the one behind that follows."""
    _, broken, good = add(storage, *(pending() for _ in range(3)))
    running = claimed(storage)
    do(f"UPDATE jobs SET params = '{{nope' WHERE id = '{broken.id}'")
    ended, begun = finish(storage, running)
    assert begun is not None
    assert (ended.id, begun.id) == (running.id, good.id)
    assert [storage.jobs.get(job.id) for job in (ended, begun)] == [ended, begun]


def test_one_that_cannot_be_read_may_stand_anywhere_in_the_line(
    storage: Storage, do: Damaging
) -> None:
    jobs = add(storage, *(pending(target="auto") for _ in range(40)))
    for job in jobs[1::2]:
        do(f"UPDATE jobs SET params = '{{nope', requirements = '{{' WHERE id = '{job.id}'")
    good = [job.id for job in jobs[::2]]
    # Who chooses is asked again after each that is met for the first time.
    in_line(storage)
    assert [candidate.id for candidate in in_line(storage)] == good
    assert [claimed(storage).id for _ in good] == good
    assert claim(storage) is None


def test_the_log_tells_once_of_a_job_that_is_left_out(
    storage: Storage, do: Damaging, caplog: pytest.LogCaptureFixture
) -> None:
    job, *_ = add(storage, pending(), pending())
    do(f"UPDATE jobs SET params = '{{nope' WHERE id = '{job.id}'")
    with caplog.at_level(logging.INFO):
        for _ in range(4):
            claim(storage)
    (line,) = [record for record in caplog.records if job.id in record.getMessage()]
    assert line.levelno == logging.ERROR
    assert line.exc_info is None


def test_whoever_looks_for_work_passes_over_what_cannot_be_read(
    storage: Storage, do: Damaging
) -> None:
    """Recovery, downloads that came, parts to be joined, and what may be forgotten."""
    waiting, running, ended, parted = (
        add(storage, *two)
        for two in (
            [pending(waits_for=("download",)) for _ in range(2)],
            [pending() for _ in range(2)],
            [pending(held=True) for _ in range(2)],
            [pending(parts=("part",)) for _ in range(2)],
        )
    )
    for _ in running:
        claimed(storage)
    for job in ended:
        changed(storage, job, cancelled)
    for bad, _ in (waiting, running, ended, parted):
        do(f"UPDATE jobs SET params = '{{nope' WHERE id = '{bad.id}'")
    jobs = storage.jobs
    assert _ids(jobs.waiting()) == [waiting[1].id]
    assert _ids(jobs.processing()) == [running[1].id]
    assert _ids(jobs.worn_out(ended_before=None, keep=0, limit=9)) == [ended[1].id]
    assert _ids(jobs.in_parts()) == [parted[1].id]


def test_an_examination_names_what_cannot_be_read_and_how_to_be_rid_of_it(
    storage: Storage, do: Damaging
) -> None:
    bad, good, ended = add(storage, pending(), pending(), pending(held=True))
    changed(storage, ended, cancelled)
    for job in (bad, ended):
        do(f"UPDATE jobs SET params = '{{nope' WHERE id = '{job.id}'")
    found = storage.examine()
    assert len(found) == 2
    for job, sentence in zip((bad, ended), found, strict=True):
        assert job.id in sentence
        statement = re.search(r"DELETE FROM jobs WHERE number = \d+", sentence)
        assert statement
        do(statement[0])
    assert list(storage.examine()) == []
    assert storage.jobs.list(JobQuery()).jobs == (good,)
    assert claimed(storage).id == good.id


def test_an_examination_of_many_is_not_endless(storage: Storage, do: Damaging) -> None:
    add(storage, *(pending() for _ in range(MOST_NAMED + 3)))
    do("UPDATE jobs SET params = '{nope'")
    *named, last = storage.examine()
    assert len(named) == MOST_NAMED
    assert "3 more" in last


def test_a_queue_with_a_job_that_cannot_be_read_is_not_copied(
    storage: Storage, do: Damaging
) -> None:
    (job,) = add(storage, pending())
    do("UPDATE jobs SET params = '{nope'")
    with MemoryStorage() as target:
        with pytest.raises(StorageCorrupt, match=job.id):
            copy(storage, target)
        assert target.jobs.list(JobQuery()).total == 0


def _ids(jobs: Sequence[Job]) -> list[str]:
    return [job.id for job in jobs]
