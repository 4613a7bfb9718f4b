"""Forge's grammar of LoRAs in a prompt."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.generation import (
    LoraMention,
    ParamLimits,
    loras_in,
    parse_params,
    with_lora_names,
    with_plain_lora_tags,
    without_ill_weighted_loras,
)

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
    assert [(lora.name, lora.weight) for lora in loras_in(prompt)] == mentions


@pytest.mark.parametrize(
    ("tag", "te", "unet", "dyn"),
    [
        ("<lora:ink>", 1.0, 1.0, None),
        ("<lora:ink:0.5>", 0.5, 0.5, None),
        ("<lora:ink:0.5:0.2>", 0.5, 0.2, None),
        ("<lora:ink:0.5:0.2:8>", 0.5, 0.2, 8),
        ("<lora:ink:te=0.5>", 0.5, 0.5, None),
        ("<lora:ink:unet=0.2>", 1.0, 0.2, None),
        ("<lora:ink:0.5:unet=0.2:dyn=8>", 0.5, 0.2, 8),
        ("<lora:ink:0.5:0.2:8:te=1:unet=2:dyn=4>", 1.0, 2.0, 4),
        ("<lora:ink:0.5:thin:all>", 0.5, 0.5, None),
        ("<lora:ink:0.5:0.2:8.5>", 0.5, 0.2, None),
    ],
)
def test_a_tag_has_a_weight_for_each_network(
    tag: str, te: float, unet: float, dyn: int | None
) -> None:
    assert loras_in(tag) == (LoraMention("ink", te, unet=unet, dyn=dyn),)
    assert loras_in(tag)[0].te == te


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


@pytest.mark.parametrize(
    ("prompt", "renamed"),
    [
        ("a <lora:styles/ink.safetensors:0.8> b", "a <lora:ink:0.8> b"),
        ("<LoRA:styles/ink.safetensors:0.8:0.2:8>", "<LoRA:ink:0.8:0.2:8>"),
        ("<lora:styles/ink.safetensors>", "<lora:ink>"),
        ("<lora:te=0.3:styles/ink.safetensors:unet=1>", "<lora:te=0.3:ink:unet=1>"),
        ("<lora:styles/ink.safetensors:1><lora:b:1>", "<lora:ink:1><lora:b:1>"),
        ("<lora:Styles/ink.safetensors:1>", "<lora:Styles/ink.safetensors:1>"),
        ("<lora: styles/ink.safetensors:1>", "<lora: styles/ink.safetensors:1>"),
        ("<lora:b:styles/ink.safetensors>", "<lora:b:styles/ink.safetensors>"),
        ("<hypernet:styles/ink.safetensors:1>", "<hypernet:styles/ink.safetensors:1>"),
        ("<lora:styles/ink.safetensors:1", "<lora:styles/ink.safetensors:1"),
        ("styles/ink.safetensors", "styles/ink.safetensors"),
        ("<lora:te=1>", "<lora:te=1>"),
        ("a < b <lora:styles/ink.safetensors:1> c > d", "a < b <lora:ink:1> c > d"),
    ],
)
def test_a_lora_can_be_called_by_another_name(prompt: str, renamed: str) -> None:
    assert with_lora_names(prompt, {"styles/ink.safetensors": "ink"}) == renamed


@given(st.text() | st.text(st.sampled_from("<>:=lora \n01.A")))
def test_without_other_names_nothing_changes(prompt: str) -> None:
    assert with_lora_names(prompt, {}) == prompt
    assert with_lora_names(prompt, {lora.name: lora.name for lora in loras_in(prompt)}) == prompt


@given(st.text(st.sampled_from("<>:=LloraA1 ")), names)
def test_other_names_keep_their_weights(prompt: str, name: str) -> None:
    mentions = loras_in(prompt)
    renamed = with_lora_names(prompt, {lora.name: name for lora in mentions if lora.name})
    assert {lora.name for lora in loras_in(renamed)} <= {name, ""}
    assert {lora.weight for lora in loras_in(renamed)} <= {lora.weight for lora in mentions}


@pytest.mark.parametrize("bait", ["<lora:", "<", "<lora:a", "<lora:a:", ">", "<aaaa", "<lora::"])
def test_no_prompt_takes_long_to_read(bait: str) -> None:
    started = time.perf_counter()
    loras_in(bait * 100_000)
    with_lora_names(bait * 100_000, {"a": "b"})
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("a <lora:ink:much> b", "a  b"),
        ("<lora:ink:> <lora:fog:0.5>", " <lora:fog:0.5>"),
        ("<lora:ink:1:IN04>", ""),
        ("<lora:ink:1:lbw=ALL> > <hypernet:x:much>", "<lora:ink:1:lbw=ALL> > <hypernet:x:much>"),
        ("a < b <lora:ink:much", "a < b <lora:ink:much"),
    ],
)
def test_a_lora_without_a_real_weight_can_be_taken_out(prompt: str, left: str) -> None:
    assert without_ill_weighted_loras(prompt) == left


@given(st.text("<>:=lora 01.x", max_size=60))
def test_without_them_every_prompt_makes_a_job(prompt: str) -> None:
    parse_params({"positive_prompt": without_ill_weighted_loras(prompt)}, ParamLimits())
