"""By which names the simulated server finds checkpoints, LoRAs and modules, and what it drops."""

from __future__ import annotations

import pytest
from tests.testing.forge_client import PONY, PONY_SHA, Client, picture, recorded_forge

from stablequeue_core.testing.forge_simulator import (
    CheckpointFile,
    ForgeDisk,
    LoraFile,
    ModuleFile,
    SimulatedForge,
)

SHORT = PONY_SHA[:10]


@pytest.mark.parametrize("name", [PONY, "Pony_ponytest", "ponytest"])
def test_a_checkpoint_is_found_by_path_and_stem_before_it_was_hashed(name: str) -> None:
    assert Client(recorded_forge()).model_for(name) == "ponytest"


@pytest.mark.parametrize("name", [f"{PONY} [{SHORT}]", SHORT, PONY_SHA, f"ponytest [{SHORT}]"])
def test_a_checkpoint_is_found_by_its_hash_only_once_it_was_loaded(name: str) -> None:
    client = Client(recorded_forge())
    assert client.model_for(name) == "forgetest"
    client.model_for(PONY)
    assert client.model_for(name) == "ponytest"


def test_the_old_hash_finds_a_checkpoint() -> None:
    disk = ForgeDisk([CheckpointFile(path="a.safetensors"), CheckpointFile(path="b.safetensors")])
    entry = disk.checkpoint("b.safetensors")
    assert entry is not None
    assert Client(SimulatedForge(disk)).model_for(entry.old_hash) == "b"


def test_without_hashing_a_title_never_gains_a_hash() -> None:
    client = Client(recorded_forge(no_hashing=True))
    info = client.info(override_settings={"sd_model_checkpoint": PONY})
    assert info["sd_model_name"] == "ponytest"
    assert info["sd_model_hash"] is None
    assert "Model hash" not in info["infotexts"][0]
    assert client.get("sd-models")[1]["title"] == PONY
    assert client.model_for(f"{PONY} [{SHORT}]") == "forgetest"


def test_on_windows_names_have_backslashes_and_slashes_do_not_match() -> None:
    client = Client(recorded_forge(separator="\\"))
    entry = client.get("sd-models")[1]
    assert entry["title"] == "Pony\\ponytest.safetensors"
    assert entry["model_name"] == "Pony_ponytest"
    assert entry["filename"] == "C:\\forge\\models\\Stable-diffusion\\Pony\\ponytest.safetensors"
    assert client.model_for(PONY) == "forgetest"
    assert client.model_for("Pony\\ponytest.safetensors") == "ponytest"
    assert client.get("sd-models")[1]["title"] == f"Pony\\ponytest.safetensors [{SHORT}]"


def test_of_two_files_with_one_stem_the_one_registered_last_has_it() -> None:
    disk = ForgeDisk(
        [CheckpointFile(path="A/same.safetensors"), CheckpointFile(path="B/same.ckpt")]
    )
    client = Client(SimulatedForge(disk))
    client.txt2img(override_settings={"sd_model_checkpoint": "same"})
    assert client.forge.rendered[-1].checkpoint == "B/same.ckpt"


def test_hashing_registers_again_so_the_winner_of_a_stem_changes() -> None:
    disk = ForgeDisk(
        [CheckpointFile(path="A/same.safetensors"), CheckpointFile(path="B/same.ckpt")]
    )
    client = Client(SimulatedForge(disk))
    client.txt2img(override_settings={"sd_model_checkpoint": "A/same.safetensors"})
    client.txt2img(override_settings={"sd_model_checkpoint": "same"})
    assert client.forge.rendered[-1].checkpoint == "A/same.safetensors"


def test_a_new_checkpoint_is_unknown_until_the_list_is_refreshed() -> None:
    client = Client(recorded_forge())
    client.forge.disk.add(CheckpointFile(path="new.safetensors"))
    assert client.model_for("new") == "forgetest"
    client.post("refresh-checkpoints")
    assert client.model_for("new") == "new"


def test_a_hash_survives_a_refresh_and_a_restart() -> None:
    client = Client(recorded_forge())
    client.model_for(PONY)
    client.post("refresh-checkpoints")
    client.forge.restart()
    assert client.get("sd-models")[1]["hash"] == SHORT


def test_a_server_without_any_checkpoint_fails_its_jobs() -> None:
    status, body = Client(SimulatedForge()).failure()
    assert (status, body["message"]) == (500, "You do not have any model!")


@pytest.mark.parametrize("asked", ["euler a", "k_euler_a", "No Such Sampler"])
def test_an_unknown_sampler_becomes_the_first_of_the_list(asked: str) -> None:
    info = Client(recorded_forge()).info(sampler_name=asked)
    assert info["sampler_name"] == "DPM++ 2M"
    assert "Schedule type: Karras" in info["infotexts"][0]


def test_a_scheduler_behind_the_samplers_name_is_split_off() -> None:
    info = Client(recorded_forge()).info(sampler_name="Euler a Exponential")
    assert info["sampler_name"] == "Euler a"
    assert "Schedule type: Exponential" in info["infotexts"][0]


def test_a_samplers_own_scheduler_counts_as_automatic() -> None:
    client = Client(recorded_forge())
    asked = {"sampler_name": "DPM++ 2M", "scheduler": "Karras"}
    assert client.info(**asked)["extra_generation_params"] == {"Schedule type": "Karras"}
    assert client.txt2img(**asked)["images"] == client.txt2img(sampler_name="DPM++ 2M")["images"]


def test_a_scheduler_is_known_by_name_and_by_label() -> None:
    client = Client(recorded_forge())
    for asked in ("sgm_uniform", "SGM Uniform"):
        info = client.info(sampler_name="Euler", scheduler=asked)
        assert info["extra_generation_params"] == {"Schedule type": "SGM Uniform"}


@pytest.mark.parametrize("name", ["testlora", "testlora_alias"])
def test_a_lora_is_found_by_name_and_alias(name: str) -> None:
    info = Client(recorded_forge()).info(prompt=f"a cat <lora:{name}:0.5>")
    assert info["extra_generation_params"]["Lora hashes"] == f"{name}: dde0531cdd76"


def test_a_lora_is_not_found_by_its_path() -> None:
    client = Client(recorded_forge())
    assert "Lora hashes" not in client.txt2img(prompt="a cat <lora:styles/testlora:1>")["info"]


def test_a_missing_lora_switches_off_all_loras_silently() -> None:
    client = Client(recorded_forge())
    client.txt2img(prompt="a <lora:testlora:1> <lora:missing:1>")
    client.txt2img(prompt="a <lora:testlora:1> <lora:plainlora:1>")
    used = [picture.loras for picture in client.forge.rendered]
    assert used == [(), ("testlora", "plainlora")]


def test_an_alias_of_two_loras_finds_neither() -> None:
    disk = ForgeDisk(
        [
            CheckpointFile(path="model.safetensors"),
            LoraFile(path="one.safetensors", alias="twin"),
            LoraFile(path="two.safetensors", alias="twin"),
        ]
    )
    client = Client(SimulatedForge(disk))
    assert client.info(prompt="<lora:twin:1>")["extra_generation_params"] == {}
    assert "Lora hashes" in client.info(prompt="<lora:two:1>")["extra_generation_params"]


def test_a_new_lora_is_listed_after_a_refresh_or_its_first_use() -> None:
    client = Client(recorded_forge())
    client.forge.disk.add(LoraFile(path="new.safetensors"))
    assert "new" not in [lora["name"] for lora in client.get("loras")]
    assert "Lora hashes" in client.info(prompt="<lora:new:1>")["extra_generation_params"]
    client.forge.disk.remove("new.safetensors")
    client.post("refresh-loras")
    assert "new" not in [lora["name"] for lora in client.get("loras")]


def test_a_new_module_is_listed_after_a_refresh() -> None:
    client = Client(recorded_forge())
    client.forge.disk.add(ModuleFile(path="text_encoder/t5.safetensors"))
    assert len(client.get("sd-modules")) == 1
    client.post("refresh-vae")
    assert len(client.get("sd-modules")) == 2


def test_modules_are_matched_by_basename_and_unknown_ones_are_dropped() -> None:
    client = Client(recorded_forge())
    wanted = ["/elsewhere/testvae.safetensors", "missing.safetensors"]
    info = client.info(override_settings={"forge_additional_modules": wanted})
    assert info["infotexts"][0].endswith(", Module 1: testvae")


def test_the_sample_models_include_a_pony_with_a_known_hash() -> None:
    client = Client(SimulatedForge.with_sample_models())
    path = "Pony/cyberrealisticPony_v8.safetensors"
    assert client.model_for(path) == "cyberrealisticPony_v8"
    assert f"{path} [9f90c59f3a]" in [entry["title"] for entry in client.get("sd-models")]
    assert any(lora["alias"] != lora["name"] for lora in client.get("loras"))


def test_a_flux_model_names_its_distilled_cfg_scale() -> None:
    client = Client(SimulatedForge.with_sample_models())
    flux = {"sd_model_checkpoint": "Flux/flux1-dev-fp8.safetensors"}
    assert (
        "CFG scale: 1.0, Distilled CFG Scale: 3.5, Seed: 1"
        in (client.info(override_settings=flux)["infotexts"][0])
    )


def test_the_same_request_makes_the_same_picture_and_another_checkpoint_another() -> None:
    client = Client(recorded_forge())
    first = client.txt2img()["images"][0]
    assert client.txt2img()["images"][0] == first
    pony = client.txt2img(override_settings={"sd_model_checkpoint": PONY})["images"][0]
    assert picture(pony).tobytes() != picture(first).tobytes()
