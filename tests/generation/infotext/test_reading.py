"""What an infotext means: prompts, LoRAs, hashes, models, and Civitai's JSON between the pairs."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from tests.generation.infotext.recorded import SAMPLES, TITLES, text_of
from tests.generation.infotext.texts import resembling

from stablequeue_core.generation import Infotext, LoraMention, Refiner, read_infotext, settings_of

LINE = "Steps: 9, Sampler: Euler"


def interpreted(infotext: Infotext) -> dict[str, Any]:
    """In the words of the recordings."""
    refiner = infotext.refiner
    return {
        "loras": [{"name": lora.name, "te": lora.te, "unet": lora.unet} for lora in infotext.loras],
        "lora_hashes": infotext.lora_hashes,
        "ti_hashes": [list(pair) for pair in infotext.ti_hashes],
        "hashes": {"model": infotext.model_hash},
        "width": infotext.width,
        "height": infotext.height,
        "modules": list(infotext.modules),
        "clip_skip": infotext.settings.get("Clip skip"),
        "refiner": refiner
        and {"name": refiner.name, "hash": refiner.hash, "switch_at": refiner.switch_at},
        "civitai_resources": list(infotext.civitai_resources),
        "civitai_metadata": infotext.civitai_metadata,
    }


@pytest.mark.parametrize("sample", SAMPLES, ids=TITLES)
def test_each_kind_of_writer_is_understood(sample: dict[str, Any]) -> None:
    found = interpreted(read_infotext(sample["text"]))
    assert {key: found[key] for key in sample["interpreted"]} == sample["interpreted"]


@pytest.mark.parametrize("sample", SAMPLES[:7], ids=TITLES[:7])
def test_without_civitais_json_the_settings_are_those_that_forge_reads(
    sample: dict[str, Any],
) -> None:
    assert read_infotext(sample["text"]).settings == settings_of(sample["text"])


def test_civitais_json_is_taken_out_whole() -> None:
    infotext = read_infotext(text_of("Civitai on-site"))
    assert [one["modelVersionId"] for one in infotext.civitai_resources] == [691639, 702001]
    assert not [key for key in infotext.settings if key.startswith("Civitai")]
    assert infotext.settings["Created Date"] == "2026-04-17T21:28:57.2253462Z"


def test_names_inside_civitais_json_are_no_settings() -> None:
    """Forge's own reader takes them for some."""
    text = f'{LINE}, Civitai resources: [{{"modelName": "x, Steps: 99, y: z"}}], Seed: 5'
    assert settings_of(text)["Steps"] == "99"
    infotext = read_infotext(text)
    assert infotext.settings == {"Steps": "9", "Sampler": "Euler", "Seed": "5"}
    assert infotext.civitai_resources == ({"modelName": "x, Steps: 99, y: z"},)


@pytest.mark.parametrize(
    "broken",
    [
        '[{"a": 1,}]',
        '[{"a": "x, Seed: 7"} {"b": 2}]',
        "[1, [2, 3}, nonsense]",
        '["\\q, Seed: 7"]',
        "[" + "9" * 5000 + "]",
    ],
)
def test_broken_json_of_civitais_is_stepped_over(broken: str) -> None:
    infotext = read_infotext(f"{LINE}, Civitai resources: {broken}, Seed: 5")
    assert infotext.civitai_resources == ()
    assert infotext.settings == {"Steps": "9", "Sampler": "Euler", "Seed": "5"}


@pytest.mark.parametrize("cut_off", ['[{"a": 1', '["a, Seed: 7', "[[[[", "[" * 100_000, '{"'])
def test_json_that_breaks_off_takes_the_rest_of_the_line_with_it(cut_off: str) -> None:
    key = "Civitai metadata" if cut_off.startswith("{") else "Civitai resources"
    infotext = read_infotext(f"{LINE}, Seed: 5, {key}: {cut_off}")
    assert infotext.settings == {"Steps": "9", "Sampler": "Euler", "Seed": "5"}


def test_only_models_are_resources_and_only_finite_numbers_are_numbers() -> None:
    infotext = read_infotext(f'{LINE}, Civitai resources: [1, null, {{"weight": NaN}}]')
    assert infotext.civitai_resources == ({"weight": None},)


def test_civitais_keys_with_other_values_are_ordinary_settings() -> None:
    infotext = read_infotext(f'{LINE}, Civitai resources: none, Civitai metadata: ""')
    assert infotext.settings["Civitai resources"] == "none"
    assert infotext.civitai_metadata == {}


def test_a_quoted_prompt_may_quote_civitai() -> None:
    text = f'{LINE}, Hires prompt: "a, Civitai resources: [b, c"'
    assert read_infotext(text).settings["Hires prompt"] == "a, Civitai resources: [b, c"


def test_loras_come_with_both_weights() -> None:
    infotext = read_infotext(f"a <lora:ink:0.5:0.2:8>\n{LINE}, Seed: 1")
    assert infotext.loras == (LoraMention("ink", 0.5, unet=0.2, dyn=8),)


@pytest.mark.parametrize(
    ("pairs", "modules", "hires_modules"),
    [
        ("Seed: 1", (), ()),
        ("Module 2: b, Module 1: a, Module 10: c", ("a", "b", "c"), ()),
        ("VAE hash: 735e4c3a44, VAE: x.safetensors", ("x.safetensors",), ()),
        ("VAE: Automatic", (), ()),
        ("Module 1: a, Hires Module 1: b", ("a",), ("b",)),
        ("Hires Module 1: Use same choices", (), ()),
        ("Module x: a, Modules: b", (), ()),
    ],
)
def test_modules_are_those_that_are_numbered_or_the_vae(
    pairs: str, modules: tuple[str, ...], hires_modules: tuple[str, ...]
) -> None:
    infotext = read_infotext(f"{LINE}, {pairs}")
    assert (infotext.modules, infotext.hires_modules) == (modules, hires_modules)


@pytest.mark.parametrize(
    ("pairs", "refiner"),
    [
        ("Seed: 1", None),
        ("Refiner: x", Refiner(name="x")),
        (
            "Refiner: x [715f9963f3], Refiner switch at: 0.5",
            Refiner(name="x", hash="715f9963f3", switch_at=0.5),
        ),
        ("Refiner: x [v2], Refiner switch at: soon", Refiner(name="x [v2]")),
    ],
)
def test_a_refiner_has_a_name_and_perhaps_a_hash(pairs: str, refiner: Refiner | None) -> None:
    assert read_infotext(f"{LINE}, {pairs}").refiner == refiner


def test_a_size_that_is_none_is_not_guessed() -> None:
    infotext = read_infotext(f"{LINE}, Size: large, Size-2: {'9' * 400}")
    assert (infotext.width, infotext.height) == (None, None)


@given(resembling)
def test_any_text_can_be_read(text: str) -> None:
    infotext = read_infotext(f"{text}\n{LINE}, {text}")
    assert interpreted(infotext).keys()


@pytest.mark.parametrize(
    "bait",
    ["Civitai resources: [", "Civitai resources: [1}, ", "Civitai metadata: {} ", "[[", '["'],
)
def test_no_text_takes_long_to_read(bait: str) -> None:
    started = time.perf_counter()
    read_infotext(f"{LINE}, Civitai resources: [" + bait * (500_000 // len(bait)))
    read_infotext(f"{LINE}, " + bait * (500_000 // len(bait)))
    assert time.perf_counter() - started < 3
