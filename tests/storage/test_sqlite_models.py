"""How SQLite looks for models: by an index, whatever is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from stablequeue_core.models import ModelKind, ModelQuery
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.storage.sqlite import model_queries as queries
from stablequeue_core.testing.contracts.samples import ROOT, model, save

Plan = Callable[[str, Sequence[object]], str]

LOOKED_UP: dict[str, tuple[Sequence[object], str]] = {
    queries.GET: (["1"], "PRIMARY KEY"),
    queries.IN_FOLDER: ([ROOT, "x"], "models_by_folder (root=? AND folder=?)"),
    queries.OF_FILENAME: (["x.pt"], "models_in_order (name=?)"),
    queries.OF_STEM: (["x"], "models_by_stem (stem=?)"),
    queries.OF_VERSION: ([1], "models_by_version (version_id=?)"),
    queries.LOST: ([1, 1], "models_lost (size=? AND mtime_ns=?)"),
    queries.LOSE: ([ROOT, "x.pt"], "models_by_place (root=? AND path=?)"),
    queries.AT: ([ROOT, "x.pt"], "models_by_place (root=? AND path=?)"),
}
LISTED = {
    "everything": ModelQuery(missing=True),
    "what is there": ModelQuery(),
    "a kind": ModelQuery(kinds=frozenset({ModelKind.LORA})),
    "two roots": ModelQuery(roots=frozenset({ROOT, "/elsewhere"})),
}


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    """What SQLite would do to answer."""
    with SqliteStorage(tmp_path / "queue.db") as storage:
        save(storage, *(model(f"{number}.pt") for number in range(100)))
        database = storage.database

        def planned(select: str, values: Sequence[object]) -> str:
            with database.read() as connection:
                return "\n".join(
                    row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {select}", values)
                )

        yield planned


@pytest.mark.parametrize("select", LOOKED_UP)
def test_a_model_is_looked_up_and_not_searched_for(plan: Plan, select: str) -> None:
    values, index = LOOKED_UP[select]
    assert index in plan(select, values)
    assert "SCAN" not in plan(select, values)


def test_each_kind_of_hash_is_looked_up(plan: Plan) -> None:
    found = plan(queries.OF_HASH.replace(":digest", "'9f90c59f3a'"), [])
    for column in ("sha256", "autov1", "autov3", "told"):
        assert f"models_by_{column} ({column}" in found


@pytest.mark.parametrize("what", LISTED)
def test_a_page_is_counted_off_in_the_order_of_the_list(plan: Plan, what: str) -> None:
    """No list is sorted, and what is not on the page is not read."""
    wanted = queries.filter_of(LISTED[what])
    page = plan(wanted.page(), [*wanted.values, 50, 0])
    assert page == "SCAN models USING INDEX models_in_order"
    count = plan(wanted.count(), wanted.values)
    assert count == "SCAN models USING COVERING INDEX models_in_order"


def test_what_is_to_be_hashed_is_taken_from_the_front(plan: Plan) -> None:
    found = plan(queries.without_hash(2), [ROOT, "/elsewhere", 10])
    assert found == "SCAN models USING INDEX models_to_hash"
