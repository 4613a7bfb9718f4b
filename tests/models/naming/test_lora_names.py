"""A LoRA's path or file name, brought to the name that a prompt must use."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.models import LoraPaths, stem
from stablequeue_core.servers import ListedLora


def lora(path: str, separator: str = "/") -> ListedLora:
    """As a server lists the file."""
    return ListedLora(name=stem(path), alias=stem(path), path=path.replace("/", separator))


SHELF = ("styles/ink.v2.safetensors", "ink.pt", "people/old sailor.safetensors", "a/b/ink_b.pt")


@pytest.mark.parametrize("separator", ["/", "\\"])
@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("styles/ink.v2", "ink.v2"),
        (r"styles\ink.v2.safetensors", "ink.v2"),
        ("./styles//ink.v2", "ink.v2"),
        ("ink.v2.safetensors", "ink.v2"),
        ("INK.V2", "ink.v2"),
        ("ink.pt", "ink"),
        ("Old Sailor.safetensors", "old sailor"),
        ("b/ink_b", "ink_b"),
        ("Lora/styles/ink.v2", "ink.v2"),
        ("models/Lora/ink.pt", "ink"),
        ("/srv/forge/styles/ink.v2.safetensors", "ink.v2"),
        (r"D:\forge\models\Lora\people\old sailor.safetensors", "old sailor"),
    ],
)
def test_every_way_to_say_it_leads_to_the_file(separator: str, wanted: str, name: str) -> None:
    paths = LoraPaths([lora(path, separator) for path in SHELF])
    assert [found.name for found in paths.fitting(wanted)] == [name]


@pytest.mark.parametrize(
    "wanted",
    [
        "people/ink",
        "styles/ink",
        "tyles/ink.v2",
        "ink.safetensors",
        "ink.v2.pt",
        " old sailor",
        "styles",
        "styles/",
        "x/b/ink_b",
        "",
        "/",
        ".pt",
    ],
)
def test_what_is_not_there_is_not_found(wanted: str) -> None:
    assert LoraPaths(map(lora, SHELF)).fitting(wanted) == []


def test_two_that_fit_are_both_found() -> None:
    shelf = [lora("a/Ink.safetensors"), lora("b/ink.safetensors")]
    assert LoraPaths(shelf).fitting("INK.safetensors") == shelf
    assert LoraPaths(shelf).fitting("b/ink") == shelf[1:]


def test_a_lora_whose_path_the_server_does_not_tell_is_not_found_by_path() -> None:
    assert LoraPaths([ListedLora(name="ink", alias="ink")]).fitting("ink.safetensors") == []
    assert LoraPaths([ListedLora(name="ink", alias="ink")]).fitting("") == []


def test_decomposed_names_meet_composed_ones() -> None:
    listed = lora(unicodedata.normalize("NFD", "é/dé.safetensors"))
    assert LoraPaths([listed]).fitting("é/dé") == [listed]


files = st.builds(
    "{}{}.{}".format,
    st.sampled_from(["", "a/", "A/", "a/b/", "lora/"]),
    st.sampled_from(["x", "X", "x.v2", "a"]),
    st.sampled_from(["safetensors", "pt"]),
)


@given(st.lists(files, unique=True, min_size=1, max_size=6), st.data())
def test_a_listed_path_always_finds_its_own_file(shelf: list[str], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(shelf))
    assert lora(path) in LoraPaths(map(lora, shelf)).fitting(path)
