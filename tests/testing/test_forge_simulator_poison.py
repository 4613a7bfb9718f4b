"""A checkpoint that cannot be read, and the server after it."""

from __future__ import annotations

from typing import Any

from tests.testing.forge_client import PONY, Client, recorded_disk

from stablequeue_core.testing.forge_simulator import CheckpointFile, SimulatedForge

POISONED = "'NoneType' object has no attribute 'sd_checkpoint_info'"


def poisoned() -> Client:
    disk = recorded_disk().add(CheckpointFile(path="zz_bad.safetensors", broken=True))
    client = Client(SimulatedForge(disk))
    client.txt2img()
    status, body = client.failure(**checkpoint("zz_bad.safetensors"))
    assert (status, body["error"]) == (500, "ValueError")
    return client


def checkpoint(name: str) -> dict[str, Any]:
    return {"override_settings": {"sd_model_checkpoint": name}}


def test_a_broken_checkpoint_is_renamed_and_gone_after_a_refresh() -> None:
    client = poisoned()
    assert len(client.get("sd-models")) == 3
    client.post("refresh-checkpoints")
    assert len(client.get("sd-models")) == 2
    assert client.forge.disk.checkpoint("zz_bad.safetensors") is None


def test_a_deleted_checkpoint_fails_like_a_broken_one() -> None:
    client = Client(SimulatedForge(recorded_disk()))
    client.forge.disk.remove(PONY)
    assert client.failure(**checkpoint(PONY))[1]["message"] == "Failed to recognize model type!"


def test_after_it_every_job_for_the_model_loaded_before_fails() -> None:
    client = poisoned()
    for _ in range(2):
        status, body = client.failure()
        assert (status, body["error"], body["message"]) == (500, "AttributeError", POISONED)
    for route in ("refresh-checkpoints", "unload-checkpoint", "reload-checkpoint"):
        client.post(route)
    assert client.failure()[1]["message"] == POISONED


def test_a_job_with_another_checkpoint_is_the_cure() -> None:
    client = poisoned()
    assert client.model_for(PONY) == "ponytest"
    assert client.info()["sd_model_name"] == "forgetest"


def test_a_job_with_other_modules_is_the_cure_too() -> None:
    client = poisoned()
    client.txt2img(override_settings={"forge_additional_modules": ["testvae.safetensors"]})
    assert client.info()["sd_model_name"] == "forgetest"


def test_a_restart_is_the_last_cure() -> None:
    client = poisoned()
    client.forge.restart()
    assert client.info()["sd_model_name"] == "forgetest"


def test_a_fresh_server_is_not_poisoned_by_its_first_load() -> None:
    disk = recorded_disk().add(CheckpointFile(path="zz_bad.safetensors", broken=True))
    client = Client(SimulatedForge(disk))
    client.failure(**checkpoint("zz_bad.safetensors"))
    assert client.info()["sd_model_name"] == "forgetest"
