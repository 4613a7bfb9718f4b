"""How fast a download comes is measured over the last seconds, and told now and then."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stablequeue_core.announcer import Announcer
from stablequeue_core.downloads.progress import DownloadBoard, DownloadProgress, Meter
from stablequeue_core.events import Event, EventKind
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.testing.contracts.download_samples import queued


def run(meter: Meter, clock: FakeClock, *, seconds: float, rate: int, done: int, total: int) -> int:
    """Let bytes come evenly; how many are there then."""
    for _ in range(int(seconds * 20)):
        clock.advance(0.05)
        done += rate // 20
        meter.put(done, total)
    return done


def test_an_even_flow_is_measured_and_its_end_foretold() -> None:
    clock = FakeClock()
    meter = Meter(clock)
    meter.put(0, 10_000)
    run(meter, clock, seconds=4, rate=1000, done=0, total=10_000)
    seen = meter.read()
    assert (seen.bytes_done, seen.total, seen.fraction) == (4000, 10_000, 0.4)
    assert seen.bytes_per_second == pytest.approx(1000)
    assert seen.seconds_left == pytest.approx(6)


def test_what_was_there_before_does_not_count_as_speed() -> None:
    clock = FakeClock()
    meter = Meter(clock)
    meter.put(1_000_000, 1_010_000)
    run(meter, clock, seconds=2, rate=1000, done=1_000_000, total=1_010_000)
    assert meter.read().bytes_per_second == pytest.approx(1000)


def test_the_rate_follows_a_change_within_seconds() -> None:
    clock = FakeClock()
    meter = Meter(clock)
    done = run(meter, clock, seconds=60, rate=10_000, done=0, total=10**6)
    run(meter, clock, seconds=6, rate=1000, done=done, total=10**6)
    assert meter.read().bytes_per_second == pytest.approx(1000, rel=0.05)


def test_the_rate_falls_to_nothing_while_nothing_comes() -> None:
    """And nobody says then how long it is going to take."""
    clock = FakeClock()
    meter = Meter(clock)
    run(meter, clock, seconds=5, rate=1000, done=0, total=10_000)
    clock.advance(60)
    seen = meter.read()
    assert seen.bytes_per_second == 0
    assert seen.seconds_left is None


def test_a_moment_is_too_short_to_tell_a_rate() -> None:
    clock = FakeClock()
    meter = Meter(clock)
    assert meter.read() == DownloadProgress(bytes_done=0)
    meter.put(0, None)
    clock.advance(0.01)
    meter.put(10**9, None)
    assert meter.read() == DownloadProgress(bytes_done=10**9)


def test_a_file_that_is_begun_anew_has_no_speed_below_zero() -> None:
    clock = FakeClock()
    meter = Meter(clock)
    done = run(meter, clock, seconds=5, rate=1000, done=0, total=10_000)
    assert done == 5000
    meter.put(0, 10_000)
    run(meter, clock, seconds=2, rate=500, done=0, total=10_000)
    seen = meter.read()
    assert seen.bytes_done == 1000
    assert seen.bytes_per_second == pytest.approx(500)


def test_a_total_that_was_too_small_does_not_end_in_the_past() -> None:
    """Civitai's sizes are a little off until the host of the file has told its own."""
    clock = FakeClock()
    meter = Meter(clock)
    run(meter, clock, seconds=5, rate=1000, done=0, total=4990)
    seen = meter.read()
    assert seen.seconds_left == 0
    assert seen.fraction == 1


class Listening:
    """Hears every event."""

    def __init__(self) -> None:
        self.heard: list[Event] = []

    def __call__(self, event: Event, /) -> None:
        self.heard.append(event)


@pytest.fixture
def storage() -> Iterator[MemoryStorage]:
    with MemoryStorage() as opened:
        yield opened


def test_progress_is_told_at_most_four_times_a_second_and_never_written(
    storage: MemoryStorage,
) -> None:
    clock, listening = FakeClock(), Listening()
    announcer = Announcer(storage.events, storage.changes)
    subscription = announcer.subscribe(listening)
    download = queued(size=10_000, title="Räv")
    tell = DownloadBoard(announcer, clock).put_up(download, 100)
    for turn in range(1000):
        clock.advance(0.01)
        tell(100 + turn, 10_000)
    while len(listening.heard) < 40:
        storage.changes.wait(storage.changes.rings, 0.01)
    subscription.close()
    assert len(listening.heard) == 40
    assert {event.kind for event in listening.heard} == {EventKind.DOWNLOAD_PROGRESS}
    last = listening.heard[-1].data
    assert last["download_id"] == download.id
    assert (last["title"], last["total"]) == ("Räv", 10_000)
    assert last["bytes_per_second"] == pytest.approx(100, rel=0.05)
    assert storage.events.last() == 0


def test_the_board_knows_what_is_fetched_here_and_nothing_else(storage: MemoryStorage) -> None:
    announcer = Announcer(storage.events, storage.changes)
    board, download = DownloadBoard(announcer, FakeClock()), queued(size=10)
    assert board.of(download.id) is None
    tell = board.put_up(download, 3)
    assert board.of(download.id) == DownloadProgress(bytes_done=3, total=10)
    tell(5, 11)
    assert board.of(download.id) == DownloadProgress(bytes_done=5, total=11)
    board.take_down(download.id)
    assert board.of(download.id) is None
