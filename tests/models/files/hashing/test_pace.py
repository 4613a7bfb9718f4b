"""How fast a file is read, and how often that is told."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from tests.models.files.hashing.signals import CountedStop

from stablequeue_core.models.files.hashing import PROGRESS_SECONDS, FileHasher
from stablequeue_core.testing.clock import FakeClock

SIZE = 20_000_000


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "x.ckpt"
    with path.open("wb") as file:
        file.truncate(SIZE)
    return path


@pytest.mark.parametrize("rate", [2_000_000, 50_000_000, 1e9])
def test_it_waits_as_long_as_the_pace_asks_for(model: Path, rate: float) -> None:
    clock = FakeClock()
    stop = CountedStop(clock)
    FileHasher(model, clock=clock).run(stop, bytes_per_second=rate)
    assert sum(stop.waits) == pytest.approx(SIZE / rate, rel=0.01)


@pytest.mark.parametrize("rate", [2_000_000, 50_000_000])
def test_it_waits_often_and_briefly(model: Path, rate: float) -> None:
    clock = FakeClock()
    stop = CountedStop(clock)
    FileHasher(model, clock=clock).run(stop, bytes_per_second=rate)
    assert max(stop.waits) <= 0.1 + 1e-6


def test_many_small_files_keep_the_pace_together(tmp_path: Path) -> None:
    """Each waits for itself at its end, so the next begins in its turn."""
    clock = FakeClock()
    for number in range(10):
        path = tmp_path / f"{number}.ckpt"
        path.write_bytes(b"x" * 1000)
        FileHasher(path, clock=clock).run(CountedStop(clock), bytes_per_second=20_000)
    assert clock.monotonic() == pytest.approx(10 * 1000 / 20_000)


def test_time_that_was_lost_is_not_made_up(model: Path) -> None:
    """After the disk was slow for a minute, the pace is the same as before."""
    clock = FakeClock()
    lost = iter([60.0])
    stop = CountedStop(clock, on_wait=lambda: clock.advance(next(lost, 0.0)))
    FileHasher(model, clock=clock).run(stop, bytes_per_second=2_000_000)
    assert sum(stop.waits) == pytest.approx(SIZE / 2_000_000, rel=0.02)


def test_without_a_pace_it_never_waits(model: Path) -> None:
    clock = FakeClock()
    stop = CountedStop(clock)
    FileHasher(model, clock=clock).run(stop)
    assert stop.waits == []


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_pace_that_leads_nowhere_is_refused(model: Path, rate: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        FileHasher(model).run(bytes_per_second=rate)


def test_progress_grows_to_the_size_of_the_file(model: Path) -> None:
    clock = FakeClock()
    heard: list[tuple[int, int]] = []
    FileHasher(model, clock=clock).run(
        CountedStop(clock),
        lambda done, total: heard.append((done, total)),
        bytes_per_second=10_000_000,
    )
    assert len(heard) > 10
    assert all(before < after for (before, _), (after, _) in pairwise(heard[:-1]))
    assert heard[-1] == (SIZE, SIZE)
    assert {total for _, total in heard} == {SIZE}


def test_progress_is_told_ten_times_a_second_at_most_and_at_the_end(model: Path) -> None:
    clock = FakeClock()
    times: list[float] = []
    FileHasher(model, clock=clock).run(
        CountedStop(clock),
        lambda done, total: times.append(clock.monotonic()),
        bytes_per_second=60_000_000,
    )
    assert len(times) > 2
    assert all(after - before >= PROGRESS_SECONDS for before, after in pairwise(times[:-1]))


def test_a_file_that_takes_no_time_tells_only_its_end(model: Path) -> None:
    heard: list[tuple[int, int]] = []
    FileHasher(model, clock=FakeClock()).run(None, lambda *seen: heard.append(seen))
    assert heard == [(SIZE, SIZE)]
