"""A hashing that is stopped reads on from there, and never twice."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.files.hashing.signals import CountedStop

from stablequeue_core.models.files.block_reading import BLOCK_BYTES
from stablequeue_core.models.files.hashing import FileHasher
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.testing.model_files import vector_c

CONTENT = vector_c()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "x.safetensors"
    path.write_bytes(CONTENT)
    return path


@settings(deadline=None, max_examples=50)
@given(
    stops=st.lists(st.integers(0, 12), max_size=6),
    rate=st.floats(1_000_000, 40_000_000),
)
def test_wherever_it_stops_the_hashes_are_as_in_one_go(
    model: Path, stops: list[int], rate: float
) -> None:
    """And the time that the pace takes shows that no byte was read twice."""
    clock = FakeClock()
    in_one_go = FileHasher(model, with_autov3=True).run()
    hasher = FileHasher(model, with_autov3=True, clock=clock)
    signals = [CountedStop(clock, after=after) for after in stops] + [CountedStop(clock)]
    for signal in signals:
        hashes = hasher.run(signal, bytes_per_second=rate)
    assert hashes == in_one_go
    waited = sum(seconds for signal in signals for seconds in signal.waits)
    assert waited == pytest.approx(len(CONTENT) / rate, rel=0.01)


@pytest.mark.parametrize("blocks", range(5))
def test_what_was_read_ahead_is_not_lost_when_it_stops(tmp_path: Path, blocks: int) -> None:
    path = tmp_path / "x.ckpt"
    path.write_bytes(b"".join(bytes([n]) * (BLOCK_BYTES - 7) for n in range(7)))
    hasher = FileHasher(path)
    clock = FakeClock()
    assert hasher.run(CountedStop(clock, after=blocks)) is None
    assert hasher.run(CountedStop(clock, after=1)) is None
    assert hasher.run() == FileHasher(path).run()


def test_stopped_before_it_begins_it_gives_nothing(model: Path) -> None:
    stop = threading.Event()
    stop.set()
    hasher = FileHasher(model)
    assert hasher.run(stop) is None
    stop.clear()
    assert hasher.run(stop) == FileHasher(model).run()


def test_a_stop_does_not_wait_for_the_pace(model: Path) -> None:
    """At a byte a second the file would take weeks; the signal ends the wait, and the reading."""

    class SetWhileWaiting(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            self.set()
            return super().wait(timeout)

    heard: list[int] = []
    hasher = FileHasher(model)
    stopped = hasher.run(
        SetWhileWaiting(), lambda done, total: heard.append(done), bytes_per_second=1
    )
    assert stopped is None
    assert heard == []


def test_finished_it_gives_the_same_again(model: Path) -> None:
    hasher = FileHasher(model)
    assert hasher.run() == hasher.run()


def test_several_files_are_hashed_at_once(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.ckpt" for number in range(6)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * (3 * BLOCK_BYTES + number))
    found: dict[Path, object] = {}

    def work(path: Path) -> None:
        found[path] = FileHasher(path).run()

    threads = [threading.Thread(target=work, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {path: FileHasher(path).run() for path in paths}
