"""The same done to each of several things."""

from __future__ import annotations

import pytest

from stablequeue_core.errors import JobNotFound, StorageFull
from stablequeue_flask.one_by_one import one_by_one


def test_what_fails_is_told_and_the_others_are_done(capsys: pytest.CaptureFixture[str]) -> None:
    def change(name: str) -> str:
        if name == "b":
            raise JobNotFound(name)
        return f"Did {name}."

    assert not one_by_one("abc", change)
    told = capsys.readouterr()
    assert (told.out, told.err) == ("Did a.\nDid c.\n", "Error: Job b not found.\n")
    assert one_by_one("ac", change)


def test_without_a_storage_nothing_more_is_tried() -> None:
    tried = []

    def change(name: str) -> None:
        tried.append(name)
        raise StorageFull("The disk is full.")

    with pytest.raises(StorageFull):
        one_by_one("abc", change)
    assert tried == ["a"]
