"""What the doctor says of folders in which files come and go while it looks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from tests.core.doctor_clinic import WARNING, Clinic

from stablequeue_core.doctor.leftovers import check_leftovers
from stablequeue_core.doctor.pictures import check_pictures

LONG_AGO = 1.0


class Fading:
    """Lists folders as the system does, but that some files go just after they were listed.

    Attributes:
        files: those that go.
        listings: so many times their folder is listed before they do.
    """

    def __init__(self, *files: Path, listings: int) -> None:
        self.files = files
        self.listings = listings
        self._really = os.scandir

    def __call__(self, folder: str | Path) -> Listing:
        with self._really(folder) as entries:
            listed = list(entries)
        self.listings -= 1
        if not self.listings:
            for file in self.files:
                file.unlink()
        return Listing(listed)


class Listing(Iterator[os.DirEntry[str]]):
    """What is listed, as ``os.scandir`` gives it."""

    def __init__(self, entries: list[os.DirEntry[str]]) -> None:
        self._entries = iter(entries)

    def __next__(self) -> os.DirEntry[str]:
        return next(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_the_files_of_who_writes_just_now_hide_no_leftover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = Clinic(tmp_path)
    for number in range(20):
        file = tmp_path / "images" / f".{number}.{number:016x}.tmp"
        file.write_bytes(b"x")
        os.utime(file, (LONG_AGO, LONG_AGO))
    *written, _ = sorted(tmp_path.glob("images/*.tmp"))
    # The walk through the folders lists them first.
    monkeypatch.setattr(os, "scandir", Fading(*written, listings=2))

    (found,) = check_leftovers(clinic.premises)

    assert found.verdict is WARNING
    assert "1 temporary file (1 B)" in found.sentence


def test_a_picture_that_is_tidied_away_meanwhile_keeps_nobody_from_telling_the_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = Clinic(tmp_path)
    now = int(clinic.clock.now().timestamp() * 1000)
    pictures = [tmp_path / "images" / f"8861f4e4_{now}_0000{n}-42.png" for n in range(3)]
    for each in pictures:
        each.write_bytes(b"x")
    monkeypatch.setattr(os, "scandir", Fading(pictures[1], listings=1))

    (found,) = check_pictures(clinic.premises)

    assert "at the rate of the last week" in found.sentence
