"""The process that fetches is killed: another takes over, and nothing is fetched twice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.downloads import fetching_process
from tests.downloads.simulated_fetcher import (
    PIECE,
    Downloads,
    content_of,
    downloads_over,
    part_of,
)
from tests.waiting import until

from stablequeue_core.downloads import Download, DownloadStatus
from stablequeue_core.downloads.workers import PROCESS_GONE
from stablequeue_core.storage.sqlite import SqliteStorage

NAMES = ("1.pt", "2.pt", "3.pt")


@contextmanager
def fetching_elsewhere(database: Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own that fetches; it is killed in the end, whatever happens."""
    there = os.pathsep.join(sys.path)
    command = [sys.executable, fetching_process.__file__, str(database), str(folder)]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": there}) as process:
        try:
            yield process
        finally:
            process.kill()


def size_of_part(download: Download) -> int:
    return part_of(download).stat().st_size if part_of(download).exists() else 0


def has_come(download: Download, least: int) -> bool:
    return size_of_part(download) >= least


def all_completed(downloads: Downloads, added: list[Download]) -> None:
    for download in added:
        done = downloads.queue.wait(download.id, timeout=60)
        assert done.status is DownloadStatus.COMPLETED
        assert done.file.read_bytes() == content_of(done.filename)
    assert sorted(path.name for path in downloads.folder.iterdir()) == sorted(NAMES)


def test_a_living_process_goes_on_where_the_killed_one_was(tmp_path: Path) -> None:
    """It had stood by, and could not fetch before the other's death."""
    folder = tmp_path / "models"
    folder.mkdir()
    with SqliteStorage(tmp_path / "queue.db") as storage:
        here = downloads_over(storage, folder)
        added = here.add(*NAMES)
        with fetching_elsewhere(tmp_path / "queue.db", folder) as process:
            until(lambda: all(size_of_part(each) >= 3 * PIECE for each in added[:2]))
            here.queue.start()
            assert process.poll() is None
        all_completed(here, added)
        offsets = dict(here.fetcher.begun)
        assert offsets["1.pt"] >= 3 * PIECE
        assert offsets["3.pt"] == 0
        told = [event.data.get("reason") for event in storage.events.read()]
        assert told.count(PROCESS_GONE) == 2
        here.close()


def test_kill_after_kill_every_process_reads_on(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    with SqliteStorage(tmp_path / "queue.db") as storage:
        here = downloads_over(storage, folder)
        added = here.add(*NAMES)
        first = added[0]
        for target in (2 * PIECE, 4 * PIECE, 6 * PIECE):
            with fetching_elsewhere(tmp_path / "queue.db", folder):
                until(partial(has_come, first, target))
            before = size_of_part(first)
        here.queue.start()
        all_completed(here, added)
        assert dict(here.fetcher.begun)["1.pt"] == before
        here.close()
