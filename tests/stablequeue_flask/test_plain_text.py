"""Text for people and terminals, made of what strangers have written."""

from __future__ import annotations

import pytest

from stablequeue_flask.excerpts import EXCERPT_CHARS, excerpt
from stablequeue_flask.plain_text import fact_lines, printable, room, table, wrapped


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


def test_the_widest_columns_are_cut_where_there_is_no_room() -> None:
    rows = [("id", "prompt", "name"), ("1", "a" * 30, "b" * 20)]
    assert table(rows, within=28, cut=(1, 2)).splitlines()[1] == "1   aaaaaaaaaa…  bbbbbbbbbb…"


def test_columns_are_cut_in_turn_and_some_keep_their_ends() -> None:
    rows = [("id", "tags", "address"), ("1", "a" * 30, "http://tower:7860")]
    cut = {"cut_first": [1], "cut": [2], "keep_ends": [2]}
    assert table(rows, within=35, **cut).splitlines()[1] == "1   aaaaaaaaaaa…  http://tower:7860"
    assert table(rows, within=27, **cut).splitlines()[1] == "1   aaaaaaa…  …//tower:7860"


def test_what_is_cut_counts_as_wide_as_a_terminal_draws_it() -> None:
    shown = table([("a", "b"), ("日本日本日本日本", "x")], within=13, cut=(0,))
    assert shown.splitlines()[1] == "日本日本…   x"


def test_ids_and_addresses_stay_in_one_piece_when_lines_are_wrapped() -> None:
    words = ["88615c9d-71ec-4803-88b0-14f5162f6c66", "http://tower.example:7860/a-long-path"]
    assert wrapped(" ".join(words), 20) == words


def test_a_long_fact_goes_on_below_its_own_beginning() -> None:
    lines = list(fact_lines([("Why", "one two three")], within=24))
    assert lines == ["Why:            one two", "                three"]


@pytest.mark.parametrize(("columns", "width"), [("80", 79), ("300", 100), ("10", 40)])
def test_there_is_as_much_room_as_the_terminal_has_within_reason(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert room() == width
