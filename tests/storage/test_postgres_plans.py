"""No list is sorted and no table is scanned, however long the queue is."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Cursor, RawCursor
from tests.storage.real_postgres import Schemas

from stablequeue_core.jobs import Candidate, Line
from stablequeue_core.storage.postgres import PostgresStorage
from stablequeue_core.storage.postgres import job_queries as queries
from stablequeue_core.storage.postgres import line_queries as line
from stablequeue_core.storage.postgres.connecting import Connected
from stablequeue_core.storage.postgres.database import Row
from stablequeue_core.storage.postgres.job_change import JobChange
from stablequeue_core.testing.contracts.samples import claim, completed, given_back, pending
from stablequeue_core.testing.race import begin

MANY = 3000


@pytest.fixture
def storage(schemas: Schemas) -> Iterator[PostgresStorage]:
    """A long queue of which the database knows no statistics yet."""
    with PostgresStorage(schemas.url, schema=schemas.new()) as storage:
        storage.jobs.add(
            [pending(target=f"s{n % 50}", checkpoint=f"c{n % 12}") for n in range(MANY)]
        )
        yield storage


def plan(storage: PostgresStorage, query: str, values: Any) -> str:
    """How a question is answered, and how many rows were read for it."""
    cursor = RawCursor if "$1" in query else Cursor

    def look(connection: Connected) -> list[Row]:
        return cursor(connection).execute(f"EXPLAIN (ANALYZE) {query}", values).fetchall()

    return "\n".join(line for (line,) in storage.database.outside(look))


def test_pages_are_read_in_the_order_of_an_index_and_no_further(storage: PostgresStorage) -> None:
    for newest_first in (True, False):
        for status in (None, "pending"):
            values = {"limit": 50, "offset": 100, "status": status}
            select = queries.page(newest_first=newest_first, of_status=status is not None)
            shown = plan(storage, select, values)
            assert "jobs_listed" in shown
            assert not re.search(rf"rows=({MANY}|{MANY - 1})\b", shown), shown


def test_a_line_is_read_in_the_order_of_an_index_and_no_further(storage: PostgresStorage) -> None:
    """Of those that name no checkpoint, too."""
    storage.jobs.add([pending(target="auto") for _ in range(MANY)])
    values = {
        "target0": "auto", "target1": "s1", "now": 2**50, "priority": 0,
        "checkpoint": "c1", "limit": 8, "offset": 0,
    }  # fmt: skip
    for select in (
        line.in_order(2),
        line.of_checkpoint(2, True),
        line.of_checkpoint(2, False),
        line.backlogs(2),
    ):
        check_few_are_read(plan(storage, select, values))
    check_few_are_read(plan(storage, line.beginning(2), (2**50, "auto", "s1")))


def check_few_are_read(shown: str) -> None:
    assert not re.search(r"rows=\d{3,}\.", shown), shown
    assert "Seq Scan on jobs" not in shown


def test_what_is_asked_often_uses_its_index(storage: PostgresStorage) -> None:
    standing = {"target": "s1", "priority": 0, "place": 5, "number": 5, "due_by": 0}
    asked: dict[str, tuple[str, Any]] = {
        "jobs_with_a_time": (queries.NEXT_DUE, (["s1", "auto"],)),
        "jobs_unsupplied": (queries.WAITING, ()),
        "jobs_in_parts": (queries.IN_PARTS, ()),
        "jobs_that_are_parts": (queries.PARTS_OF, ("a",)),
        "jobs_aside": (queries.OPEN_ON, {"target": "s1"}),
        "jobs_ended": (queries.WORN_OUT, {"limit": 10}),
        "jobs_in_turn": (queries.PLACES, {"priority": 0, "client_id": "Ann"}),
        "Index Scan using jobs_": (queries.POSITION, standing),
    }
    for index, (select, values) in asked.items():
        shown = plan(storage, select, values)
        assert index in shown
        assert "Seq Scan on jobs" not in shown


def test_a_job_is_changed_by_its_indexes(storage: PostgresStorage) -> None:
    """What it was before, which the counters need, is looked up as the job itself is."""
    job = claim(storage, targets=("s1",))
    assert job is not None
    change = JobChange(storage.database, *completed(job))
    shown = plan(storage, queries.UPDATE, change.values)
    assert shown.count("Index Scan using jobs_") == 2
    assert "Seq Scan on jobs" not in shown


def test_one_job_ends_and_the_next_begins_by_their_indexes(storage: PostgresStorage) -> None:
    job, other = claim(storage, targets=("s1",)), claim(storage, targets=("s2",))
    assert job is not None
    assert other is not None
    ended = JobChange(storage.database, *completed(job))
    begun = JobChange(storage.database, *begin(storage.jobs.replace(*given_back(other))))
    values = (
        *begun.expected, *ended.expected, *ended.columns, *begun.columns, *ended.told, *begun.told
    )  # fmt: skip
    shown = plan(storage, queries.FINISH_AND_CLAIM, values)
    assert shown.count("Index Scan using jobs_") == 4
    assert "Seq Scan on jobs" not in shown


def test_a_claim_takes_no_longer_because_the_queue_is_long(storage: PostgresStorage) -> None:
    """By far: a scan of everything for each look would take minutes here."""

    def by_checkpoint(line: Line) -> Candidate | None:
        first = next(line.in_order())
        assert len(line.backlogs(first.priority)) == 6
        return next(line.of_checkpoint(first.checkpoint, first.priority))

    began = time.monotonic()
    for _ in range(100):
        job = claim(storage, targets=("s1", "s3", "auto"), choose=by_checkpoint)
        assert job is not None
        storage.jobs.replace(*completed(job))
    assert time.monotonic() - began < 30


def test_no_statement_is_compiled_whatever_its_plan_seems_to_cost(storage: PostgresStorage) -> None:
    """Where steps are switched off, older servers take what is left for so dear that it pays."""
    assert storage.database.fetch("SHOW jit") == [("off",)]
