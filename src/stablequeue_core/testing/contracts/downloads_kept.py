"""The promises about keeping downloads: what was kept comes back, changed once, by one."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from stablequeue_core.downloads import Download, DownloadQuery, DownloadStatus, download_event
from stablequeue_core.errors import DownloadNotFound, StaleDownload
from stablequeue_core.events import EventKind
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.download_samples import (
    LORAS,
    DownloadChange,
    added,
    altered,
    arrived,
    begun,
    dropped,
    elaborate,
    fetched,
    interrupted,
    paused,
    queued,
    refused,
    resumed,
    tried_again,
)
from stablequeue_core.testing.contracts.samples import LATER

LIVES: dict[str, list[DownloadChange]] = {
    "completed": [begun, arrived],
    "failed": [begun, refused],
    "interrupted": [begun, interrupted],
    "paused on its way": [begun, paused],
    "resumed": [paused, resumed],
    "cancelled": [dropped],
    "tried again": [begun, refused, tried_again],
}


class KeepingDownloadsContract(StorageCase):
    """The promises of ``add``, ``get``, ``list`` and ``replace``, as tests."""

    def test_every_field_of_a_download_comes_back(self, storage: Storage) -> None:
        """Also those that few have; its record with its keys in order."""
        for new in (queued(), elaborate()):
            (kept,) = added(storage, new)
            assert kept == evolve(new, number=kept.number, revision=1)
            found = storage.downloads.get(kept.id)
            assert found == kept
            assert json.dumps(found.record) == json.dumps(new.record)

    @pytest.mark.parametrize("life", LIVES)
    def test_every_change_comes_back(self, storage: Storage, life: str) -> None:
        """With a new revision each time, and an event that tells of it."""
        (download,) = added(storage, elaborate())
        for change in LIVES[life]:
            changed, event = change(download)
            kept = storage.downloads.replace(changed, event)
            assert kept == evolve(changed, revision=kept.revision)
            assert kept.revision > download.revision
            assert storage.downloads.get(download.id) == kept
            heard = storage.events.read()[-1]
            assert event is not None
            assert (heard.kind, heard.data) == (event.kind, event.data)
            download = kept

    def test_numbers_grow_in_the_order_of_acceptance(self, storage: Storage) -> None:
        """Whatever time they bear."""
        kept = added(storage, queued(5), queued(1), queued(3))
        assert [each.number for each in kept] == sorted(each.number for each in kept)
        assert all(each.number > 0 for each in kept)

    def test_a_name_that_is_no_unicode_comes_back(self, storage: Storage) -> None:
        """Linux has such folders; Python spells each stray byte as half of a character."""
        (kept,) = added(storage, queued(root="/models/\udcff", folder="\udcfe"))
        assert storage.downloads.get(kept.id) == kept
        (same,) = added(storage, evolve(queued(), root=kept.root, folder="\udcfe"))
        assert same.id != kept.id

    def test_an_unknown_download_is_not_found(self, storage: Storage) -> None:
        """Nor changed."""
        with pytest.raises(DownloadNotFound):
            storage.downloads.get("a")
        with pytest.raises(DownloadNotFound):
            altered(storage, queued(id="a", revision=1), dropped)
        assert storage.events.last() == 0

    def test_a_file_that_is_being_fetched_is_not_fetched_twice(self, storage: Storage) -> None:
        """Its folder and name may be spelled in any case; whoever asks gets the first one."""
        (first,) = added(storage, queued(folder="Räv", filename="X.safetensors", record={"a": 1}))
        again = queued(folder="RA\u0308V", filename="x.SAFETENSORS")
        assert added(storage, again) == [first]
        assert storage.downloads.list(DownloadQuery()).total == 1 == storage.events.last()
        with pytest.raises(DownloadNotFound):
            storage.downloads.get(again.id)

    def test_one_on_its_way_or_put_aside_is_joined_too(self, storage: Storage) -> None:
        """As it is by now."""
        (first,) = added(storage, queued(filename="x.pt"))
        for change in (begun, paused):
            first = altered(storage, first, change)
            assert added(storage, queued(filename="x.pt")) == [first]

    @pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
    def test_one_that_has_ended_is_not_joined(self, storage: Storage, end: str) -> None:
        """Its file may be gone, or be wanted once more."""
        (first,) = added(storage, queued(filename="x.pt"))
        for change in LIVES[end]:
            first = altered(storage, first, change)
        (second,) = added(storage, queued(filename="x.pt"))
        assert second.id != first.id

    def test_files_of_other_places_are_other_downloads(self, storage: Storage) -> None:
        """Another root, another folder, another name."""
        places: list[dict[str, Any]] = [
            {"root": LORAS, "filename": "x.pt"},
            {"root": f"{LORAS}2", "filename": "x.pt"},
            {"root": LORAS, "folder": "a", "filename": "x.pt"},
            {"root": LORAS, "folder": "a", "filename": "y.pt"},
        ]
        kept = added(storage, *(queued(**place) for place in places))
        assert len({each.id for each in kept}) == len(places)

    def test_threads_that_want_the_same_file_share_one_download(self, storage: Storage) -> None:
        """However close together they ask."""
        with ThreadPoolExecutor(8) as pool:
            kept = list(pool.map(lambda _: added(storage, queued(filename="x.pt"))[0], range(24)))
        assert len({each.id for each in kept}) == 1 == storage.events.last()

    def test_a_change_of_an_old_copy_is_refused(self, storage: Storage) -> None:
        """Nothing of it is kept, and nothing is told."""
        (old,) = added(storage, queued())
        new = altered(storage, old, begun)
        written = storage.events.last()
        with pytest.raises(StaleDownload):
            altered(storage, old, dropped)
        assert storage.downloads.get(old.id) == new
        assert storage.events.last() == written

    def test_of_many_changes_at_once_one_is_kept(self, storage: Storage) -> None:
        """The others are told that they were late."""
        (download,) = added(storage, queued())

        def change(_: int) -> bool:
            try:
                altered(storage, download, paused)
            except StaleDownload:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(change, range(16))) == 1
        assert storage.events.last() == 2

    def test_a_change_can_be_kept_without_a_word(self, storage: Storage) -> None:
        """A new ETag is worth remembering, and not worth telling."""
        (download,) = added(storage, queued())
        running = fetched(storage)
        written = storage.events.last()
        noted = storage.downloads.replace(evolve(running, etag='"e"', total=5), None)
        assert storage.downloads.get(download.id) == noted
        assert (noted.etag, noted.total) == ('"e"', 5)
        assert storage.events.last() == written

    def test_what_it_was_accepted_with_stays(self, storage: Storage) -> None:
        """So that a copy from a list, which lacks the record, can be changed as well."""
        (download,) = added(storage, elaborate())
        (listed,) = storage.downloads.list(DownloadQuery()).downloads
        kept = altered(storage, evolve(listed, created_at=LATER), dropped)
        found = storage.downloads.get(download.id)
        assert (found.status, found.revision) == (DownloadStatus.CANCELLED, kept.revision)
        assert (found.number, found.created_at) == (download.number, download.created_at)
        assert found.record == download.record

    def test_the_list_shows_the_newest_first(self, storage: Storage) -> None:
        """Page by page, with the number of all, and without the records."""
        assert storage.downloads.list(DownloadQuery()).downloads == ()
        kept = added(storage, *(queued(record={"version": {"id": n}}) for n in range(25)))
        shown: list[Download] = []
        while len(shown) < 25:
            page = storage.downloads.list(DownloadQuery(limit=10, offset=len(shown)))
            assert page.total == 25
            assert 0 < len(page.downloads) <= 10
            shown += page.downloads
        assert shown == [evolve(each, record={}) for each in reversed(kept)]
        assert storage.downloads.list(DownloadQuery(offset=25)).downloads == ()
        assert storage.downloads.list(DownloadQuery(limit=0)).total == 25

    def test_the_list_can_be_narrowed_by_status(self, storage: Storage) -> None:
        """To one or several."""
        done, failed, waiting = added(storage, queued(), queued(), queued())
        for change in (begun, arrived):
            done = altered(storage, done, change)
        for change in (begun, refused):
            failed = altered(storage, failed, change)
        some = frozenset({DownloadStatus.FAILED, DownloadStatus.QUEUED})
        page = storage.downloads.list(DownloadQuery(statuses=some))
        assert (page.total, page.downloads) == (2, (waiting, failed))
        one = storage.downloads.list(DownloadQuery(statuses=frozenset({DownloadStatus.COMPLETED})))
        assert (one.total, one.downloads) == (1, (done,))
        page = storage.downloads.list(DownloadQuery(statuses=some, limit=1, offset=1))
        assert (page.total, page.downloads) == (2, (failed,))

    def test_those_that_stand_somewhere_are_told_oldest_first(self, storage: Storage) -> None:
        """Without their records."""
        kept = added(storage, *(queued(priority=level, record={"a": 1}) for level in (0, 5, 1)))
        running = sorted((fetched(storage) for _ in range(2)), key=lambda each: each.number)
        assert storage.downloads.with_status(DownloadStatus.DOWNLOADING) == tuple(
            evolve(each, record={}) for each in running
        )
        assert [each.id for each in storage.downloads.with_status(DownloadStatus.QUEUED)] == [
            kept[0].id
        ]
        assert storage.downloads.with_status(DownloadStatus.FAILED) == ()

    def test_what_another_process_has_changed_is_seen(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        """At once."""
        if not self.shared_by_processes:
            pytest.skip("this storage belongs to one process")
        with self.opener(tmp_path)() as other:
            (kept,) = added(other, elaborate())
            assert storage.downloads.get(kept.id) == kept
            gone = altered(storage, kept, dropped)
            assert other.downloads.get(kept.id) == gone
            with pytest.raises(StaleDownload):
                altered(other, kept, dropped)

    def test_the_event_says_what_a_listener_needs(self, storage: Storage) -> None:
        """Which download, which file, and how it stands."""
        (kept,) = added(storage, elaborate(waiting_reason=None))
        (heard,) = storage.events.read()
        assert heard.kind is EventKind.DOWNLOAD_ADDED
        assert heard.data == download_event(heard.kind, kept).data
        assert heard.data["download_id"] == kept.id
        assert heard.job_id is None
