"""Whatever lies there, opening it holds up nobody; whatever fails, no half of a file is left."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from stablequeue_core.models.files.safe_files import NoRegularFile, open_regular, replacing

posix_only = pytest.mark.skipif(os.name == "nt", reason="Windows keeps no such permissions")


def test_a_file_is_opened_at_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"{}")
    with open_regular(path) as file:
        assert file.read() == b"{}"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(NoRegularFile):
        open_regular(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_named_pipe_is_no_file_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.json")
    with pytest.raises(NoRegularFile):
        open_regular(tmp_path / "x.json")


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "x.json")


def test_a_file_is_the_old_one_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["x.json"]


def test_a_writer_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), replacing(path) as file:
        file.writelines([b"half of the n", None])  # type: ignore[list-item]
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.json"]


def test_a_place_that_cannot_be_taken_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "x.json").mkdir()
    with pytest.raises(OSError, match=r"x\.json"), replacing(tmp_path / "x.json") as file:
        file.write(b"new")
    assert os.listdir(tmp_path) == ["x.json"]


def test_a_name_may_be_as_long_as_a_name_can_be(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 250 + ".json")
    with replacing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"


@posix_only
def test_permissions_stay_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with replacing(path) as file:
        file.write(b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
