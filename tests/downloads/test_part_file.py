"""What is here of a file: written at once, hashed on the way."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stablequeue_core.downloads.fetching.part_file import BLOCK_BYTES, HashSoFar, PartFile
from stablequeue_core.transport import Abort

MANY = os.urandom(BLOCK_BYTES * 9 + 12_345)


def take(part: PartFile, data: bytes, piece: int = 100_000) -> None:
    """Feed it as a transport does: as much as fits, in pieces of at most so many bytes."""
    rest = memoryview(data)
    while rest:
        room = part.room
        count = min(len(room), piece, len(rest))
        room[:count] = rest[:count]
        part.add(count)
        rest = rest[count:]


def digits(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("piece", [1, 1000, BLOCK_BYTES, BLOCK_BYTES * 3])
def test_what_is_hashed_is_what_was_written(tmp_path: Path, piece: int) -> None:
    data = MANY[:5000] if piece == 1 else MANY
    with PartFile(tmp_path / "x.part") as part:
        take(part, data, piece)
        assert (tmp_path / "x.part").read_bytes() == data
        assert part.sha256() == digits(data)
        assert part.size == len(data)


@given(st.lists(st.sampled_from([0, 1, 1000, BLOCK_BYTES - 1, BLOCK_BYTES, 700_001]), max_size=6))
@settings(max_examples=30, deadline=None)
def test_it_can_be_left_and_taken_up_at_every_byte(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int]
) -> None:
    path, known, written = tmp_path_factory.mktemp("part") / "x.part", HashSoFar(), 0
    for count in counts:
        with PartFile(path, known) as part:
            part.read_back(Abort())
            take(part, MANY[written : written + count])
            written += count
            known = part.close()
            assert (known.done, path.stat().st_size) == (written, written)
    with PartFile(path) as anew:
        anew.read_back(Abort())
        assert anew.sha256() == known.sha256.hexdigest() == digits(MANY[:written])


def test_what_the_same_process_has_hashed_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    with PartFile(path) as part:
        take(part, MANY)
        known = part.close()
    with PartFile(path, known) as part:
        assert part.sha256() == digits(MANY)  # though nothing was read back


def test_a_part_that_was_touched_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    with PartFile(path) as part:
        take(part, MANY)
        known = part.close()
    path.write_bytes(MANY[::-1])
    with PartFile(path, known) as part:
        part.read_back(Abort())
        assert part.sha256() == digits(MANY[::-1])


def test_reading_back_can_be_stopped_and_goes_on_from_there(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    path.write_bytes(MANY)
    abort = Abort()
    abort.pull()
    with PartFile(path) as part:
        part.read_back(abort)
        known = part.close()
    assert known.done < len(MANY)
    with PartFile(path, known) as part:
        part.read_back(Abort())
        assert part.sha256() == digits(MANY)


def test_it_begins_anew_when_it_is_emptied(tmp_path: Path) -> None:
    with PartFile(tmp_path / "x.part") as part:
        take(part, MANY)
        part.empty()
        take(part, b"abc")
        assert (tmp_path / "x.part").read_bytes() == b"abc"
        assert part.sha256() == digits(b"abc")


def test_its_beginning_can_be_looked_at_while_it_grows(tmp_path: Path) -> None:
    with PartFile(tmp_path / "x.part") as part:
        take(part, MANY[:1000])
        assert part.beginning(8) == MANY[:8]
        take(part, MANY[1000:])
        assert part.sha256() == digits(MANY)
    assert (tmp_path / "x.part").read_bytes() == MANY


def test_it_is_written_through_no_link(tmp_path: Path) -> None:
    if not hasattr(os, "O_NOFOLLOW"):
        pytest.skip("this system cannot be asked for that")
    (tmp_path / "x.part").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        PartFile(tmp_path / "x.part")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="sets a limit that only POSIX has")
def test_a_disk_that_takes_no_more_leaves_a_part_that_can_be_read_on(tmp_path: Path) -> None:
    code = f"""
import resource, sys
from pathlib import Path
from stablequeue_core.downloads.fetching.part_file import PartFile
resource.setrlimit(resource.RLIMIT_FSIZE, (250_000, 250_000))
with PartFile(Path({str(tmp_path / "x.part")!r})) as part:
    try:
        while True:
            part.add(min(60_000, len(part.room)))
    except OSError as error:
        print(part.size, part.sha256())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    size, sha256 = done.stdout.split()
    assert (tmp_path / "x.part").read_bytes() == bytes(int(size))
    assert sha256 == digits(bytes(int(size)))
    assert size == "240000"
