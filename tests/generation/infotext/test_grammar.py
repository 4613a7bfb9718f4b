"""The text in a picture, taken apart as the server itself takes it apart."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.generation.infotext.recorded import SAMPLES, TITLES
from tests.generation.infotext.texts import resembling

from stablequeue_core.generation import named_hashes, settings_of
from stablequeue_core.generation.infotext.grammar import PAIR, quoted, split, unquoted

REAL = (
    "a cat <lora:testlora:0.5>\nNegative prompt: blur, noise: much\n"
    "Steps: 1, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 1.0, Seed: 1, Size: 64x64, "
    "Model hash: 72819d4645, Model: forgetest, "
    'Lora hashes: "testlora: dde0531cdd76, other: aaaaaaaaaaaa", '
    "Version: f2.0.1v1.10.1-previous-669-gdfdcbab6, Module 1: testvae"
)

AS_FORGE_WRITES_IT = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
"""The rule in Forge's own words; on a long text it takes quadratic time."""


@pytest.mark.parametrize("sample", SAMPLES, ids=TITLES)
def test_each_kind_of_writer_is_read_as_forge_reads_it(sample: dict[str, Any]) -> None:
    positive, negative, _ = split(sample["text"])
    found = {"Prompt": positive, "Negative prompt": negative, **settings_of(sample["text"])}
    assert [*found.items()] == [*sample["as_forge_reads_it"].items()]


@given(resembling)
@example("a: 1, b: 2, : 3")
@example(" -- ab: 1,cd:2,  \t ef: 3")
def test_the_pairs_are_those_of_forges_rule(line: str) -> None:
    line = line.replace("\n", " ")
    assert PAIR.findall(line) == AS_FORGE_WRITES_IT.findall(line)


def test_the_settings_of_a_real_picture_are_read() -> None:
    settings = settings_of(REAL)
    assert settings["Sampler"] == "DPM++ 2M"
    assert settings["Schedule type"] == "Karras"
    assert settings["Lora hashes"] == "testlora: dde0531cdd76, other: aaaaaaaaaaaa"
    assert settings["Module 1"] == "testvae"
    assert "noise" not in settings


@pytest.mark.parametrize(
    "text", ["", "\n", "a cat", "ab: b", "ab: b, cd: d", "Steps: 1, Sampler: x\na cat: in a hat"]
)
def test_a_text_without_settings_is_all_prompt(text: str) -> None:
    """Two pairs may be a prompt that looks like settings; the server asks for three as well."""
    assert settings_of(text) == {}
    assert split(text) == (text.strip(), "", "")


@pytest.mark.parametrize(
    ("text", "positive", "negative"),
    [
        ("a\nNegative prompt: b", "a", "b"),
        ("Negative prompt: b", "", "b"),
        ("a\nNegative prompt:b\nc", "a", "b\nc"),
        ("a\n  Negative prompt: b\nNegative prompt: c", "a", "b\nc"),
        ("a\n\nb \r\nNegative prompt:\n\nc", "a\n\nb", "c"),
        ("a\nnegative prompt: b", "a\nnegative prompt: b", ""),
        ("a, Negative prompt: b", "a, Negative prompt: b", ""),
    ],
)
def test_the_negative_prompt_begins_at_its_word(text: str, positive: str, negative: str) -> None:
    assert split(text) == (positive, negative, "")
    assert split(f"{text}\nab: 1, cd: 2, ef: 3") == (positive, negative, "ab: 1, cd: 2, ef: 3")


@pytest.mark.parametrize(
    ("pair", "settings"),
    [
        ("Size: 512x768", {"Size-1": "512", "Size-2": "768"}),
        ("Hires resize: 0x768", {"Hires resize-1": "0", "Hires resize-2": "768"}),
        ("Size: 512x", {"Size": "512x"}),
        ("Empty: ", {}),
        ('Empty: ""', {"Empty": ""}),
        (r'Note: "a \"b\", c\nd \u00e9"', {"Note": 'a "b", c\nd é'}),
        (r'Note: "\x"', {"Note": r'"\x"'}),
        ('Note: "a" b "c"', {"Note": '"a" b "c"'}),
        ('Note: "', {"Note": '"'}),
        ("a-b/c 1: x:y", {"a-b/c 1": "x:y"}),
        ("A: x", {}),
        ("Clé: ü", {"Clé": "ü"}),
    ],
)
def test_a_pair_says(pair: str, settings: dict[str, str]) -> None:
    assert settings_of(f"ab: 1, cd: 2, {pair}, ef: 3") == {
        "ab": "1", "cd": "2", **settings, "ef": "3",
    }  # fmt: skip


def test_of_two_pairs_with_one_key_the_later_counts() -> None:
    assert settings_of("ab: 1, cd: 2, ab: 3") == {"ab": "3", "cd": "2"}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Euler a", "Euler a"),
        ("a, b", '"a, b"'),
        ("a: b", '"a: b"'),
        ("a\nb", r'"a\nb"'),
        ('say "é", twice', r'"say \"é\", twice"'),
        ("C\\x", "C\\x"),
        ("", '""'),
        (" a", '" a"'),
        ('"a"', r'"\"a\""'),
    ],
)
def test_a_value_is_quoted_where_it_could_be_misread(value: str, written: str) -> None:
    assert quoted(value) == written
    assert unquoted(written) == value


@given(st.text())
def test_quotes_come_off_as_they_were_put_on(value: str) -> None:
    assert unquoted(quoted(value)) == value


@pytest.mark.parametrize(
    ("value", "hashes"),
    [
        ("", ()),
        ("ink: b9c8", (("ink", "b9c8"),)),
        ("ink: b9c8, metal shine: 96AF", (("ink", "b9c8"), ("metal shine", "96AF"))),
        ("ink: b9c8, ink: b9c8", (("ink", "b9c8"), ("ink", "b9c8"))),
        ("a, b: 1f", (("a, b", "1f"),)),
        ("a: none, b: 1f", (("a: none, b", "1f"),)),
        ("no hash at all", ()),
        (": 1f", ()),
    ],
)
def test_hashes_are_listed_by_name(value: str, hashes: tuple[tuple[str, str], ...]) -> None:
    assert named_hashes(value) == hashes


@given(resembling)
def test_any_text_can_be_taken_apart(text: str) -> None:
    assert all(isinstance(value, str) for value in settings_of(text).values())


BAITS = [
    "a", "a ", "ab: ", 'ab: "', '\\"', " ", ",", "a-", "ab", "a b ", 'ab: "\\', "\t", "- ", "[{",
    "Civitai resources: [", 'Civitai resources: [" ', "ab: 1f,", "Negative prompt:\n",
]  # fmt: skip


@pytest.mark.parametrize("bait", BAITS)
def test_no_text_takes_long_to_take_apart(bait: str) -> None:
    started = time.perf_counter()
    settings_of("x\n" + bait * (1_000_000 // len(bait)) + "end")
    named_hashes(bait * (1_000_000 // len(bait)))
    assert time.perf_counter() - started < 3


def test_a_quoted_value_may_hold_what_looks_like_pairs() -> None:
    value = "ab: 1, cd: 2, ef: 3"
    assert settings_of(f"Note: {json.dumps(value)}, ab: x, cd: y") == {
        "Note": value, "ab": "x", "cd": "y",
    }  # fmt: skip
