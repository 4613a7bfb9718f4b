"""Which pictures show a model, and in which order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.strategies import names

from stablequeue_core.models.files.previews import preview_names, preview_stem, sample_stem

IN_ORDER = (
    *("x.png", "x.preview.png", "x.jpg", "x.preview.jpg", "x.jpeg", "x.preview.jpeg"),
    *("x.webp", "x.preview.webp", "x.gif", "x.preview.gif", "x.avif", "x.preview.avif"),
    *("x.thumb.jpg", "x.thumb.jpeg", "x.thumb.png", "x.thumb.webp"),
    *("x_0.jpg", "x_2.png", "x_10.jpg"),
    *("x.mp4", "x.preview.mp4", "x.webm", "x.preview.webm", "x_1.mp4"),
)
OTHERS = (
    *("x.safetensors", "x.json", "x.html", "x.preview.json", "y.png", "xy.png", "x.y.png"),
    *("x_.png", "x_a.png", "x_1.txt", "x_1.preview.png", "png", ".png", "x", "x.svg", "x_²3.png"),
)


def test_forges_order_then_other_tools_then_samples_by_number_then_films() -> None:
    everything = [*IN_ORDER, *OTHERS]
    random.Random(1).shuffle(everything)
    assert preview_names("x", everything) == IN_ORDER


def test_a_picture_of_the_models_name_comes_before_its_preview() -> None:
    """As in Forge, for each extension; a PNG of either name before any JPEG."""
    assert preview_names("x", ["x.jpg", "x.preview.png"]) == ("x.preview.png", "x.jpg")


def test_case_and_unicode_form_may_differ() -> None:
    found = preview_names("Caf\u00e9", ["cafe\u0301.PNG", "CAFÉ.Preview.Png", "café_1.JPG"])
    assert found == ("cafe\u0301.PNG", "CAFÉ.Preview.Png", "café_1.JPG")


def test_of_two_spellings_the_models_own_comes_first() -> None:
    assert preview_names("x", ["X.png", "x.PNG", "x.png"]) == ("x.PNG", "x.png", "X.png")


@given(st.permutations([*IN_ORDER, "X.png", "x.PNG", "X_0.jpg"]))
def test_the_order_in_which_files_are_listed_does_not_matter(listed: list[str]) -> None:
    assert preview_names("x", listed) == preview_names("x", sorted(listed))


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("x.png", "x"),
        ("x.v2.Preview.PNG", "x.v2"),
        ("x.thumb.jpg", "x"),
        ("x.preview.mp4", "x"),
        ("x_3.jpg", "x_3"),
        ("x.preview.preview.png", "x.preview"),
        (".preview.png", ".preview"),
        ("x.json", None),
        ("x.preview", None),
        ("x", None),
        ("", None),
        (".png", None),
    ],
)
def test_a_picture_is_called_like_its_model(name: str, stem: str | None) -> None:
    assert preview_stem(name) == stem


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("x_0.jpg", "x"),
        ("my_lora_12.PNG", "my_lora"),
        ("x_1.mp4", "x"),
        ("x_1.json", None),
        ("x_.png", None),
        ("x_1a.png", None),
        ("x_²3.png", None),
        ("_1.png", None),
        ("x.png", None),
        ("x_1234567890.png", None),
    ],
)
def test_a_numbered_picture_may_be_a_sample(name: str, stem: str | None) -> None:
    """Or the preview of a model whose name ends in a number, which is asked for first."""
    assert sample_stem(name) == stem


@given(names, st.sampled_from(IN_ORDER))
def test_every_preview_leads_back_to_its_model(stem: str, name: str) -> None:
    named = stem + name.removeprefix("x")
    if named in preview_names(stem, [named]):
        assert stem in (preview_stem(named), sample_stem(named))
