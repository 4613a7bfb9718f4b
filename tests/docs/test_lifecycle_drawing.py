"""The pictures of the lives of jobs and downloads are those of the tables."""

from __future__ import annotations

from enum import StrEnum

import pytest
from docs.draw_lifecycle import LIVES, Life


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
def test_the_drawing_is_up_to_date(life: Life[StrEnum]) -> None:
    """If not: ``python docs/draw_lifecycle.py``."""
    text = life.page.read_text(encoding="utf-8")
    assert [text.count(mark) for mark in life.marks] == [1, 1]
    assert life.drawn_into(text) == text


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
def test_the_drawing_has_every_transition(life: Life[StrEnum]) -> None:
    text = life.page.read_text(encoding="utf-8")
    for present, following in life.transitions.items():
        for next_one, why in following.items():
            assert f"{present} --> {next_one}: {why}" in text
