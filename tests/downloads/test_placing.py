"""What the file system says, in words of ours."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from attrs import evolve
from tests.downloads.errands import wanted

from stablequeue_core.downloads.fetching.part_file import part_path
from stablequeue_core.downloads.fetching.placing import explained, set_aside
from stablequeue_core.errors import FileNotPlaced, NotEnoughSpace
from stablequeue_core.models.files.safe_files import put_in_place


def test_a_full_disk_keeps_the_part_and_says_how_much_is_missing(tmp_path: Path) -> None:
    download = evolve(wanted(tmp_path, folder=""), total=1000)
    part_path(download).write_bytes(bytes(400))
    with pytest.raises(NotEnoughSpace) as caught, explained(download):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path))
    assert caught.value.details["needed"] == 600
    assert caught.value.details["free"] > 0
    assert part_path(download).exists()


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.EFBIG, errno.EIO])
def test_any_other_trouble_says_what_to_do_and_shows_no_path(tmp_path: Path, code: int) -> None:
    with pytest.raises(FileNotPlaced) as caught, explained(wanted(tmp_path)):
        raise OSError(code, "strange", str(tmp_path))
    assert str(tmp_path) not in f"{caught.value.message} {caught.value.details}"


def test_a_file_that_fat32_cannot_hold_is_explained(tmp_path: Path) -> None:
    with pytest.raises(FileNotPlaced, match="FAT32"), explained(wanted(tmp_path)):
        raise OSError(errno.EFBIG, "File too large")


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_is_put_in_place_and_never_over_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    def no_link(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if not has_links:  # as on exFAT, and on many network shares
        monkeypatch.setattr(os, "link", no_link)
    source, target = tmp_path / "x.part", tmp_path / "x.safetensors"
    source.write_bytes(b"new")
    put_in_place(source, target)
    assert (target.read_bytes(), source.exists()) == (b"new", False)
    source.write_bytes(b"newer")
    with pytest.raises(FileExistsError):
        put_in_place(source, target)
    assert (target.read_bytes(), source.read_bytes()) == (b"new", b"newer")


def test_a_place_that_could_not_be_taken_stays_free(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        put_in_place(tmp_path / "nothing", tmp_path / "x.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_what_is_kept_aside_never_takes_a_name_that_is_taken(tmp_path: Path) -> None:
    target = tmp_path / "x.safetensors"
    kept = []
    for number in range(3):
        part = tmp_path / "x.part"
        part.write_bytes(b"%d" % number)
        kept.append(set_aside(part, target))
    assert kept == [
        "x.safetensors.rejected",
        "x.safetensors.rejected.2",
        "x.safetensors.rejected.3",
    ]
    assert [(tmp_path / name).read_bytes() for name in kept] == [b"0", b"1", b"2"]
