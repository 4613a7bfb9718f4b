"""How SQLite looks for downloads and identities, and what it leaves unread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from stablequeue_core.downloads import DownloadQuery
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.storage.sqlite import download_queries as queries
from stablequeue_core.testing.contracts.download_samples import added, altered, begun, queued

Plan = Callable[[str, Sequence[object]], str]

LOOKED_UP: dict[str, tuple[Sequence[object], str]] = {
    queries.GET: (["a"], "downloads USING INDEX sqlite_autoindex_downloads_1 (id=?)"),
    queries.OPEN_AT: (["/models", "x.pt"], "downloads_open (root=? AND place=?)"),
    queries.WITH_STATUS: (["downloading"], "downloads_by_status (status=?)"),
    queries.NEXT_DUE: ([], "downloads_by_status (status=?)"),
    queries.page(1): (["failed", 50, 0], "downloads_by_status (status=?)"),
    queries.count(2): (["failed", "queued"], "COVERING INDEX downloads_by_status (status=?)"),
}


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    with SqliteStorage(tmp_path / "queue.db") as opened:
        yield opened


@pytest.fixture
def plan(storage: SqliteStorage) -> Plan:
    """What SQLite would do to answer."""

    def planned(select: str, values: Sequence[object]) -> str:
        with storage.database.read() as connection:
            return "\n".join(
                row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {select}", values)
            )

    return planned


@pytest.mark.parametrize("select", LOOKED_UP)
def test_a_download_is_looked_up_and_not_searched_for(plan: Plan, select: str) -> None:
    values, index = LOOKED_UP[select]
    assert index in plan(select, values)
    assert "SCAN" not in plan(select, values)


def test_the_first_to_claim_is_taken_from_the_front(plan: Plan) -> None:
    assert plan(queries.FIRST_DUE, [0]) == "SCAN downloads USING INDEX downloads_to_claim"


def test_what_civitai_answered_is_written_once(storage: SqliteStorage) -> None:
    """It may be long, and a download is changed often."""
    (download,) = added(storage, queued(record={"version": {"description": "long " * 100_000}}))
    with storage.database.write() as connection:
        connection.execute("DELETE FROM download_records")
        connection.execute("INSERT INTO download_records VALUES (?, '{}')", (download.number,))
    altered(storage, download, begun)
    assert storage.downloads.get(download.id).record == {}


def test_a_list_reads_no_records(storage: SqliteStorage) -> None:
    (download,) = added(storage, queued(record={"version": {}}))
    with storage.database.write() as connection:
        connection.execute("DELETE FROM download_records")
    assert [each.id for each in storage.downloads.list(DownloadQuery()).downloads] == [download.id]
