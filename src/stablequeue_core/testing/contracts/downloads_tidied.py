"""The promises about ended downloads that need not be remembered for ever."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from attrs import evolve

from stablequeue_core.downloads import Download, DownloadQuery, DownloadStatus
from stablequeue_core.errors import DownloadNotFound
from stablequeue_core.events import Event, EventKind
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.download_samples import (
    added,
    altered,
    elaborate,
    queued,
    tried_again,
)
from stablequeue_core.testing.contracts.samples import START, queue_event


class TidyingDownloadsContract(StorageCase):
    """The promises of ``worn_out`` and ``forget``, as tests."""

    def test_downloads_are_worn_out_that_ended_long_ago(self, storage: Storage) -> None:
        """Those that ended first first; neither open ones nor those that ended just then."""
        third, first, second = _ended(storage, 3, 1, 2)
        added(storage, queued(-99))
        assert _worn_out(storage, ended_before=_at(2)) == [first]
        assert _worn_out(storage, ended_before=_at(9)) == [first, second, third]
        assert _worn_out(storage, ended_before=_at(0)) == []

    def test_downloads_are_worn_out_that_are_too_many(self, storage: Storage) -> None:
        """The newest stay; open ones do not count."""
        third, first, second = _ended(storage, 3, 1, 2)
        added(storage, *(queued() for _ in range(5)))
        assert _worn_out(storage, keep=3) == []
        assert _worn_out(storage, keep=1) == [first, second]
        assert _worn_out(storage, keep=0) == [first, second, third]

    def test_either_reason_to_forget_a_download_is_enough(self, storage: Storage) -> None:
        """None given is no reason; no more are told than were asked for."""
        downloads = _ended(storage, 1, 2, 3, 4)
        assert _worn_out(storage) == []
        assert _worn_out(storage, keep=3, ended_before=_at(3)) == downloads[:2]
        assert _worn_out(storage, keep=1, ended_before=_at(2)) == downloads[:3]
        assert _worn_out(storage, keep=0, limit=2) == downloads[:2]
        assert _worn_out(storage, ended_before=_at(4), limit=0) == []

    def test_a_download_of_which_everything_is_known_is_worn_out_too(
        self, storage: Storage
    ) -> None:
        """Whatever its names are made of; its record is not told."""
        (known,) = added(storage, elaborate(root="/models/\udcff", title='"ended_at":"0"'))
        gone = _end(storage, known, 1)
        assert _worn_out(storage, ended_before=_at(2)) == [evolve(gone, record={})]
        assert _worn_out(storage, ended_before=_at(1)) == []

    def test_forgotten_downloads_are_gone(self, storage: Storage) -> None:
        """From every list and every count; the others stay, and one event tells of it."""
        downloads = _ended(storage, 1, 2, 3)
        written = storage.events.last()
        assert storage.downloads.forget(downloads[:2], _tidied()) == 2
        for download in downloads[:2]:
            with pytest.raises(DownloadNotFound):
                storage.downloads.get(download.id)
        assert storage.downloads.list(DownloadQuery()).downloads == (downloads[2],)
        assert storage.events.last() == written + 1
        assert storage.events.read()[-1].kind is EventKind.QUEUE_TIDIED

    def test_of_no_forgotten_download_nothing_is_told(self, storage: Storage) -> None:
        """Nor does one that is gone already count."""
        downloads = _ended(storage, 1)
        assert storage.downloads.forget(downloads, _tidied()) == 1
        written = storage.events.last()
        assert storage.downloads.forget(downloads, _tidied()) == 0
        assert storage.downloads.forget([], _tidied()) == 0
        assert storage.events.last() == written

    def test_a_download_that_was_changed_meanwhile_is_not_forgotten(self, storage: Storage) -> None:
        """The user may have tried it again; nor is one that has not ended."""
        stale, old = _ended(storage, 1, 2, status=DownloadStatus.FAILED)
        again = altered(storage, stale, tried_again)
        assert storage.downloads.forget([stale, again, old], _tidied()) == 1
        assert storage.downloads.get(stale.id).status is DownloadStatus.QUEUED

    def test_a_file_is_fetched_anew_after_its_download_was_forgotten(
        self, storage: Storage
    ) -> None:
        """As if there never had been one."""
        (first,) = added(storage, queued(filename="x.pt"))
        storage.downloads.forget([_end(storage, first, 1)], _tidied())
        (second,) = added(storage, queued(filename="x.pt"))
        assert second.id != first.id
        assert storage.downloads.get(second.id) == second


def _at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def _ended(
    storage: Storage, *hours: float, status: DownloadStatus = DownloadStatus.COMPLETED
) -> list[Download]:
    """Downloads that ended so many hours after :data:`START`."""
    return [_end(storage, added(storage, queued())[0], after, status) for after in hours]


def _end(
    storage: Storage,
    download: Download,
    hours: float,
    status: DownloadStatus = DownloadStatus.COMPLETED,
) -> Download:
    ended = evolve(download, status=status, ended_at=_at(hours))
    return storage.downloads.replace(ended, None)


def _worn_out(
    storage: Storage,
    *,
    ended_before: datetime | None = None,
    keep: int | None = None,
    limit: int = 100,
) -> list[Download]:
    return list(storage.downloads.worn_out(ended_before=ended_before, keep=keep, limit=limit))


def _tidied() -> Event:
    return queue_event(EventKind.QUEUE_TIDIED)
