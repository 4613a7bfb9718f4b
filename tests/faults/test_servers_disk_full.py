"""A disk that is full while pictures are saved, or while the database is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.faults.accounts import check_accounts
from tests.worlds import World

from stablequeue_core import JobStatus
from stablequeue_core.images.folder import FolderImageStore
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.full_disk import FullDiskImageStore

LONG = "a lighthouse " * 7_000
"""The server says it again with each picture, so a result needs room in the database."""


def test_pictures_that_find_no_room_fail_their_jobs_which_are_made_again_when_there_is_some(
    tmp_path: Path,
) -> None:
    disk = FullDiskImageStore(FolderImageStore(tmp_path / "images"))
    world = World(tmp_path / "queue", images=disk)
    jobs = [world.submit(num_images=2) for _ in range(3)]

    failed = check_accounts(world.queue, jobs)
    assert {job.failure.code for job in failed if job.failure} == {"disk_full"}
    assert {len(job.attempts) for job in failed} == {1}

    disk.free()
    for job in failed:
        world.queue.retry(job.id)

    done = check_accounts(world.queue, failed)
    assert {job.status for job in done} == {JobStatus.COMPLETED}
    assert [job.seed for job in done] == [job.seed for job in failed]
    world.close()


@contextmanager
def no_room_for_more(storage: SqliteStorage) -> Iterator[None]:
    """The database may grow by nothing inside the block."""
    _limit_pages(storage, 1)
    try:
        yield
    finally:
        _limit_pages(storage, 2**30)


def _limit_pages(storage: SqliteStorage, pages: int) -> None:
    # SQLite allows no fewer than there are.
    with storage.database.write() as connection:
        connection.execute(f"PRAGMA max_page_count = {pages}")


def test_a_result_that_finds_no_room_in_the_database_is_kept_when_there_is_some(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    storage = SqliteStorage(tmp_path / "queue.db")
    world = World(tmp_path / "queue", storage=storage)
    with ExitStack() as disk:
        with world.forge.held(step=1):
            job = world.submit(positive_prompt=LONG, num_images=4)
            seed = world.until_running(job).seed
            waiting = world.submit()
            disk.enter_context(no_room_for_more(storage))
        world.until(lambda: "database is full" in caplog.text)
        assert world.queue.get(job.id).status is JobStatus.PROCESSING
        first = {path: path.read_bytes() for path in world.queue.images.folder.iterdir()}
        assert len(first) == 4

    ended = check_accounts(world.queue, [job, waiting])

    assert {job.status for job in ended} == {JobStatus.COMPLETED}
    assert ended[0].seed == seed
    assert len(ended[0].attempts) == 1
    assert {path: path.read_bytes() for path in ended[0].images} == first
    world.close()
    storage.close()
