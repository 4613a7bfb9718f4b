"""However long the queue is: nothing is sorted that is asked for often, and no table is scanned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from stablequeue_core.jobs import JobStatus
from stablequeue_core.storage.sqlite import SqliteStorage, line_queries, queries

Plan = Callable[..., str]

ASKED = {
    "target0": "Laptop",
    "target1": "auto",
    "target2": "auto:studio",
    "target": "Laptop",
    "priority": 0,
    "checkpoint": "sd.safetensors",
    "now": 0,
    "client_id": None,
    "place": 1,
    "number": 1,
}


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    """What SQLite means to do for a query."""
    with SqliteStorage(tmp_path / "queue.db") as storage, storage.database.read() as connection:

        def ask(query: str, values: Mapping[str, Any] | tuple[Any, ...] = ASKED) -> str:
            rows = connection.execute(f"EXPLAIN QUERY PLAN {query}", values).fetchall()
            return "\n".join(row[3] for row in rows)

        yield ask


def test_the_line_of_several_targets_is_merged_and_never_sorted(plan: Plan) -> None:
    found = plan(line_queries.in_order(3))
    assert found.count("MERGE") == 2
    assert found.count("SEARCH jobs USING INDEX jobs_to_claim (target=?)") == 3
    assert_reads_little(found)


def test_the_jobs_of_a_checkpoint_are_merged_and_never_sorted(plan: Plan) -> None:
    found = plan(line_queries.of_checkpoint(3))
    by_checkpoint = "jobs_by_checkpoint (target=? AND priority=? AND checkpoint=?)"
    assert found.count(by_checkpoint) == 3
    assert_reads_little(found)


def test_backlogs_are_found_step_by_step_in_an_index(plan: Plan) -> None:
    found = plan(line_queries.BACKLOGS)
    assert "jobs_by_checkpoint (target=? AND priority=? AND checkpoint>?)" in found
    assert found.count("jobs_by_checkpoint (target=? AND priority=? AND checkpoint=?)") == 2
    assert_reads_little(found)


def test_whoever_looks_in_vain_looks_into_two_indices(plan: Plan) -> None:
    found = plan(line_queries.anything_due(3))
    assert "jobs_to_claim (target=?)" in found
    assert "jobs_with_a_time (target=? AND ready=? AND not_before<?)" in found
    assert "jobs_with_a_time (target=? AND ready=?" in plan(line_queries.make_ready(3))
    assert "jobs_with_a_time (target=? AND ready=?" in plan(queries.NEXT_DUE, (0, "Laptop"))
    assert_reads_little(found)


def test_lists_are_counted_off_in_an_index(plan: Plan) -> None:
    for newest_first in (True, False):
        everything = plan(queries.page(newest_first=newest_first, status=None), (50, 0))
        covered = "COVERING INDEX jobs_listed (status=? AND part_of=?)"
        assert everything.count(covered) == len(JobStatus)
        failed = plan(queries.page(newest_first=newest_first, status=JobStatus.FAILED), (50, 0))
        assert failed.count(covered) == 1


@pytest.mark.parametrize(
    ("query", "values"),
    [
        (queries.POSITION, {"id": "a", "now": 0}),
        (queries.OPEN_ON, ASKED),
        (queries.PARTS_OF, ("a",)),
        (queries.NUMBERS_OF_PARTS, ("a",)),
        (queries.FAIR_TURN, ASKED),
        (queries.MOVE_TO_FRONT, ("a", 1)),
        (queries.COUNT_ENDED_BEFORE, (0, 9)),
        (queries.PROCESSING, ()),
    ],
)
def test_no_table_is_scanned(plan: Plan, query: str, values: Any) -> None:
    assert "SCAN jobs" not in plan(query, values)


@pytest.mark.parametrize("query", [queries.WAITING, queries.IN_PARTS, queries.ENDED_FIRST])
def test_who_is_scanned_is_in_an_index_of_his_own(plan: Plan, query: str) -> None:
    found = plan(query, (9,) if query is queries.ENDED_FIRST else ())
    assert "jobs USING INDEX jobs_" in found


def assert_reads_little(plan: str) -> None:
    assert "SCAN jobs" not in plan
    assert "TEMP B-TREE" not in plan
