"""The promises about claiming downloads: the right one, once, or none at all."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import chain
from pathlib import Path

import pytest

from stablequeue_core.downloads import Download, DownloadStatus
from stablequeue_core.events import Event, EventKind
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.download_samples import (
    added,
    altered,
    begun,
    dropped,
    elaborate,
    fetched,
    interrupted,
    paused,
    queued,
    resumed,
)
from stablequeue_core.testing.contracts.samples import LATER, START
from stablequeue_core.testing.race import (
    claim_all_downloads,
    meet_at,
    open_and_claim_all_downloads,
)

MANY = 200


class ClaimingDownloadsContract(StorageCase):
    """The promises of ``claim`` and ``next_due``, as tests."""

    def test_an_empty_queue_gives_no_download(self, storage: Storage) -> None:
        """And nothing is begun."""
        assert storage.downloads.claim(now=LATER, begin=_never) is None

    def test_the_most_urgent_download_goes_first_and_then_the_oldest(
        self, storage: Storage
    ) -> None:
        """Oldest by order of acceptance."""
        kept = added(storage, *(queued(priority=level) for level in (0, 5, 0, -1, 5)))
        order = [fetched(storage).id for _ in kept]
        assert order == [kept[place].id for place in (1, 4, 0, 2, 3)]
        assert storage.downloads.claim(now=LATER, begin=_never) is None

    def test_the_claimed_download_is_kept_with_its_event(self, storage: Storage) -> None:
        """Whole, with its record: whoever fetches it needs that."""
        (kept,) = added(storage, elaborate())
        running = fetched(storage)
        assert running == storage.downloads.get(kept.id)
        assert (running.status, running.record) == (DownloadStatus.DOWNLOADING, kept.record)
        assert running.revision > kept.revision
        heard = storage.events.read()[-1]
        assert (heard.kind, heard.data["download_id"]) == (EventKind.DOWNLOAD_STARTED, kept.id)

    def test_only_queued_downloads_are_given(self, storage: Storage) -> None:
        """One that its user lets go on is queued once more."""
        aside, gone = added(storage, queued(), queued())
        aside = altered(storage, aside, paused)
        altered(storage, gone, dropped)
        assert storage.downloads.claim(now=LATER, begin=_never) is None
        altered(storage, aside, resumed)
        assert fetched(storage).id == aside.id

    def test_a_download_is_left_alone_until_its_time(self, storage: Storage) -> None:
        """To the millisecond; others go before it."""
        added(storage, queued(priority=1))
        altered(storage, fetched(storage), partial(interrupted, not_before=LATER))
        early = LATER - timedelta(milliseconds=1)
        assert storage.downloads.claim(now=early, begin=_never) is None
        (other,) = added(storage, queued())
        assert fetched(storage, now=early).id == other.id
        assert fetched(storage, now=LATER).not_before is None

    def test_the_earliest_time_that_a_download_waits_for_is_known(self, storage: Storage) -> None:
        """Of those that are queued."""
        assert storage.downloads.next_due() is None
        soon, late = START + timedelta(hours=1), START + timedelta(hours=2)
        _, _, first = added(storage, queued(), queued(not_before=late), queued(not_before=soon))
        assert storage.downloads.next_due() == soon
        altered(storage, first, dropped)
        assert storage.downloads.next_due() == late
        for _ in range(2):
            fetched(storage)
        assert storage.downloads.next_due() is None

    def test_a_download_whose_beginning_raises_stays_as_it_was(self, storage: Storage) -> None:
        """And the next one to ask gets it."""

        def stumble(_: Download) -> tuple[Download, Event]:
            raise ZeroDivisionError

        (kept,) = added(storage, queued())
        with pytest.raises(ZeroDivisionError):
            storage.downloads.claim(now=LATER, begin=stumble)
        assert storage.downloads.get(kept.id) == kept
        assert storage.events.last() == 1
        assert fetched(storage).id == kept.id

    def test_no_download_is_given_to_two_threads(self, storage: Storage) -> None:
        """Eight of them race for all."""
        kept = added(storage, *(queued() for _ in range(MANY)))
        gate = threading.Barrier(8)
        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(lambda _: claim_all_downloads(storage, gate), range(8)))
        assert sorted(chain.from_iterable(taken)) == sorted(each.id for each in kept)

    def test_no_download_is_given_to_two_processes(self, storage: Storage, tmp_path: Path) -> None:
        """Four of them race for all."""
        if not self.shared_by_processes:
            pytest.skip("this storage belongs to one process")
        kept = added(storage, *(queued() for _ in range(MANY)))
        spawn = multiprocessing.get_context("spawn")
        gate = spawn.Barrier(4)
        with ProcessPoolExecutor(4, spawn, initializer=meet_at, initargs=(gate,)) as pool:
            taken = list(pool.map(open_and_claim_all_downloads, [self.opener(tmp_path)] * 4))
        assert sorted(chain.from_iterable(taken)) == sorted(each.id for each in kept)
        assert len(storage.downloads.with_status(DownloadStatus.DOWNLOADING)) == MANY

    def test_a_begun_download_is_not_given_again(self, storage: Storage) -> None:
        """Until it is given back."""
        (kept,) = added(storage, queued())
        running = altered(storage, kept, begun)
        assert storage.downloads.claim(now=LATER, begin=_never) is None
        altered(storage, running, interrupted)
        assert fetched(storage).id == kept.id


def _never(_: Download) -> tuple[Download, Event]:
    raise AssertionError("there is nothing to begin")
