"""Samplers, LoRAs, modules and the like: Forge replaces or drops what it does not know."""

from __future__ import annotations

from typing import Any

import pytest
from tests.backends.forge.desk import Desk, answering, editing_info, overrides

from stablequeue_core.errors import AmbiguousName, NotOnServer, RequestRefused, WrongResult
from stablequeue_core.generation import Requirements
from stablequeue_core.testing.forge_simulator import (
    ForgeDisk,
    LoraFile,
    SimulatedForge,
)

HIRES: dict[str, Any] = {"enable_hires_fix": True}


@pytest.mark.parametrize(
    ("params", "code", "nearest"),
    [
        ({"sampler_name": "Eulr a"}, "unknown_sampler", "Euler a"),
        ({"scheduler": "Karas"}, "unknown_scheduler", "Karras"),
        ({"positive_prompt": "<lora:old_sailer:1>"}, "unknown_lora", "old_sailor"),
        (
            {"positive_prompt": "<lora:people/watercolor_v2:1>"},
            "unknown_lora",
            "watercolor_v2",
        ),
        (overrides(forge_additional_modules=["clip_1"]), "unknown_module", "clip_l.safetensors"),
        ({**HIRES, "upscaler_model": "ESRGAN 4x"}, "unknown_upscaler", "ESRGAN_4x"),
        ({**HIRES, "hr_sampler_name": "Eulr a"}, "unknown_sampler", "Euler a"),
        ({**HIRES, "hr_scheduler": "Karas"}, "unknown_scheduler", "Karras"),
        ({**HIRES, "hr_checkpoint_name": "sd_xl"}, "unknown_checkpoint", None),
        ({**HIRES, "hr_prompt": "<lora:old_sailer:1>"}, "unknown_lora", "old_sailor"),
        ({**HIRES, "hr_additional_modules": ["clip_1"]}, "unknown_module", "clip_l.safetensors"),
    ],
)
def test_an_unknown_name_is_refused_unsent_with_what_there_is_nearest_first(
    desk: Desk, params: dict[str, Any], code: str, nearest: str | None
) -> None:
    with pytest.raises(NotOnServer) as caught:
        desk.run(**params)

    assert caught.value.code == code
    assert nearest in (None, caught.value.details["available"][0])
    assert caught.value.details["server"] == "Laptop"
    assert desk.jobs_sent == 0


@pytest.mark.parametrize("wanted", ["euler a", "EULER A", "k_euler_a", "k_euler_ancestral"])
def test_a_sampler_is_found_by_any_case_and_by_its_aliases(desk: Desk, wanted: str) -> None:
    """The server itself takes neither: it would use DPM++ 2M."""
    generation = desk.run(sampler_name=wanted)

    assert desk.sent["sampler_name"] == "Euler a"
    assert generation.info["sampler_name"] == "Euler a"


@pytest.mark.parametrize(
    ("wanted", "sampler", "scheduler"),
    [
        ("DPM++ 2M Karras", "DPM++ 2M", "Karras"),
        ("DPM++ 2M SDE Exponential", "DPM++ 2M SDE", "Exponential"),
        ("Euler SGM Uniform", "Euler", "SGM Uniform"),
        ("dpm++ sde karras", "DPM++ SDE", "Karras"),
    ],
)
def test_a_sampler_named_together_with_its_scheduler_is_split(
    desk: Desk, wanted: str, sampler: str, scheduler: str
) -> None:
    generation = desk.run(sampler_name=wanted)

    assert (desk.sent["sampler_name"], desk.sent["scheduler"]) == (sampler, scheduler)
    assert generation.proof["scheduler"] == {"asked": scheduler, "got": scheduler}


def test_a_scheduler_of_its_own_outweighs_the_one_in_the_samplers_name(desk: Desk) -> None:
    desk.run(sampler_name="DPM++ 2M Karras", scheduler="Exponential")
    assert desk.sent["scheduler"] == "Exponential"


@pytest.mark.parametrize("wanted", ["karras", "Karras", "sgm_uniform", "SGMUniform", "Simple"])
def test_a_scheduler_is_found_by_name_label_and_alias(desk: Desk, wanted: str) -> None:
    proof = desk.run(sampler_name="Euler", scheduler=wanted).proof
    assert proof["scheduler"]["got"] == desk.sent["scheduler"] != "Automatic"


def test_a_quality_preset_leaves_the_scheduler_to_the_server(desk: Desk) -> None:
    desk.run(scheduler_or_quality_preset="Balanced")
    assert desk.sent["scheduler"] == "Automatic"
    desk.run(scheduler_or_quality_preset="Karras")
    assert desk.sent["scheduler"] == "Karras"


def test_without_a_sampler_euler_is_named_so_that_it_can_be_proved(desk: Desk) -> None:
    assert desk.run().proof["sampler"] == {"asked": "Euler", "got": "Euler"}


def test_a_server_without_euler_may_choose_when_nobody_asked() -> None:
    desk = Desk(transport=answering("/samplers", [{"name": "LMS", "aliases": []}]))
    prepared = desk.prepare()
    assert "sampler_name" not in prepared.payload
    assert "sampler" not in prepared.asked


def test_another_sampler_than_asked_is_found_out() -> None:
    desk = Desk(transport=editing_info(sampler_name="DPM++ 2M"))
    with pytest.raises(WrongResult) as caught:
        desk.run(sampler_name="Euler a")
    assert caught.value.code == "wrong_sampler"
    assert caught.value.details == {"asked": "Euler a", "got": "DPM++ 2M"}


def test_another_scheduler_than_asked_is_found_out() -> None:
    text = "a cat\nSteps: 4, Sampler: Euler, Schedule type: Automatic, CFG scale: 7"
    desk = Desk(transport=editing_info(infotexts=[text]))
    with pytest.raises(WrongResult) as caught:
        desk.run(sampler_name="Euler", scheduler="Karras")
    assert caught.value.code == "wrong_scheduler"


@pytest.mark.parametrize("name", ["watercolor_v2", "watercolor", "add-detail-xl"])
def test_a_lora_is_known_by_its_name_and_by_its_alias(desk: Desk, name: str) -> None:
    generation = desk.run(positive_prompt=f"a cat <lora:{name}:0.8>")

    assert desk.forge.rendered[-1].loras == (name,)
    assert list(generation.proof["loras"]["got"]) == [name]


def test_an_alias_that_two_loras_share_is_refused_unsent() -> None:
    """The server knows both by their names only, and one unknown LoRA switches off all."""
    disk = ForgeDisk(
        [
            LoraFile(path="one.safetensors", alias="ink"),
            LoraFile(path="two.safetensors", alias="ink"),
        ]
    )
    desk = Desk(SimulatedForge(disk))

    with pytest.raises(AmbiguousName) as caught:
        desk.prepare(positive_prompt="<lora:ink:1>")

    assert caught.value.details["candidates"] == ["one", "two"]
    desk.prepare(positive_prompt="<lora:one:1> <lora:two:1>")


def test_an_alias_that_is_another_loras_name_means_that_other_lora() -> None:
    disk = ForgeDisk(
        [LoraFile(path="ink.safetensors"), LoraFile(path="two.safetensors", alias="ink")]
    )
    assert Desk(SimulatedForge(disk)).prepare(positive_prompt="<lora:ink:1>").payload


def test_a_lora_tag_in_other_case_is_written_as_the_server_knows_it(desk: Desk) -> None:
    generation = desk.run(
        positive_prompt="a cat <LoRA:old_sailor:1>", **HIRES, hr_prompt="<LORA:watercolor:1>"
    )

    assert desk.sent["prompt"] == "a cat <lora:old_sailor:1>"
    assert desk.sent["hr_prompt"] == "<lora:watercolor:1>"
    assert list(generation.proof["loras"]["got"]) == ["old_sailor"]


def test_a_lora_name_with_spaces_around_it_is_refused_as_the_server_would_not_find_it(
    desk: Desk,
) -> None:
    with pytest.raises(NotOnServer, match="Nearest: old_sailor"):
        desk.run(positive_prompt="<lora: old_sailor :1>")


def test_loras_that_a_missing_one_switched_off_are_found_out_though_the_list_lied() -> None:
    listed = [{"name": name, "alias": name} for name in ("old_sailor", "gone")]
    desk = Desk(transport=answering("/loras", listed))

    with pytest.raises(WrongResult) as caught:
        desk.run(positive_prompt="<lora:old_sailor:1> <lora:gone:1>")

    assert caught.value.code == "wrong_lora"
    assert caught.value.details == {"asked": ["old_sailor", "gone"], "got": {}}
    assert desk.forge.rendered[-1].loras == ()


def test_even_a_lora_of_weight_zero_must_be_there(desk: Desk) -> None:
    assert desk.run(positive_prompt="<lora:old_sailor:0>").proof["loras"]["got"]


def test_without_hashing_the_server_tells_no_loras_and_the_proof_says_so() -> None:
    desk = Desk(
        transport=editing_info(sd_model_hash=None, extra_generation_params={}, infotexts=[])
    )
    assert desk.run(positive_prompt="<lora:old_sailor:1>").proof["loras"]["got"] == {}


def test_a_server_that_was_told_not_to_name_loras_is_not_blamed_for_it() -> None:
    silent = editing_info(extra_generation_params={}, infotexts=[])
    with pytest.raises(WrongResult):
        Desk(transport=silent).run(positive_prompt="<lora:old_sailor:1>")

    told = answering("/options", {"lora_add_hashes_to_infotext": False})
    desk = Desk(transport=lambda direct: told(silent(direct)))

    assert "loras" not in desk.run(positive_prompt="<lora:old_sailor:1>").proof


def test_with_networks_switched_off_no_lora_is_looked_up_or_proved(desk: Desk) -> None:
    generation = desk.run(positive_prompt="<lora:unknown:1>", disable_extra_networks=True)
    assert "loras" not in generation.proof


@pytest.mark.parametrize(
    "wanted",
    ["ae", "ae.safetensors", "AE.safetensors", "VAE/ae.safetensors", r"C:\f\VAE\ae.safetensors"],
)
def test_a_module_is_found_by_its_file_name_and_proved(desk: Desk, wanted: str) -> None:
    generation = desk.run(**overrides(forge_additional_modules=[wanted]))

    assert desk.sent["override_settings"]["forge_additional_modules"] == ["ae.safetensors"]
    assert generation.proof["modules"] == {"asked": ["ae.safetensors"], "got": ["ae"]}


def test_a_module_that_the_server_dropped_is_found_out() -> None:
    desk = Desk(transport=answering("/sd-modules", [{"model_name": "gone.safetensors"}]))

    with pytest.raises(WrongResult) as caught:
        desk.run(**overrides(forge_additional_modules=["gone.safetensors"]))

    assert caught.value.code == "wrong_module"


def test_the_second_pass_always_says_which_modules_it_uses(desk: Desk) -> None:
    """Without them Forge fails after the first pass: argument of type 'NoneType' ..."""
    desk.run(**HIRES)
    assert desk.sent["hr_additional_modules"] == ["Use same choices"]
    for nothing in (None, [], ["Use same choices"]):
        desk.run(**HIRES, hr_additional_modules=nothing)
        assert desk.sent["hr_additional_modules"] == ["Use same choices"]
    desk.run(**HIRES, hr_additional_modules=["VAE/ae.safetensors"])
    assert desk.sent["hr_additional_modules"] == ["ae.safetensors"]


@pytest.mark.parametrize("wanted", ["Latent", "latent (bicubic antialiased)", "R-ESRGAN 4x+"])
def test_latent_modes_are_upscalers_although_no_list_names_them(desk: Desk, wanted: str) -> None:
    desk.run(enable_hires_fix=True, upscaler_model=wanted)
    assert desk.sent["hr_upscaler"].casefold() == wanted.casefold()


def test_the_servers_own_list_of_latent_modes_is_believed_where_it_has_one() -> None:
    desk = Desk(transport=answering("/latent-upscale-modes", [{"name": "Latent (new)"}]))
    assert desk.prepare(**HIRES, upscaler_model="latent (NEW)").payload["hr_upscaler"] == (
        "Latent (new)"
    )
    with pytest.raises(RequestRefused):
        desk.prepare(**HIRES, upscaler_model="Latent (bicubic)")


def test_the_words_for_the_same_as_before_name_nothing(desk: Desk) -> None:
    prepared = desk.prepare(
        **HIRES,
        hr_checkpoint_name="Use same checkpoint",
        hr_sampler_name="Use same sampler",
        hr_scheduler="Use same scheduler",
        upscaler_model="None",
        refiner_model="None",
    )
    assert not {"hr_checkpoint_name", "hr_sampler_name", "hr_scheduler", "hr_upscaler"} & set(
        prepared.payload
    )
    assert "refiner_checkpoint" not in prepared.payload


def test_names_of_the_second_pass_are_written_in_the_servers_spelling(desk: Desk) -> None:
    desk.run(
        **HIRES,
        hr_checkpoint_name=r"Pony\ponyDiffusionV6XL.safetensors",
        hr_sampler_name="dpm++ 2m karras",
    )
    assert desk.sent["hr_checkpoint_name"] == "Pony/ponyDiffusionV6XL.safetensors"
    assert (desk.sent["hr_sampler_name"], desk.sent["hr_scheduler"]) == ("DPM++ 2M", "Karras")


def test_a_second_pass_that_nobody_wants_looks_nothing_up(desk: Desk) -> None:
    prepared = desk.prepare(hr_upscaler="gone", hr_sampler_name="gone", hr_prompt="<lora:gone:1>")
    assert "enable_hr" not in prepared.payload


def test_what_a_server_lacks_is_told_without_sending_anything(desk: Desk) -> None:
    inventory = desk.backend.inventory()
    missing = desk.backend.missing(
        Requirements(
            checkpoints=("gone", "cyberrealisticPony_v8"),
            loras=("gone", "watercolor"),
            samplers=("gone", "DPM++ 2M Karras"),
            schedulers=("gone", "karras"),
            upscalers=("gone", "latent"),
            modules=("gone", "ae.safetensors"),
        ),
        inventory,
    )
    assert [error.code for error in missing] == [
        "unknown_checkpoint",
        "unknown_lora",
        "unknown_sampler",
        "unknown_scheduler",
        "unknown_upscaler",
        "unknown_module",
    ]
    assert desk.jobs_sent == 0
