"""The text in a picture, read as the server itself reads it."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.generation import settings_of

REAL = (
    "a cat <lora:testlora:0.5>\nNegative prompt: blur, noise: much\n"
    "Steps: 1, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 1.0, Seed: 1, Size: 64x64, "
    "Model hash: 72819d4645, Model: forgetest, "
    'Lora hashes: "testlora: dde0531cdd76, other: aaaaaaaaaaaa", '
    "Version: f2.0.1v1.10.1-previous-669-gdfdcbab6, Module 1: testvae"
)


def test_the_settings_of_a_real_picture_are_read() -> None:
    settings = settings_of(REAL)
    assert settings["Sampler"] == "DPM++ 2M"
    assert settings["Schedule type"] == "Karras"
    assert settings["Lora hashes"] == "testlora: dde0531cdd76, other: aaaaaaaaaaaa"
    assert settings["Module 1"] == "testvae"
    assert "noise" not in settings


@pytest.mark.parametrize(
    "text", ["", "\n", "a cat", "a: b", "a: b, c: d", "Steps: 1, Sampler: x\na cat: in a hat"]
)
def test_a_text_without_settings_has_none(text: str) -> None:
    """Two pairs may be a prompt that looks like settings; the server asks for three as well."""
    assert settings_of(text) == {}


def test_quotes_that_are_no_json_stay_as_they_are() -> None:
    assert settings_of(r'Steps: 1, Note: "\x", Seed: 2')["Note"] == r'"\x"'


keys = st.text(st.sampled_from("abcXYZ 0123-/"), min_size=2, max_size=12).map(str.strip)
values = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=20)


@given(
    st.text(max_size=50),
    st.dictionaries(keys.filter(lambda k: len(k) > 1 and k[0].isalnum()), values, min_size=3),
)
def test_what_was_written_in_quotes_is_read_back(prompt: str, settings: dict[str, str]) -> None:
    line = ", ".join(f"{key}: {json.dumps(value)}" for key, value in settings.items())
    assert settings_of(f"{prompt}\n{line}") == settings


@given(st.text(st.sampled_from('a: ,"\\\n1-')))
def test_any_text_can_be_read(text: str) -> None:
    assert all(isinstance(value, str) for value in settings_of(text).values())


@pytest.mark.parametrize("bait", ["a", "a ", "a: ", 'a: "', '\\"', " ", ",", "a-"])
def test_no_text_takes_long_to_read(bait: str) -> None:
    started = time.perf_counter()
    settings_of("x\n" + bait * 20_000)
    assert time.perf_counter() - started < 2
