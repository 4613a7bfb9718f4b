"""Descriptions are HTML of anybody; what is kept is text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.files.sidecars.beside import Folder

from stablequeue_core.models.files.sidecars.html_text import plain_text

TEXT_OF = {
    "<p>One</p><p>Two</p>": "One\n\nTwo",
    "a<br/>b<BR>c": "a\nb\nc",
    "<ul><li>a</li><li>b</li></ul>": "a\n\nb",
    "<strong>bold</strong> and <a href='https://x.example'>link</a>": "bold and link",
    "Tom &amp; Jerry &lt;3": "Tom & Jerry <3",
    "<script>alert('x')</script>after": "after",
    "<style>p {}</style><p>after": "after",
    "before<script>never closed": "before",
    "<!-- note --><?php x ?>text": "text",
    "Use <lora:ink:0.8> here": "Use <lora:ink:0.8> here",
    "mail <alice@example.com>": "mail <alice@example.com>",
    "a < b and b > c": "a < b and b > c",
    "I <3 you": "I <3 you",
    "<img src=x onerror=alert(1)>": "",
    "no markup,\n\n\n\njust lines": "no markup,\n\n\n\njust lines",
    "&#" + "9" * 5000 + ";": "&#" + "9" * 5000 + ";",
    "": "",
}


@pytest.mark.parametrize(("markup", "text"), TEXT_OF.items(), ids=lambda value: repr(value)[:40])
def test_tags_go_and_lines_stay(markup: str, text: str) -> None:
    assert plain_text(markup) == text


@given(st.text(st.characters(exclude_characters="<&")))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert plain_text(text) == text


@given(
    st.lists(st.sampled_from(["<p>", "</p>", "<", ">", "&lt;", "<b ", "x", "<!--"])).map("".join)
)
def test_no_known_tag_is_left_whole(markup: str) -> None:
    assert "<p>" not in plain_text(markup.replace("&lt;", ""))


@pytest.mark.parametrize("piece", ["<", "<a ", "<!--", "<script>", "&", "&#9", " \n", "<a b='"])
def test_markup_that_keeps_a_parser_busy_for_hours_is_read_at_once(piece: str) -> None:
    """Two million characters; the time-out of the suite is the judge."""
    assert len(plain_text(piece * (2_000_000 // len(piece)) + "<")) <= 2_000_001


def test_a_description_is_stored_without_tags(folder: Folder) -> None:
    folder.put(".civitai.info", {"description": "<p>Soft &amp; <b>warm</b>.</p><p>Try it.</p>"})
    assert folder.card.description == "Soft & warm.\n\nTry it."
