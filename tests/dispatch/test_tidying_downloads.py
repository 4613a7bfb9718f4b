"""Ended downloads are forgotten as ended jobs are; the files that they have fetched stay."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve
from tests.dispatch.tidying_world import TidyingWorld

from stablequeue_core.downloads import (
    Download,
    DownloadFailure,
    DownloadQuery,
    DownloadStatus,
)
from stablequeue_core.downloads.fetching.part_file import part_path
from stablequeue_core.errors import DownloadNotFound
from stablequeue_core.events import EventKind
from stablequeue_core.testing.contracts.download_samples import added, queued


def ended(
    world: TidyingWorld,
    *,
    hours_ago: float,
    status: DownloadStatus = DownloadStatus.COMPLETED,
    folder: Path = Path("/models"),
) -> Download:
    """Keep a download that ended so long ago."""
    (kept,) = added(world.storage, queued(root=str(folder)))
    at = world.clock.now() - timedelta(hours=hours_ago)
    failure = DownloadFailure(code="gone", message="It is gone.")
    over = evolve(kept, status=status, ended_at=at, failure=failure)
    return world.storage.downloads.replace(over, None)


def remembered(world: TidyingWorld) -> set[str]:
    return {each.id for each in world.storage.downloads.list(DownloadQuery(limit=999)).downloads}


@pytest.mark.parametrize(
    "status", [DownloadStatus.COMPLETED, DownloadStatus.FAILED, DownloadStatus.CANCELLED]
)
def test_a_download_that_ended_long_ago_is_forgotten(
    tmp_path: Path, status: DownloadStatus
) -> None:
    world = TidyingWorld(tmp_path, keep_days=1)
    old, young = (ended(world, hours_ago=hours, status=status) for hours in (25, 23))
    (waiting,) = added(world.storage, queued(-99 * 24 * 3600))
    world.sweep()

    assert remembered(world) == {young.id, waiting.id}
    with pytest.raises(DownloadNotFound):
        world.storage.downloads.get(old.id)
    event = world.storage.events.read()[-1]
    assert (event.kind, event.data["downloads"]) == (EventKind.QUEUE_TIDIED, 1)


def test_the_newest_downloads_stay(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_jobs=2)
    downloads = [ended(world, hours_ago=hours) for hours in (5, 4, 3, 2)]
    world.sweep()

    assert remembered(world) == {downloads[2].id, downloads[3].id}


def test_a_download_that_a_job_waits_for_stays_however_old_it_is(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=1)
    downloads = [ended(world, hours_ago=99 - number) for number in range(120)]
    world.pending(hours_ago=99, waits_for=tuple(each.id for each in downloads[:60]))
    world.sweep()

    assert remembered(world) >= {each.id for each in downloads[:60]}
    assert downloads[60].id not in remembered(world)


def test_a_download_that_has_just_ended_stays_whatever_the_settings_say(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_jobs=1, keep_days=0.001)
    downloads = [ended(world, hours_ago=hours) for hours in (0.2, 0.1)]
    world.sweep()

    assert remembered(world) == {each.id for each in downloads}


def test_files_stay_and_half_files_go_with_their_downloads(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path / "pictures", keep_days=1)
    fetched = ended(world, hours_ago=99, folder=tmp_path)
    lost = ended(world, hours_ago=99, folder=tmp_path, status=DownloadStatus.FAILED)
    recent = ended(world, hours_ago=2, folder=tmp_path, status=DownloadStatus.FAILED)
    for file in (fetched.file, part_path(lost), part_path(recent)):
        file.write_bytes(b"weights")
    world.sweep()

    assert fetched.file.exists()
    assert not part_path(lost).exists()
    assert part_path(recent).exists(), "its user may try again, and read on"


def test_tidying_now_tells_how_many_downloads_were_forgotten(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=1)
    for _ in range(70):
        ended(world, hours_ago=99)

    assert world.tidying().tidy().downloads == 70
