"""The picture of a job's life is that of the table."""

from __future__ import annotations

from docs.draw_lifecycle import BEGIN, END, PAGE, drawn_into

from stablequeue_core.jobs import TRANSITIONS


def test_the_drawing_is_up_to_date() -> None:
    """If not: ``python docs/draw_lifecycle.py``."""
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    assert drawn_into(text) == text


def test_the_drawing_has_every_transition() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for present, following in TRANSITIONS.items():
        for next_one, why in following.items():
            assert f"{present} --> {next_one}: {why}" in text
