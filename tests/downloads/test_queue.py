"""What a user does with downloads, before anybody fetches them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.downloads.simulated_fetcher import (
    SIZE,
    Downloads,
    content_of,
    downloads_over,
    part_of,
)

from stablequeue_core.downloads import (
    TRANSITIONS,
    Download,
    DownloadProgress,
    DownloadQueue,
    DownloadStatus,
)
from stablequeue_core.errors import (
    DownloadNotFound,
    DownloadTimedOut,
    IllegalDownloadTransition,
)
from stablequeue_core.events import EventKind
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.contracts.download_samples import (
    DownloadChange,
    altered,
    arrived,
    begun,
    dropped,
    paused,
    refused,
)

Verb = Callable[[DownloadQueue, str], Download]

WAY_TO: dict[DownloadStatus, list[DownloadChange]] = {
    DownloadStatus.QUEUED: [],
    DownloadStatus.DOWNLOADING: [begun],
    DownloadStatus.PAUSED: [paused],
    DownloadStatus.COMPLETED: [begun, arrived],
    DownloadStatus.FAILED: [begun, refused],
    DownloadStatus.CANCELLED: [dropped],
}
VERBS: dict[str, tuple[Verb, DownloadStatus, EventKind, str]] = {
    "pause": (
        DownloadQueue.pause,
        DownloadStatus.PAUSED,
        EventKind.DOWNLOAD_PAUSED,
        "the user pauses it",
    ),
    "resume": (
        DownloadQueue.resume,
        DownloadStatus.QUEUED,
        EventKind.DOWNLOAD_RESUMED,
        "the user lets it go on",
    ),
    "cancel": (
        DownloadQueue.cancel,
        DownloadStatus.CANCELLED,
        EventKind.DOWNLOAD_CANCELLED,
        "the user cancels it",
    ),
    "retry": (
        DownloadQueue.retry,
        DownloadStatus.QUEUED,
        EventKind.DOWNLOAD_RETRIED,
        "the user tries again",
    ),
}


@pytest.fixture
def downloads(tmp_path: Path) -> Iterator[Downloads]:
    with MemoryStorage() as storage:
        made = downloads_over(storage, tmp_path)
        yield made
        made.close()


def standing(downloads: Downloads, status: DownloadStatus) -> Download:
    (download,) = downloads.add("x.pt")
    for change in WAY_TO[status]:
        download = altered(downloads.storage, download, change)
    return download


@pytest.mark.parametrize("status", DownloadStatus)
@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_does_what_the_table_allows_and_nothing_else(
    downloads: Downloads, verb: str, status: DownloadStatus
) -> None:
    """Allowed or not by the table of the lifecycle, which names the user's reasons."""
    do, wanted, kind, reason = VERBS[verb]
    download = standing(downloads, status)
    written = downloads.storage.events.last()
    if TRANSITIONS[status].get(wanted) == reason:
        assert do(downloads.queue, download.id).status is wanted
        (told,) = downloads.storage.events.read(after=written)
        assert (told.kind, told.data["status"]) == (kind, wanted.value)
    else:
        with pytest.raises(IllegalDownloadTransition):
            do(downloads.queue, download.id)
        assert downloads.storage.events.last() == written
        assert downloads.queue.get(download.id) == download


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_can_be_done_with_a_download_that_does_not_exist(
    downloads: Downloads, verb: str
) -> None:
    with pytest.raises(DownloadNotFound):
        VERBS[verb][0](downloads.queue, "nobody")


def test_an_added_download_is_told_of(downloads: Downloads) -> None:
    (download,) = downloads.add("x.pt", title="Räv", version="v1")
    (told,) = downloads.storage.events.read()
    assert told.kind is EventKind.DOWNLOAD_ADDED
    assert dict(told.data) == {
        "download_id": download.id,
        "status": "queued",
        "filename": "x.pt",
        "title": "Räv",
        "version": "v1",
        "version_id": download.version_id,
    }


def test_the_same_file_is_fetched_once(downloads: Downloads) -> None:
    one, two = downloads.add("x.pt", "X.PT")
    assert one == two
    assert downloads.queue.list().total == 1


def test_a_retry_joins_the_download_that_fetches_the_file_by_now(downloads: Downloads) -> None:
    """Two of them would write the same file."""
    failed = standing(downloads, DownloadStatus.FAILED)
    (again,) = downloads.add("X.pt")
    assert downloads.queue.retry(failed.id) == again
    assert downloads.queue.get(failed.id).status is DownloadStatus.FAILED
    downloads.queue.cancel(again.id)
    assert downloads.queue.retry(failed.id).id == failed.id


def test_changes_at_the_same_time_all_count(downloads: Downloads) -> None:
    """Who was late reads again: of many who cancel, one does, and all others are told."""
    (download,) = downloads.add("x.pt")
    gate, told = threading.Barrier(8), []

    def cancel() -> None:
        gate.wait()
        try:
            told.append(downloads.queue.cancel(download.id).status.value)
        except IllegalDownloadTransition as error:
            told.append(error.code)

    threads = [threading.Thread(target=cancel) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["cancelled", *["illegal_download_transition"] * 7]


def test_downloads_are_listed_by_status(downloads: Downloads) -> None:
    one, two, three = downloads.add("1.pt", "2.pt", "3.pt")
    downloads.queue.pause(two.id)
    downloads.queue.cancel(three.id)
    listed = {
        "all": downloads.queue.list(),
        "by text": downloads.queue.list(status="paused"),
        "by status": downloads.queue.list(status=DownloadStatus.QUEUED),
        "several": downloads.queue.list(status=["queued", DownloadStatus.CANCELLED]),
        "none of them": downloads.queue.list(status=[]),
        "a page": downloads.queue.list(limit=1, offset=1),
    }
    assert {name: [each.id for each in page.downloads] for name, page in listed.items()} == {
        "all": [three.id, two.id, one.id],
        "by text": [two.id],
        "by status": [one.id],
        "several": [three.id, one.id],
        "none of them": [three.id, two.id, one.id],
        "a page": [two.id],
    }
    with pytest.raises(ValueError, match="nonsense"):
        downloads.queue.list(status="nonsense")


def test_a_cancelled_download_leaves_nothing_behind(downloads: Downloads) -> None:
    """Also when nobody fetches at all."""
    (download,) = downloads.add("x.pt")
    part_of(download).write_bytes(b"half of it")
    downloads.queue.pause(download.id)
    assert part_of(download).exists()
    cancelled = downloads.queue.cancel(download.id)
    assert not part_of(download).exists()
    assert (cancelled.bytes_done, cancelled.etag) == (0, None)


def test_a_part_that_cannot_be_removed_keeps_nobody_from_cancelling(
    downloads: Downloads, caplog: pytest.LogCaptureFixture
) -> None:
    """On Windows, while another process still has it open; that one removes it."""
    downloads.fetcher.stuck = True
    (download,) = downloads.add("x.pt")
    assert downloads.queue.cancel(download.id).status is DownloadStatus.CANCELLED
    assert "leaves something behind" in caplog.text


def test_waiting_ends_when_the_download_has_ended(downloads: Downloads) -> None:
    (download,) = downloads.add("x.pt")
    timer = threading.Timer(0.05, downloads.queue.cancel, [download.id])
    timer.start()
    assert downloads.queue.wait(download.id, timeout=30).status is DownloadStatus.CANCELLED
    timer.join()
    assert downloads.queue.wait(download.id, timeout=0).status is DownloadStatus.CANCELLED


def test_waiting_may_take_too_long(downloads: Downloads) -> None:
    (download,) = downloads.add("x.pt")
    with pytest.raises(DownloadTimedOut, match="still queued") as caught:
        downloads.queue.wait(download.id, timeout=0.01)
    assert caught.value.details["status"] == "queued"
    with pytest.raises(DownloadTimedOut):
        list(downloads.queue.watch(download.id, timeout=0.01))
    with pytest.raises(DownloadNotFound):
        downloads.queue.wait("nobody", timeout=1)


def test_the_progress_of_what_is_not_fetched_here_is_seen_on_disk(downloads: Downloads) -> None:
    (download,) = downloads.add("x.pt", size=SIZE)
    seen = [downloads.queue.progress(download.id)]
    part_of(download).write_bytes(b"x" * 300)
    seen.append(downloads.queue.progress(download.id))
    assert seen == [
        DownloadProgress(bytes_done=0, total=SIZE),
        DownloadProgress(bytes_done=300, total=SIZE),
    ]
    with pytest.raises(DownloadNotFound):
        downloads.queue.progress("nobody")


def test_a_completed_download_is_all_there(downloads: Downloads) -> None:
    download = standing(downloads, DownloadStatus.DOWNLOADING)
    downloads.fetcher.allowed = SIZE
    done = altered(downloads.storage, download, lambda each: arrived(each))
    assert downloads.queue.progress(done.id) == DownloadProgress(
        bytes_done=done.bytes_done, total=done.bytes_done
    )


def test_what_another_process_fetches_can_be_watched(downloads: Downloads) -> None:
    """By the size of its part file; to its end."""
    download = standing(downloads, DownloadStatus.DOWNLOADING)
    watching = downloads.queue.watch(download.id, timeout=30)
    assert next(watching).bytes_done == 0
    part_of(download).write_bytes(content_of("x.pt")[:700])
    assert next(watching).bytes_done == 700
    altered(downloads.storage, download, dropped)
    part_of(download).unlink()
    assert [seen.bytes_done for seen in watching] == [0]
