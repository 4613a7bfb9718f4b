"""A file that changes while it is read has no hash, and says so."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.models.files.hashing.signals import CountedStop

from stablequeue_core.errors import ModelFileError, UnreadableModel
from stablequeue_core.models.files.hashing import FileHasher
from stablequeue_core.testing.clock import FakeClock

SIZE, RATE = 100_000, 500_000
POSIX_ONLY = pytest.mark.skipif(
    os.name == "nt", reason="Windows lets nobody do that to an open file"
)

Change = Callable[[Path], object]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"x" * SIZE)
    os.utime(path, ns=(10**18, 10**18))
    return path


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def cut(path: Path) -> None:
    os.truncate(path, SIZE // 4)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"other")
    os.utime(path, ns=(10**18 + 100, 10**18 + 100))


def replace(path: Path) -> None:
    """By another of the same size and time, as some tools leave it."""
    other = path.with_name("new")
    other.write_bytes(b"y" * SIZE)
    os.utime(other, ns=(10**18, 10**18))
    os.replace(other, path)


def remove(path: Path) -> None:
    path.unlink()


CHANGES = pytest.mark.parametrize(
    ("change", "code"),
    [
        (append, "file_changed"),
        (cut, "file_changed"),
        (overwrite, "file_changed"),
        pytest.param(replace, "file_changed", marks=POSIX_ONLY),
        pytest.param(remove, "file_missing", marks=POSIX_ONLY),
    ],
)


@CHANGES
@pytest.mark.parametrize("wait", [1, 2])
def test_a_file_that_changes_while_it_is_read_is_not_hashed(
    model: Path, change: Change, code: str, wait: int
) -> None:
    """Each of its two blocks is followed by a wait."""
    clock, waits = FakeClock(), iter(range(1, 10))
    stop = CountedStop(clock, on_wait=lambda: change(model) if next(waits) == wait else None)
    with pytest.raises(ModelFileError) as caught:
        FileHasher(model, clock=clock).run(stop, bytes_per_second=RATE)
    assert caught.value.code == code


def test_a_file_that_is_still_being_written_is_not_read_to_its_end_in_vain(model: Path) -> None:
    clock = FakeClock()
    stop = CountedStop(clock, on_wait=lambda: append(model))
    with pytest.raises(UnreadableModel):
        FileHasher(model, clock=clock).run(stop, bytes_per_second=RATE / 10)
    assert len(stop.waits) == 1


@CHANGES
def test_a_file_that_changes_while_it_is_stopped_is_not_hashed(
    model: Path, change: Change, code: str
) -> None:
    clock = FakeClock()
    hasher = FileHasher(model, clock=clock)
    assert hasher.run(CountedStop(clock, after=1), bytes_per_second=RATE) is None
    change(model)
    with pytest.raises(ModelFileError) as caught:
        hasher.run()
    assert caught.value.code == code


def test_after_a_change_the_next_run_begins_anew(model: Path) -> None:
    clock = FakeClock()
    hasher = FileHasher(model, clock=clock)
    hasher.run(CountedStop(clock, after=1), bytes_per_second=RATE)
    append(model)
    with pytest.raises(UnreadableModel):
        hasher.run()
    assert hasher.run() == FileHasher(model).run()


def test_when_the_listener_fails_the_next_run_begins_anew(model: Path) -> None:
    clock = FakeClock()
    hasher = FileHasher(model, clock=clock)

    def fail(done: int, total: int) -> None:
        raise RuntimeError("the listener's own fault")

    with pytest.raises(RuntimeError, match="own fault"):
        hasher.run(CountedStop(clock), fail, bytes_per_second=RATE)
    assert hasher.run() == FileHasher(model).run()


def test_a_file_that_is_not_the_one_that_was_seen_is_not_hashed(model: Path) -> None:
    found = model.stat()
    for seen in [(SIZE + 1, found.st_mtime_ns), (SIZE, found.st_mtime_ns + 1)]:
        with pytest.raises(UnreadableModel) as caught:
            FileHasher(model, seen=seen).run()
        assert caught.value.code == "file_changed"
    as_seen = FileHasher(model, seen=(SIZE, found.st_mtime_ns))
    assert as_seen.run() == FileHasher(model).run()


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UnreadableModel) as caught:
        FileHasher(tmp_path / "gone.safetensors").run()
    assert caught.value.code == "file_missing"
    assert caught.value.message == "'gone.safetensors' is not there any more. Scan again."


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableModel) as caught:
        FileHasher(tmp_path).run()
    assert caught.value.code == "unreadable"


@POSIX_ONLY
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.safetensors")
    with pytest.raises(UnreadableModel) as caught:
        FileHasher(tmp_path / "x.safetensors").run()
    assert caught.value.code == "unreadable"


@POSIX_ONLY
def test_what_the_system_refuses_is_said_without_the_path(tmp_path: Path) -> None:
    loop = tmp_path / "x.safetensors"
    loop.symlink_to(loop)
    with pytest.raises(UnreadableModel) as caught:
        FileHasher(loop).run()
    assert caught.value.code == "unreadable"
    assert caught.value.message.startswith("'x.safetensors' cannot be read: Too many levels")
    assert str(tmp_path) not in caught.value.message


def test_the_sentence_of_a_change_says_what_to_do(model: Path) -> None:
    with pytest.raises(UnreadableModel, match="Scan again when nothing writes to it") as caught:
        FileHasher(model, seen=(1, 1)).run()
    assert str(model.parent) not in caught.value.message
