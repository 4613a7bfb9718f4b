"""What a job requires is what running it looks up: no more, no less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.backends.forge.desk import Desk

from stablequeue_core.errors import RequestRefused
from stablequeue_core.generation import ParamLimits, Requirements, parse_params
from stablequeue_core.servers import Inventory

DESK = Desk()
STOCKED = DESK.backend.inventory()

checkpoints = st.sampled_from(["None", "gone", "Pony/ponyDiffusionV6XL", "Use same checkpoint"])
samplers = st.sampled_from(["gone", "Euler", "dpm++ 2m karras", "Use same sampler", ""])
schedulers = st.sampled_from(["gone", "Karras", "Balanced", "Use same scheduler"])
prompts = st.sampled_from(
    ["", "<lora:gone>", "<lora::1>", "<LORA:watercolor:1>", "<lora:old_sailor:0>"]
)
modules = st.lists(st.sampled_from(["gone", "ae.safetensors", "Use same choices", "None"]))
jobs = st.fixed_dictionaries(
    {"positive_prompt": prompts},
    optional={
        "checkpoint_name": st.sampled_from(["gone", "Pony/ponyDiffusionV6XL"]),
        "refiner_model": st.sampled_from(["None", "gone", "sd_xl_base_1.0"]),
        "sampler_name": st.sampled_from(["gone", "Euler", "dpm++ 2m karras", ""]),
        "scheduler": st.sampled_from(["gone", "Karras"]),
        "scheduler_or_quality_preset": st.sampled_from(["gone", "Karras", "Balanced"]),
        "enable_hires_fix": st.booleans(),
        "upscaler_model": st.sampled_from(["None", "gone", "latent"]),
        "hr_checkpoint_name": checkpoints,
        "hr_sampler_name": samplers,
        "hr_scheduler": schedulers,
        "hr_prompt": prompts,
        "hr_additional_modules": modules,
        "disable_extra_networks": st.booleans(),
        "override_settings": st.fixed_dictionaries(
            {"forge_additional_modules": st.lists(st.sampled_from(["gone", "ae.safetensors"]))}
        ),
    },
)


@given(jobs, st.sampled_from([STOCKED, Inventory(samplers=STOCKED.samplers), Inventory()]))
def test_a_job_can_be_prepared_exactly_where_nothing_is_missing(
    params: dict[str, object], inventory: Inventory
) -> None:
    request = parse_params(params, ParamLimits())
    missing = DESK.backend.missing(request.requirements, inventory)
    if missing:
        with pytest.raises(RequestRefused) as refused:
            DESK.backend.prepare(request, inventory)
        assert refused.value.message in [error.message for error in missing]
    else:
        assert DESK.backend.prepare(request, inventory).payload


def test_a_plain_job_requires_nothing() -> None:
    request = parse_params({"positive_prompt": "a cat"}, ParamLimits())
    assert request.requirements == Requirements()


def test_each_name_is_required_once() -> None:
    request = parse_params(
        {
            "positive_prompt": "<lora:a:1>",
            "checkpoint_name": "x",
            "refiner_model": "x",
            "enable_hr": True,
            "hr_checkpoint_name": "y",
            "hr_prompt": "<lora:a:1><lora:b:1>",
            "sampler_name": "Euler",
            "hr_sampler_name": "Euler",
        },
        ParamLimits(),
    )
    assert request.requirements == Requirements(
        checkpoints=("x", "y"), loras=("a", "b"), samplers=("Euler",)
    )
