"""Text for people and terminals, made of what strangers have written."""

from __future__ import annotations

import pytest

from stablequeue_flask.excerpts import EXCERPT_CHARS, excerpt
from stablequeue_flask.plain_text import printable, size_text, table


@pytest.mark.parametrize(
    ("description", "text"),
    [
        ("", ""),
        ("plain words", "plain words"),
        ("<p>one</p><p>two</p>three<br/>four", "one two three four"),
        ("<B>bold</B>, <a href='x' class=y>link</a>.", "bold, link."),
        ("a < b and c > d, 1<2", "a < b and c > d, 1<2"),
        ("use <lora:ink:0.8>", "use <lora:ink:0.8>"),
        ("&lt;b&gt; &amp;amp; &#128578;", "<b> &amp; 🙂"),
        ("  many \n\n blanks\t ", "many blanks"),
        ("<p>never closed <img src=", "never closed <img src="),
    ],
)
def test_an_excerpt_is_plain_text(description: str, text: str) -> None:
    assert excerpt(description) == text


def test_a_long_description_is_cut() -> None:
    shown = excerpt("word " * 10_000)
    assert len(shown) <= EXCERPT_CHARS + 3
    assert shown.endswith("word...")


def test_a_description_of_open_tags_takes_no_time() -> None:
    assert excerpt("<a " * 1_000_000).startswith("<a <a")


def test_what_a_terminal_obeys_is_not_printed() -> None:
    assert printable("a\x1b[2J\r\nb\x7f\u202e\ud800") == "a�[2J��b���"
    assert printable("Grüße 🦊 日本") == "Grüße 🦊 日本"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (172_956, "173.0 kB"), (2e15, "2000.0 TB")],
)
def test_a_size_is_told_in_its_own_unit(size: float, text: str) -> None:
    assert size_text(size) == text


def test_columns_are_aligned_and_lines_have_no_blanks_at_their_ends() -> None:
    assert table([("a", "bb"), ("ccc", "")]) == "a    bb\nccc"
