"""Text for people and terminals, made of what strangers have written."""

from __future__ import annotations

import pytest

from stablequeue_flask.excerpts import EXCERPT_CHARS, excerpt
from stablequeue_flask.plain_text import printable, table


@pytest.mark.parametrize(
    ("description", "text"),
    [
        ("", ""),
        ("plain words", "plain words"),
        ("  many \n\n blanks\t ", "many blanks"),
        ("one\ntwo\r\nthree", "one two three"),
        ("Write <b> literally: a &lt; b, keep x", "Write <b> literally: a &lt; b, keep x"),
        ("use <lora:ink:0.8>", "use <lora:ink:0.8>"),
    ],
)
def test_an_excerpt_is_on_one_line_and_says_what_the_text_says(description: str, text: str) -> None:
    """A description is plain text already: what looks like HTML in it is meant so."""
    assert excerpt(description) == text


def test_a_long_description_is_cut() -> None:
    shown = excerpt("word " * 10_000)
    assert len(shown) <= EXCERPT_CHARS + 3
    assert shown.endswith("word...")


def test_what_a_terminal_obeys_is_not_printed() -> None:
    assert printable("a\x1b[2J\r\nb\x7f\u202e\ud800") == "a�[2J��b���"
    assert printable("Grüße 🦊 日本") == "Grüße 🦊 日本"


def test_columns_are_aligned_and_lines_have_no_blanks_at_their_ends() -> None:
    assert table([("a", "bb"), ("ccc", "")]) == "a    bb\nccc"


def test_columns_are_aligned_as_a_terminal_draws_them() -> None:
    """A wide character takes two places, and a mark on another one none."""
    rows = [("日本 モデル", "x"), ("Gru\u0308ße", "y"), ("🦊", "z")]
    assert table(rows) == "日本 モデル  x\nGru\u0308ße        y\n🦊           z"
