"""Who fetches: a few at a time, one process, nothing lost; users may interfere at any moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from tests.downloads.simulated_fetcher import (
    ETAG,
    PIECE,
    QUICK,
    SIZE,
    Downloads,
    SimulatedFetcher,
    Trouble,
    content_of,
    downloads_over,
    part_of,
)
from tests.waiting import until

from stablequeue_core.downloads import Download, DownloadStatus
from stablequeue_core.downloads.workers import PROCESS_GONE
from stablequeue_core.errors import (
    CivitaiUnavailable,
    ConnectionLost,
    FileNotPlaced,
    LoginNeeded,
    StorageBusy,
)
from stablequeue_core.events import Event, EventKind
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.contracts.download_samples import fetched
from stablequeue_core.testing.race import Opener

NAMES = tuple(f"{number}.pt" for number in range(6))


@pytest.fixture
def storage() -> Iterator[MemoryStorage]:
    with MemoryStorage() as opened:
        yield opened


@pytest.fixture
def downloads(storage: MemoryStorage, tmp_path: Path) -> Iterator[Downloads]:
    """A queue that fetches."""
    made = downloads_over(storage, tmp_path)
    made.queue.start()
    yield made
    made.close()


@pytest.fixture
def opener(tmp_path: Path) -> Opener:
    """Opens a storage that several may share."""
    return lambda: SqliteStorage(tmp_path / "queue.db")


def finished(downloads: Downloads, download: Download) -> Download:
    """Wait for its end; its file must be right then."""
    done = downloads.queue.wait(download.id, timeout=30)
    assert done.status is DownloadStatus.COMPLETED
    assert done.file.read_bytes() == content_of(done.filename)
    assert not part_of(done).exists()
    return done


def under_way(downloads: Downloads, download: Download, *, here: int) -> None:
    """Wait until so much of it is here."""
    until(lambda: downloads.queue.progress(download.id).bytes_done == here)


def kinds(storage: MemoryStorage) -> list[str]:
    return [event.kind.removeprefix("download.") for event in storage.events.read()]


def test_a_download_is_fetched_and_every_change_told(
    downloads: Downloads, storage: MemoryStorage
) -> None:
    (download,) = downloads.add("x.pt")
    done = finished(downloads, download)
    assert (done.total, done.bytes_done, done.etag) == (SIZE, SIZE, ETAG)
    assert done.started_at is not None
    assert done.ended_at is not None
    assert kinds(storage) == ["added", "started", "completed"]
    assert {event.data["download_id"] for event in storage.events.read()} == {download.id}


def test_no_more_are_fetched_at_once_than_the_settings_say(downloads: Downloads) -> None:
    downloads.fetcher.allowed = PIECE
    added = downloads.add(*NAMES)
    until(lambda: downloads.fetcher.under_way == QUICK.max_downloads)
    names = [thread.name for thread in threading.enumerate()]
    assert sum(name.startswith("stablequeue-download-") for name in names) == QUICK.max_downloads
    downloads.fetcher.allowed = SIZE
    for download in added:
        finished(downloads, download)
    assert downloads.fetcher.most_at_once == QUICK.max_downloads == 2


def test_the_most_urgent_goes_first_and_then_the_oldest(
    storage: MemoryStorage, tmp_path: Path
) -> None:
    one_by_one = downloads_over(storage, tmp_path, settings=evolve(QUICK, max_downloads=1))
    low, *_ = one_by_one.add("low.pt", priority=-1)
    one_by_one.add("a.pt", "b.pt")
    one_by_one.add("urgent.pt", priority=5)
    one_by_one.queue.start()
    finished(one_by_one, low)
    names = [name for name, _ in one_by_one.fetcher.begun]
    assert names == ["urgent.pt", "a.pt", "b.pt", "low.pt"]
    one_by_one.close()


@pytest.fixture
def strangers() -> frozenset[threading.Thread]:
    """The threads that were there before."""
    return frozenset(threading.enumerate())


def names_of_all_but(strangers: frozenset[threading.Thread]) -> list[str]:
    return [each.name for each in threading.enumerate() if each not in strangers]


def test_nothing_runs_while_there_is_nothing_to_fetch(
    strangers: frozenset[threading.Thread], downloads: Downloads
) -> None:
    """But for the one thread that sleeps until somebody rings."""
    (download,) = downloads.add("x.pt")
    finished(downloads, download)
    until(lambda: names_of_all_but(strangers) == ["stablequeue-downloads"])


def test_starting_twice_is_starting_once(
    strangers: frozenset[threading.Thread], downloads: Downloads
) -> None:
    downloads.queue.start()
    assert names_of_all_but(strangers) == ["stablequeue-downloads"]


class TestInterfering:
    """Users pause, resume, cancel and retry what is being fetched."""

    def test_a_paused_download_comes_back_at_once_and_goes_on_where_it_was(
        self, downloads: Downloads, storage: MemoryStorage
    ) -> None:
        downloads.fetcher.allowed = 300
        (download,) = downloads.add("x.pt")
        under_way(downloads, download, here=300)
        paused = downloads.queue.pause(download.id)
        assert paused.status is DownloadStatus.PAUSED
        until(lambda: downloads.fetcher.under_way == 0)
        until(lambda: downloads.queue.get(download.id).bytes_done == 300)
        assert part_of(download).stat().st_size == 300
        downloads.fetcher.allowed = SIZE
        downloads.queue.resume(download.id)
        finished(downloads, download)
        assert [offset for _, offset in downloads.fetcher.begun] == [0, 300]
        assert kinds(storage) == [
            "added", "started", "paused", "resumed", "started", "completed",
        ]  # fmt: skip

    def test_a_paused_one_makes_room_for_another(self, downloads: Downloads) -> None:
        downloads.fetcher.allowed = 300
        first, _, third = downloads.add("1.pt", "2.pt", "3.pt")
        under_way(downloads, first, here=300)
        downloads.queue.pause(first.id)
        under_way(downloads, third, here=300)

    def test_a_cancelled_download_leaves_nothing_behind(self, downloads: Downloads) -> None:
        downloads.fetcher.allowed = 300
        (download,) = downloads.add("x.pt")
        under_way(downloads, download, here=300)
        assert downloads.queue.cancel(download.id).status is DownloadStatus.CANCELLED
        until(lambda: not part_of(download).exists())
        until(lambda: downloads.fetcher.under_way == 0)
        assert list(downloads.folder.iterdir()) == []
        assert downloads.queue.get(download.id).status is DownloadStatus.CANCELLED

    def test_no_two_ever_write_the_same_file(self, downloads: Downloads) -> None:
        """However quickly its user changes his mind."""
        downloads.fetcher.allowed = 300
        (download,) = downloads.add("x.pt")
        for turn in range(20):
            under_way(downloads, download, here=300)
            if turn % 2:
                downloads.queue.pause(download.id)
                downloads.queue.resume(download.id)
            else:
                downloads.queue.cancel(download.id)
                downloads.queue.retry(download.id)
        downloads.fetcher.allowed = SIZE
        finished(downloads, download)
        assert downloads.fetcher.most_for_one == 1

    def test_a_download_that_is_cancelled_when_its_file_is_there_stays_cancelled(
        self, storage: MemoryStorage, tmp_path: Path
    ) -> None:
        seen_to = threading.Event()

        def cancel_it(download: Download) -> tuple[tuple[str, ...], Mapping[str, bool]]:
            made.queue.cancel(download.id)
            seen_to.set()
            return (), {}

        made = downloads_over(storage, tmp_path, aftercare=cancel_it)
        made.queue.start()
        (download,) = made.add("x.pt")
        assert seen_to.wait(30)
        until(lambda: made.fetcher.under_way == 0)
        made.close()
        assert made.queue.get(download.id).status is DownloadStatus.CANCELLED


class TestTrouble:
    """What goes wrong is tried again, told, or failed; never lost."""

    def test_a_lost_connection_is_tried_again_and_read_on(
        self, downloads: Downloads, storage: MemoryStorage
    ) -> None:
        downloads.fetcher.troubles["x.pt"] = [
            Trouble(ConnectionLost("The server hung up."), after=200),
            Trouble(ConnectionLost("The server hung up."), after=500),
        ]
        (download,) = downloads.add("x.pt")
        done = finished(downloads, download)
        assert [offset for _, offset in downloads.fetcher.begun] == [0, 200, 500]
        assert done.failures == 0
        told = [event for event in storage.events.read() if "reason" in event.data]
        assert [event.kind for event in told] == [EventKind.DOWNLOAD_INTERRUPTED] * 2
        assert {event.data["reason"] for event in told} == {"The server hung up."}

    def test_attempts_that_get_no_further_are_counted(self, downloads: Downloads) -> None:
        """When they are used up it has failed, and what is here of it stays for a retry."""
        trouble = Trouble(ConnectionLost("The server hung up."), after=200)
        downloads.fetcher.troubles["x.pt"] = [trouble] * (1 + QUICK.max_attempts)
        (download,) = downloads.add("x.pt")
        failed = downloads.queue.wait(download.id, timeout=30)
        assert failed.status is DownloadStatus.FAILED
        assert failed.failure is not None
        assert failed.failure.code == ConnectionLost("").code
        assert failed.bytes_done == 200
        offsets = [offset for _, offset in downloads.fetcher.begun]
        assert offsets == [0] + [200] * (QUICK.max_attempts - 1)
        downloads.fetcher.troubles.clear()
        downloads.queue.retry(download.id)
        finished(downloads, download)

    def test_a_bad_line_may_break_as_often_as_it_likes_while_bytes_come(
        self, downloads: Downloads
    ) -> None:
        downloads.fetcher.troubles["x.pt"] = [
            Trouble(ConnectionLost("The server hung up."), after=here)
            for here in range(PIECE, SIZE, PIECE)
        ]
        (download,) = downloads.add("x.pt")
        finished(downloads, download)

    def test_what_cannot_heal_fails_at_once(
        self, downloads: Downloads, storage: MemoryStorage
    ) -> None:
        downloads.fetcher.troubles["x.pt"] = [Trouble(FileNotPlaced("There is no folder."))]
        (download,) = downloads.add("x.pt")
        failed = downloads.queue.wait(download.id, timeout=30)
        assert failed.failure is not None
        assert failed.failure.code == "file_not_placed"
        told = storage.events.read()[-1]
        assert told.kind is EventKind.DOWNLOAD_FAILED
        assert told.data["error"] == "file_not_placed"
        assert told.data["message"] == "There is no folder."

    def test_a_refusal_fails_with_its_own_words(self, downloads: Downloads) -> None:
        downloads.fetcher.troubles["x.pt"] = [Trouble(LoginNeeded(key_was_sent=False))]
        (download,) = downloads.add("x.pt")
        failed = downloads.queue.wait(download.id, timeout=30)
        assert failed.failure is not None
        assert failed.failure.code == LoginNeeded(key_was_sent=False).code

    def test_a_pause_between_attempts_is_kept_and_can_be_cut_short(
        self, storage: MemoryStorage, tmp_path: Path
    ) -> None:
        """Others go on meanwhile."""
        patient = evolve(QUICK, backoff_base=3600.0, backoff_cap=3600.0)
        made = downloads_over(storage, tmp_path, settings=patient)
        made.fetcher.troubles["x.pt"] = [Trouble(CivitaiUnavailable("It is down."))]
        made.queue.start()
        waiting, other = made.add("x.pt", "y.pt")
        finished(made, other)
        until(lambda: made.queue.get(waiting.id).waiting_reason == "It is down.")
        kept = made.queue.get(waiting.id)
        assert kept.not_before is not None
        assert (kept.not_before - kept.updated_at).total_seconds() == 2700
        made.queue.pause(waiting.id)
        made.queue.resume(waiting.id)
        finished(made, waiting)
        made.close()

    def test_a_defect_of_ours_does_not_fetch_the_same_file_for_ever(
        self, downloads: Downloads, caplog: pytest.LogCaptureFixture
    ) -> None:
        downloads.fetcher.troubles["x.pt"] = [Trouble(ZeroDivisionError())]
        (download,) = downloads.add("x.pt")
        failed = downloads.queue.wait(download.id, timeout=30)
        assert failed.failure is not None
        assert failed.failure.code == "internal_error"
        assert "met a defect" in caplog.text

    def test_what_the_storage_refuses_to_keep_is_taken_up_again(
        self, storage: MemoryStorage, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The file is there then, and only has to be looked at once more."""
        refusals = [StorageBusy("Another process held the queue database for too long.")] * 2

        def no_room(download: Download) -> tuple[tuple[str, ...], Mapping[str, bool]]:
            if refusals:
                raise refusals.pop()
            return (), {}

        made = downloads_over(storage, tmp_path)
        made.fetcher.troubles["x.pt"] = [Trouble(each, after=PIECE) for each in refusals]
        made.queue.start()
        (download,) = made.add("x.pt")
        finished(made, download)
        made.close()
        assert "is taken up again" in caplog.text
        assert storage.events.read()[2].data["reason"] == PROCESS_GONE


class TestAftercare:
    """When the file is in its place, somebody sees to it; that never harms the download."""

    def run(
        self,
        storage: MemoryStorage,
        folder: Path,
        aftercare: Callable[[Download], tuple[tuple[str, ...], Mapping[str, bool]]],
    ) -> Download:
        made = downloads_over(storage, folder, aftercare=aftercare)
        made.queue.start()
        (download,) = made.add("x.pt", record={"version": {"id": 1}})
        done = finished(made, download)
        made.close()
        return done

    def test_it_is_given_the_whole_download_and_its_words_are_kept(
        self, storage: MemoryStorage, tmp_path: Path
    ) -> None:
        seen: list[tuple[Download, bytes]] = []

        def care(download: Download) -> tuple[tuple[str, ...], Mapping[str, bool]]:
            seen.append((download, download.file.read_bytes()))
            return ("No preview.",), {"Laptop": True}

        done = self.run(storage, tmp_path, care)
        ((given, content),) = seen
        assert given.record == {"version": {"id": 1}}
        assert (given.total, content) == (SIZE, content_of("x.pt"))
        assert (done.notes, done.servers) == (("No preview.",), {"Laptop": True})
        assert storage.events.read()[-1].data["notes"] == ["No preview."]

    def test_what_could_not_be_proved_is_told_as_well(
        self, storage: MemoryStorage, tmp_path: Path
    ) -> None:
        made = downloads_over(storage, tmp_path, aftercare=lambda _: (("No preview.",), {}))
        made.fetcher.doubts = ("Nobody tells its SHA-256.",)
        made.queue.start()
        (download,) = made.add("x.pt")
        assert finished(made, download).notes == ("Nobody tells its SHA-256.", "No preview.")
        made.close()

    def test_what_it_could_not_do_is_a_note(self, storage: MemoryStorage, tmp_path: Path) -> None:
        def fail(download: Download) -> tuple[tuple[str, ...], Mapping[str, bool]]:
            raise CivitaiUnavailable("It is down.")

        assert self.run(storage, tmp_path, fail).notes == ("It is down.",)

    def test_a_defect_of_it_is_a_note_too(
        self, storage: MemoryStorage, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        def stumble(download: Download) -> tuple[tuple[str, ...], Mapping[str, bool]]:
            raise ZeroDivisionError

        (note,) = self.run(storage, tmp_path, stumble).notes
        assert "ZeroDivisionError" in note
        assert "Traceback" in caplog.text


class TestListening:
    """Those who watch are told, and never in the way."""

    def test_a_listener_that_fails_harms_nothing(
        self, downloads: Downloads, storage: MemoryStorage, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(event: Event, /) -> None:
            raise ZeroDivisionError

        downloads.announcer.subscribe(fail)
        (download,) = downloads.add("x.pt")
        finished(downloads, download)
        until(lambda: "A listener failed on download.completed" in caplog.text)

    def test_progress_is_announced_and_not_written(
        self, downloads: Downloads, storage: MemoryStorage
    ) -> None:
        heard: list[Mapping[str, Any]] = []

        def listen(event: Event, /) -> None:
            if event.kind is EventKind.DOWNLOAD_PROGRESS:
                heard.append(event.data)

        downloads.announcer.subscribe(listen)
        (download,) = downloads.add("x.pt")
        finished(downloads, download)
        until(lambda: heard)
        assert heard[0]["download_id"] == download.id
        assert heard[0]["total"] == SIZE
        assert "progress" not in kinds(storage)

    def test_a_download_can_be_watched_to_its_end(self, downloads: Downloads) -> None:
        downloads.fetcher.allowed = 300
        (download,) = downloads.add("x.pt")
        watching = downloads.queue.watch(download.id, timeout=30)
        seen = [next(watching).bytes_done]
        under_way(downloads, download, here=300)
        downloads.fetcher.allowed = SIZE
        seen += [progress.bytes_done for progress in watching]
        assert seen == sorted(seen)
        assert seen[-1] == SIZE


class TestCompany:
    """Several processes share a storage: one fetches, any may interfere, nobody is missed."""

    def test_one_fetches_and_the_next_takes_over(self, opener: Opener, tmp_path: Path) -> None:
        with opener() as one, opener() as two:
            first = downloads_over(one, tmp_path)
            second = downloads_over(two, tmp_path)
            first.fetcher.allowed = second.fetcher.allowed = 300
            first.queue.start()
            (download,) = first.add("x.pt")
            under_way(first, download, here=300)
            second.queue.start()
            (other,) = second.add("y.pt")
            until(lambda: first.fetcher.under_way == 2)
            assert second.fetcher.begun == []

            second.fetcher.allowed = SIZE
            first.close()
            finished(second, download)
            finished(second, other)
            assert dict(second.fetcher.begun)["x.pt"] == 300
            second.close()

    def test_closing_is_quick_and_hands_over_what_was_fetched(
        self, opener: Opener, tmp_path: Path
    ) -> None:
        """To be read on at once, whenever somebody opens the storage again."""
        with opener() as storage:
            made = downloads_over(storage, tmp_path)
            made.fetcher.allowed = 300
            made.queue.start()
            (download,) = made.add("x.pt")
            under_way(made, download, here=300)
            made.close()
            made.close()
            left = storage.downloads.get(download.id)
            assert (left.status, left.not_before) == (DownloadStatus.QUEUED, None)
            assert (left.bytes_done, left.etag) == (300, ETAG)
        with opener() as storage:
            again = downloads_over(storage, tmp_path)
            again.queue.start()
            finished(again, download)
            assert again.fetcher.begun == [("x.pt", 300)]
            again.close()

    def test_what_a_dead_process_left_goes_on_at_once(self, opener: Opener, tmp_path: Path) -> None:
        with opener() as storage:
            made = downloads_over(storage, tmp_path)
            (download,) = made.add("x.pt")
            fetched(storage)
            part_of(download).write_bytes(content_of("x.pt")[:400])
            made.queue.start()
            finished(made, download)
            made.close()
            told = [event.data.get("reason") for event in storage.events.read()]
            assert PROCESS_GONE in told
            assert made.fetcher.begun == [("x.pt", 400)]

    @pytest.mark.parametrize("verb", ["pause", "cancel"])
    def test_another_process_may_pause_and_cancel(
        self, opener: Opener, tmp_path: Path, verb: str
    ) -> None:
        """It is answered at once; whoever fetches notices within a second."""
        with opener() as one, opener() as two:
            fetching = downloads_over(one, tmp_path)
            fetching.fetcher.allowed = 300
            fetching.queue.start()
            (download,) = fetching.add("x.pt")
            under_way(fetching, download, here=300)
            elsewhere = downloads_over(two, tmp_path)
            changed = getattr(elsewhere.queue, verb)(download.id)
            assert changed.status in (DownloadStatus.PAUSED, DownloadStatus.CANCELLED)
            until(lambda: fetching.fetcher.under_way == 0, seconds=1)
            until(lambda: part_of(download).exists() == (verb == "pause"))
            assert elsewhere.queue.get(download.id).status is changed.status
            fetching.close()
            elsewhere.close()

    def test_a_pause_and_a_resume_elsewhere_go_unnoticed_by_the_file(
        self, opener: Opener, tmp_path: Path
    ) -> None:
        with opener() as one, opener() as two:
            fetching, elsewhere = downloads_over(one, tmp_path), downloads_over(two, tmp_path)
            fetching.fetcher.allowed = 300
            fetching.queue.start()
            (download,) = fetching.add("x.pt")
            for _ in range(5):
                until(lambda: one.downloads.with_status(DownloadStatus.DOWNLOADING))
                under_way(fetching, download, here=300)
                elsewhere.queue.pause(download.id)
                elsewhere.queue.resume(download.id)
            fetching.fetcher.allowed = SIZE
            finished(fetching, download)
            assert fetching.fetcher.most_for_one == 1
            fetching.close()
            elsewhere.close()

    def test_what_another_process_adds_is_found(self, opener: Opener, tmp_path: Path) -> None:
        """By a look now and then: its bell is not ours."""
        with opener() as one, opener() as two:
            fetching, elsewhere = downloads_over(one, tmp_path), downloads_over(two, tmp_path)
            fetching.queue.start()
            (download,) = elsewhere.add("x.pt")
            finished(elsewhere, download)
            fetching.close()
            elsewhere.close()


def test_a_download_that_another_fetches_is_watched_by_its_part_file(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "q.db") as one, SqliteStorage(tmp_path / "q.db") as two:
        fetching = downloads_over(one, tmp_path, fetcher=SimulatedFetcher(pause=0.05))
        fetching.queue.start()
        elsewhere = downloads_over(two, tmp_path)
        (download,) = elsewhere.add("x.pt")
        seen = [each.bytes_done for each in elsewhere.queue.watch(download.id, timeout=30)]
        assert seen == sorted(seen)
        assert len(seen) > 2
        assert seen[-1] == SIZE
        fetching.close()
        elsewhere.close()
