"""Forge's grammar of LoRAs in a prompt."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.generation import LoraMention, loras_in, with_plain_lora_tags

names = st.text(st.characters(codec="utf-8", exclude_characters="<>:="), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("prompt", "mentions"),
    [
        ("a cat", []),
        ("", []),
        ("<lora:ink>", [("ink", 1.0)]),
        ("<lora:ink:0.5> a cat", [("ink", 0.5)]),
        ("<lora:ink:-1>", [("ink", -1.0)]),
        ("<lora:ink:0.5:0.2:8>", [("ink", 0.5)]),
        ("<lora:ink:te=0.3:unet=1>", [("ink", 0.3)]),
        ("<lora:ink:0.9:te=0.3>", [("ink", 0.3)]),
        ("<lora:te=0.3:ink:0.9>", [("ink", 0.3)]),
        ("<lora:ink:heavy>", [("ink", 1.0)]),
        ("<lora:ink:>", [("ink", 1.0)]),
        ("<LoRA:Ink:1>", [("Ink", 1.0)]),
        ("<lora: ink :1>", [(" ink ", 1.0)]),
        ("<lora:a b-c.v2 (x):1>", [("a b-c.v2 (x)", 1.0)]),
        ("<lora:b:1><lora:a:2><lora:b:3>", [("b", 1.0), ("a", 2.0)]),
        ("<lora:styles/ink:1>", [("styles/ink", 1.0)]),
        ("<lora::1>", [("", 1.0)]),
        ("<lora:te=1>", [("", 1.0)]),
        ("<lora:ink", []),
        ("<lora>", []),
        ("<lora:>", []),
        ("lora:ink:1", []),
        ("<lyco:ink:1>", []),
        ("<hypernet:<lora:ink:1>", []),
        ("a < b <lora:ink:1> c > d", [("ink", 1.0)]),
        ("<lora:two\nlines:1>", [("two\nlines", 1.0)]),
        ("(<lora:ink:1>:1.2), [a:b:0.5]", [("ink", 1.0)]),
    ],
)
def test_a_prompt_names_its_loras(prompt: str, mentions: list[tuple[str, float]]) -> None:
    assert loras_in(prompt) == tuple(LoraMention(name, weight) for name, weight in mentions)


@given(st.lists(names, unique=True, max_size=5), st.floats(-2, 2))
def test_every_name_is_found_as_it_stands_in_order(wanted: list[str], weight: float) -> None:
    prompt = " and ".join(f"<lora:{name}:{weight}>" for name in wanted)
    assert loras_in(prompt) == tuple(LoraMention(name, weight) for name in wanted)


@given(st.text(st.sampled_from("<>:=lora \n01.A")))
def test_no_prompt_is_too_odd_to_be_read(prompt: str) -> None:
    assert all(isinstance(lora.weight, float) for lora in loras_in(prompt))


@given(st.text(st.sampled_from("<>:LlOoRrAa1 ")))
def test_plain_tags_name_the_same_loras(prompt: str) -> None:
    plain = with_plain_lora_tags(prompt)
    assert loras_in(plain) == loras_in(prompt)
    assert with_plain_lora_tags(plain) == plain
    assert plain.casefold() == prompt.casefold()


@pytest.mark.parametrize("bait", ["<lora:", "<", "<lora:a", "<lora:a:", ">", "<aaaa", "<lora::"])
def test_no_prompt_takes_long_to_read(bait: str) -> None:
    started = time.perf_counter()
    loras_in(bait * 100_000)
    assert time.perf_counter() - started < 2
