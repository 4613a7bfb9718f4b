"""Parameters: what is taken, what is refused, and what becomes of each field."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.generation.strategies import json_values, params

from stablequeue_core.errors import InvalidParams
from stablequeue_core.generation import (
    RANDOM_SEED,
    GenerationRequest,
    HiresFix,
    ParamLimits,
    parse_params,
)

LIMITS = ParamLimits()
LARGEST_SEED = 2**63 - 1
BAD_SIZES: list[Any] = [63, 4097, 64.5, "64", True, []]
BAD_SEEDS: list[Any] = ["--5", "+-5", "1.5", "1e3", "٣", "abc", "9" * 5000, []]


def parsed(**fields: Any) -> GenerationRequest:
    return parse_params({"positive_prompt": "a cat", **fields}, LIMITS)


def problems(fields: object) -> dict[str, str]:
    """What is wrong with each field."""
    with pytest.raises(InvalidParams) as caught:
        parse_params(fields, LIMITS)
    return {problem.path: problem.message for problem in caught.value.problems}


def problems_with(**fields: Any) -> dict[str, str]:
    return problems({"positive_prompt": "a cat", **fields})


@pytest.mark.parametrize(
    ("field", "given_value", "attribute", "expected"),
    [
        ("positive_prompt", "é 🐈", "positive_prompt", "é 🐈"),
        ("positive_prompt", None, "positive_prompt", ""),
        ("negative_prompt", "blur", "negative_prompt", "blur"),
        ("checkpoint_name", "Pony/x", "checkpoint", "Pony/x"),
        ("checkpoint_name", "", "checkpoint", None),
        ("checkpoint_name", "  ", "checkpoint", None),
        ("width", 65, "width", 65),
        ("width", 64.0, "width", 64),
        ("height", 4096, "height", 4096),
        ("steps", 1, "steps", 1),
        ("steps", 150, "steps", 150),
        ("steps", None, "steps", 20),
        ("cfg_scale", 0, "cfg_scale", 0.0),
        ("cfg_scale", 30, "cfg_scale", 30.0),
        ("sampler_name", "Euler a", "sampler", "Euler a"),
        ("sampler_index", "Euler a", "sampler", "Euler a"),
        ("scheduler", "Karras", "scheduler", "Karras"),
        ("scheduler_or_quality_preset", "Karras", "scheduler", "Karras"),
        ("scheduler_or_quality_preset", "Balanced", "scheduler", None),
        ("scheduler_or_quality_preset", "speed", "scheduler", None),
        ("scheduler_or_quality_preset", " QUALITY ", "scheduler", None),
        ("seed", 5, "seed", 5),
        ("seed", "5", "seed", 5),
        ("seed", " -1 ", "seed", RANDOM_SEED),
        ("seed", "", "seed", RANDOM_SEED),
        ("seed", None, "seed", RANDOM_SEED),
        ("seed", -1, "seed", RANDOM_SEED),
        ("seed", 5.0, "seed", 5),
        ("seed", LARGEST_SEED, "seed", LARGEST_SEED),
        ("seed", str(LARGEST_SEED), "seed", LARGEST_SEED),
        ("subseed", "+7", "subseed", 7),
        ("num_images", 16, "images", 16),
        ("n_iter", 3, "images", 3),
        ("batch_size", 4, "batch_size", 4),
        ("restore_faces", True, "restore_faces", True),
        ("refiner_model", "r", "refiner", "r"),
        ("refiner_checkpoint", "r", "refiner", "r"),
        ("refiner_model", "None", "refiner", None),
        ("refiner_switch_at", 1, "refiner_switch_at", 1.0),
        ("override_settings", {"eta": 1}, "override_settings", {"eta": 1}),
        ("override_settings", {"sd_model_checkpoint": "x"}, "checkpoint", "x"),
        ("override_settings", {"sd_model_checkpoint": "x"}, "override_settings", {}),
        ("override_settings", {"forge_additional_modules": ["ae"]}, "modules", ("ae",)),
        ("override_settings", {"forge_additional_modules": None}, "override_settings", {}),
        ("style_preset", "noir", "ignored", ()),
        ("sampling_category", "x", "ignored", ()),
        ("colour", "blue", "ignored", ("colour",)),
        ("styles", ["a"], "passthrough", {"styles": ["a"]}),
    ],
)
def test_a_good_value_finds_its_place(
    field: str, given_value: Any, attribute: str, expected: Any
) -> None:
    assert getattr(parsed(**{field: given_value}), attribute) == expected


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("positive_prompt", 5),
        ("positive_prompt", ["a"]),
        ("positive_prompt", "x" * 100_001),
        ("negative_prompt", {}),
        ("checkpoint_name", 5),
        ("checkpoint_name", "x" * 1025),
        *[(size, bad) for size in ("width", "height") for bad in BAD_SIZES],
        *[("steps", bad) for bad in (0, 151, -1, "20", False, 10**400)],
        *[("cfg_scale", bad) for bad in (-0.1, 30.1, "7", True, 10**400, 1e308)],
        ("sampler_name", 5),
        ("sampler_index", 5),
        ("scheduler", []),
        ("scheduler_or_quality_preset", {}),
        *[(seed, bad) for seed in ("seed", "subseed") for bad in (-2, LARGEST_SEED + 1, 1.5, True)],
        *[("seed", bad) for bad in BAD_SEEDS],
        *[("num_images", bad) for bad in (0, 17, "2", 1.5)],
        ("n_iter", 17),
        ("batch_size", 0),
        ("restore_faces", "true"),
        ("enable_hires_fix", 1),
        ("enable_hr", "yes"),
        ("upscaler_model", 5),
        ("hr_upscaler", 5),
        *[("hr_scale", bad) for bad in (0.5, 9, "2")],
        *[("denoising_strength", bad) for bad in (-0.1, 1.1, "0.5")],
        ("hr_checkpoint_name", 5),
        ("hr_sampler_name", 5),
        ("hr_scheduler", 5),
        ("hr_prompt", 5),
        ("hr_additional_modules", "ae"),
        ("refiner_model", 5),
        ("refiner_checkpoint", 5),
        ("refiner_switch_at", 2),
        ("override_settings", []),
        ("override_settings", "x"),
        ("force_task_id", "mine"),
        ("send_images", False),
        ("override_settings_restore_afterwards", True),
    ],
)
def test_a_bad_value_is_refused_by_its_name(field: str, bad: Any) -> None:
    assert list(problems_with(**{field: bad})) == [field]


@pytest.mark.parametrize("whole", [None, 5, "text", [], [1], True])
def test_parameters_must_be_an_object(whole: object) -> None:
    assert problems(whole) == {"generation_params": "must be a JSON object."}


def test_the_prompt_is_required_under_our_own_name() -> None:
    assert "`positive_prompt`" in problems({})["positive_prompt"]
    assert "`prompt` is the server's own name" in problems({"prompt": "a cat"})["positive_prompt"]
    assert list(problems_with(prompt="a dog")) == ["prompt"]


def test_every_bad_field_is_told_at_once() -> None:
    found = problems(
        {
            "width": 1,
            "steps": "many",
            "seed": "--5",
            "sampler_name": 1,
            "sampler_index": 2,
            "refiner_model": 3,
            "refiner_checkpoint": 4,
            "styles": ["half \ud800"],
            "cfg_scale": float("nan"),
            "hr_upscaler": 5,
            "upscaler_model": 6,
        }
    )
    assert found.keys() == {
        "positive_prompt", "width", "steps", "seed", "sampler_name", "sampler_index",
        "refiner_model", "refiner_checkpoint", "styles[0]", "cfg_scale", "hr_upscaler",
        "upscaler_model",
    }  # fmt: skip


def test_pictures_are_counted_over_all_batches() -> None:
    assert parsed(num_images=4, batch_size=4).picture_count == 16
    assert list(problems_with(num_images=5, batch_size=4)) == ["batch_size"]
    assert parsed(num_images=2, n_iter=2).images == 2
    assert list(problems_with(num_images=2, n_iter=3)) == ["n_iter"]


def test_the_limits_are_those_that_are_given() -> None:
    limits = ParamLimits(max_images=2, max_prompt_chars=5)
    with pytest.raises(InvalidParams) as caught:
        parse_params({"positive_prompt": "123456", "num_images": 3}, limits)
    assert {p.path for p in caught.value.problems} == {"positive_prompt", "num_images"}


def test_a_checkpoint_may_be_said_twice_but_not_in_two_ways() -> None:
    said_twice = parsed(checkpoint_name="x", override_settings={"sd_model_checkpoint": "x"})
    assert said_twice.checkpoint == "x"
    path = "override_settings.sd_model_checkpoint"
    assert path in problems_with(
        checkpoint_name="x", override_settings={"sd_model_checkpoint": "y"}
    )
    assert path in problems_with(override_settings={"sd_model_checkpoint": 5})


def test_modules_must_be_a_list_of_names() -> None:
    path = "override_settings.forge_additional_modules"
    for bad, where in ((("ae"), path), ({}, path), ([5], f"{path}[0]")):
        assert list(problems_with(override_settings={"forge_additional_modules": bad})) == [where]


def test_an_empty_list_of_modules_is_kept_as_it_means_none_at_all() -> None:
    request = parsed(override_settings={"forge_additional_modules": []})
    assert request.override_settings == {"forge_additional_modules": []}


def test_the_second_pass_has_defaults() -> None:
    assert parsed().hires is None
    assert parsed(upscaler_model="Latent").hires is None
    assert parsed(enable_hires_fix=True).hires == HiresFix(scale=2.0, denoising_strength=0.7)
    assert parsed(enable_hr=True, upscaler_model="None").hires == HiresFix()
    full = parsed(
        enable_hires_fix=True,
        upscaler_model="Latent",
        hr_scale=1.5,
        denoising_strength=0,
        hr_checkpoint_name="x",
        hr_sampler_name="Euler",
        hr_scheduler="Karras",
        hr_additional_modules=["ae"],
        hr_prompt="a dog",
    )
    assert full.hires == HiresFix(
        upscaler="Latent",
        scale=1.5,
        denoising_strength=0.0,
        checkpoint="x",
        sampler="Euler",
        scheduler="Karras",
        modules=("ae",),
        prompt="a dog",
    )


def test_two_names_for_one_thing_are_no_unknown_parameters() -> None:
    request = parsed(
        sampler_name="Euler", sampler_index="LMS", refiner_model="r", refiner_checkpoint="s"
    )
    assert (request.sampler, request.refiner, request.ignored) == ("Euler", "r", ())


def test_work_grows_with_pixels_steps_and_pictures() -> None:
    one = parsed(width=1000, height=1000, steps=10)
    assert one.pixel_steps == pytest.approx(10)
    many = parsed(width=1000, height=1000, steps=10, num_images=2, batch_size=2)
    assert many.pixel_steps == pytest.approx(40)
    hires = parsed(width=1000, height=1000, steps=10, enable_hr=True, hr_scale=2)
    assert hires.pixel_steps == pytest.approx(50)
    for sizes in ({"hr_resize_x": 1500}, {"hr_resize_y": 3000}):
        resized = parsed(width=500, height=1000, steps=1, enable_hr=True, **sizes)
        assert resized.pixel_steps == pytest.approx(0.5 + 4.5)


class TestPlainJson:
    """JSON, UTF-8, the database and a PNG must be able to carry every value, at any depth."""

    @pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
    def test_numbers_are_finite_at_any_depth(self, bad: float) -> None:
        assert "alwayson_scripts.a.args[1].b" in problems_with(
            alwayson_scripts={"a": {"args": [0, {"b": bad}]}}
        )
        assert list(problems_with(cfg_scale=bad)) == ["cfg_scale"]

    @pytest.mark.parametrize("bad", ["\ud800", "a\udfffb", "\0", "a\0b"])
    def test_texts_are_whole_at_any_depth(self, bad: str) -> None:
        assert list(problems_with(positive_prompt=bad)) == ["positive_prompt"]
        assert list(problems_with(styles=["good", bad])) == ["styles[1]"]
        assert list(problems_with(unknown={"deep": {"deeper": [bad]}})) == [
            "unknown.deep.deeper[0]"
        ]

    def test_keys_are_whole_too_and_can_be_told(self) -> None:
        found = problems_with(**{"kéy\ud800": float("nan")})
        assert list(found) == ["generation_params", "kéy\\ud800"]
        assert json.dumps(found, ensure_ascii=False).encode()

    def test_keys_are_texts(self) -> None:
        assert list(problems({"positive_prompt": "", 5: 5, None: 5})) == ["generation_params"]
        assert list(problems_with(override_settings={5: 5})) == ["override_settings"]

    @pytest.mark.parametrize("bad", [(1, 2), {1}, b"bytes", object(), 1j])
    def test_nothing_but_json(self, bad: Any) -> None:
        assert list(problems_with(styles=[bad])) == ["styles[0]"]

    @pytest.mark.parametrize("bad", [2**64, -(2**64), 10**4000])
    def test_numbers_have_no_more_digits_than_programs_can_read(self, bad: int) -> None:
        assert list(problems_with(eta=bad, steps=bad, unknown=[bad])) == [
            "eta",
            "steps",
            "unknown[0]",
        ]

    def test_nesting_has_a_limit_that_no_stack_feels(self) -> None:
        deep: Any = "x"
        for _ in range(30):
            deep = [deep]
        assert parsed(alwayson_scripts=deep).passthrough
        for _ in range(100_000):
            deep = {"a": deep}
        (found,) = problems_with(alwayson_scripts=deep).values()
        assert found == "is nested deeper than 32 levels."

    def test_a_flood_of_bad_values_is_not_told_one_by_one(self) -> None:
        assert len(problems_with(styles=[float("nan")] * 100_000)) == 100

    def test_huge_values_are_looked_through_in_no_time(self) -> None:
        started = time.perf_counter()
        assert list(problems_with(positive_prompt="é" * 5_000_000)) == ["positive_prompt"]
        assert parsed(unknown=[0] * 1_000_000).ignored == ("unknown",)
        assert parsed(positive_prompt="<lora:a" * 14_000).requirements.loras == ()
        assert time.perf_counter() - started < 5


@given(json_values | params)
def test_whatever_comes_is_read_or_refused_never_a_crash(whole: Any) -> None:
    try:
        outcome: GenerationRequest | InvalidParams = parse_params(whole, LIMITS)
    except InvalidParams as error:
        outcome = error
    if isinstance(outcome, InvalidParams):
        assert outcome.problems
        assert json.dumps(outcome.details, ensure_ascii=False).encode()
    else:
        assert outcome.requirements is not None
        assert 1 <= outcome.picture_count <= LIMITS.max_images


@given(params)
def test_what_was_read_can_be_written(fields: dict[str, Any]) -> None:
    try:
        request = parse_params({**fields, "positive_prompt": "a cat", "prompt": None}, LIMITS)
    except InvalidParams:
        return
    assert json.dumps([dict(request.passthrough), dict(request.override_settings)]).encode()
    assert json.dumps(request.ignored, ensure_ascii=False).encode()


@given(st.integers(RANDOM_SEED, LARGEST_SEED))
def test_a_seed_is_the_same_as_number_and_as_text(seed: int) -> None:
    assert parsed(seed=seed).seed == parsed(seed=str(seed)).seed == seed


@pytest.mark.parametrize("weight", ["abc", "", "0.5:x", "te=much", "1:1:1.5", "nan"])
def test_a_lora_weight_that_is_no_number_is_refused(weight: str) -> None:
    """The server would switch off every LoRA of the prompt, and say nothing."""
    prompt = f"a fox <lora:ink:{weight}>"
    with pytest.raises(InvalidParams, match="'ink' a weight that is no number"):
        parse_params({"positive_prompt": prompt}, LIMITS)
    switched_off = {"positive_prompt": prompt, "disable_extra_networks": True}
    assert parse_params(switched_off, LIMITS).positive_prompt == prompt


@pytest.mark.parametrize("weight", ["0.5", "-1", ".5", "1:0.5", "1:0.5:16", "te=0.5", "unet=1"])
def test_a_lora_weight_that_is_a_number_is_taken(weight: str) -> None:
    parse_params({"positive_prompt": f"<lora:ink:{weight}>"}, LIMITS)
