"""LoRAs named by path or file: the server knows none of these, and one unknown switches off all."""

from __future__ import annotations

import pytest
from tests.backends.forge.desk import Desk, editing_info

from stablequeue_core.errors import AmbiguousName, NotOnServer, WrongResult
from stablequeue_core.testing.forge_simulator import ForgeDisk, LoraFile, SimulatedForge


@pytest.mark.parametrize("separator", ["/", "\\"])
@pytest.mark.parametrize(
    "wanted",
    [
        "styles/watercolor_v2",
        "styles/watercolor_v2.safetensors",
        r"styles\watercolor_v2.safetensors",
        "watercolor_v2.safetensors",
        "/srv/forge/models/Lora/styles/watercolor_v2.safetensors",
        "Watercolor_V2",
    ],
)
def test_a_path_is_written_as_the_servers_name_and_proved_under_it(
    separator: str, wanted: str
) -> None:
    desk = Desk(SimulatedForge.with_sample_models(separator=separator))
    prepared = desk.prepare(positive_prompt=f"a cat <LoRA:{wanted}:0.8> at dawn")
    generation = desk.generate(prepared)

    assert desk.sent["prompt"] == "a cat <lora:watercolor_v2:0.8> at dawn"
    assert desk.forge.rendered[-1].loras == ("watercolor_v2",)
    assert list(generation.proof["loras"]["got"]) == ["watercolor_v2"]
    assert generation.proof["loras"]["asked"] == ["watercolor_v2"]
    assert prepared.resolutions == (f"{wanted} → watercolor_v2 (same file)",)


def test_names_of_the_second_pass_are_written_so_too(desk: Desk) -> None:
    prepared = desk.prepare(enable_hires_fix=True, hr_prompt="<lora:styles/watercolor_v2:0.5>")
    assert prepared.payload["hr_prompt"] == "<lora:watercolor_v2:0.5>"


def test_the_weights_behind_a_path_stay(desk: Desk) -> None:
    prompt = "<lora:styles/watercolor_v2:0.8:unet=0.5:16> <lora:old_sailor>"
    desk.run(positive_prompt=prompt)
    assert desk.sent["prompt"] == prompt.replace("styles/", "")


def test_a_name_or_alias_that_the_server_knows_is_sent_as_it_stands(desk: Desk) -> None:
    prompt = "<lora:watercolor:0.8> <lora:old_sailor:1>"
    prepared = desk.prepare(positive_prompt=prompt)
    assert prepared.payload["prompt"] == prompt
    assert prepared.resolutions == ()


def test_a_lora_that_is_named_twice_is_proved_once(desk: Desk) -> None:
    prompt = "<lora:old_sailor:1> <lora:characters/old_sailor:0.5>"
    assert desk.run(positive_prompt=prompt).proof["loras"]["asked"] == ["old_sailor"]


def test_a_path_that_fits_two_is_refused_unsent_with_both() -> None:
    desk = Desk(
        SimulatedForge(
            ForgeDisk([LoraFile(path="a/Ink.safetensors"), LoraFile(path="b/ink.safetensors")])
        )
    )
    with pytest.raises(AmbiguousName) as caught:
        desk.run(positive_prompt="<lora:INK.safetensors:1>")
    assert caught.value.details["candidates"] == ["Ink", "ink"]
    assert desk.jobs_sent == 0
    assert desk.prepare(positive_prompt="<lora:b/ink:1>").asked["loras"] == ["ink"]


@pytest.mark.parametrize(
    "wanted",
    ["people/watercolor_v2", "watercolor_v2.pt", "watercolor.safetensors", "styles/watercolor"],
)
def test_a_path_that_is_not_there_is_refused_unsent(desk: Desk, wanted: str) -> None:
    with pytest.raises(NotOnServer):
        desk.run(positive_prompt=f"<lora:{wanted}:1>")
    assert desk.jobs_sent == 0


def test_a_lora_of_the_same_stem_that_the_server_hides_is_not_taken_for_the_other() -> None:
    """Of two files with one stem the server knows the last one only."""
    disk = ForgeDisk([LoraFile(path="a/ink.safetensors"), LoraFile(path="b/ink.safetensors")])
    desk = Desk(SimulatedForge(disk))
    assert desk.prepare(positive_prompt="<lora:b/ink:1>").payload["prompt"] == "<lora:ink:1>"
    with pytest.raises(NotOnServer):
        desk.prepare(positive_prompt="<lora:a/ink:1>")


def test_a_lora_that_was_named_by_path_and_not_applied_is_found_out() -> None:
    desk = Desk(transport=editing_info(extra_generation_params={}, infotexts=[]))
    with pytest.raises(WrongResult) as caught:
        desk.run(positive_prompt="<lora:characters/old_sailor.safetensors:1>")
    assert caught.value.details == {"asked": ["old_sailor"], "got": {}}
