"""Memory that fills, servers that die of it, and lists that lie."""

from __future__ import annotations

import pytest
from tests.testing.forge_client import CAT, PONY, Client, recorded_forge

from stablequeue_core.errors import ConnectFailed, ConnectionLost
from stablequeue_core.testing.forge_simulator import Fault, Phase

PONY_OVERRIDE = {"override_settings": {"sd_model_checkpoint": PONY}}
BASE_OVERRIDE = {"override_settings": {"sd_model_checkpoint": "forgetest.safetensors"}}


def test_memory_fills_with_each_load_and_is_given_back_by_unloading() -> None:
    client = Client(recorded_forge())
    client.forge.memory.growth = 1000
    used = client.get("memory")["ram"]["used"]
    for override in (PONY_OVERRIDE, PONY_OVERRIDE, BASE_OVERRIDE):
        client.txt2img(**override)
    assert client.get("memory")["ram"]["used"] == used + 2000

    client.post("unload-checkpoint")

    assert client.get("memory")["ram"]["used"] == used
    assert client.forge.memory.unloads == 1


def test_a_server_that_gives_nothing_back_stays_full() -> None:
    client = Client(recorded_forge())
    client.forge.memory.growth, client.forge.memory.gives_back = 1000, False
    client.txt2img(**PONY_OVERRIDE)
    full = client.get("memory")
    client.post("unload-checkpoint")
    assert client.get("memory") == full


def test_a_server_that_takes_more_than_there_is_is_killed_and_begins_anew() -> None:
    client = Client(recorded_forge())
    memory = client.forge.memory
    memory.growth = int(memory.ram_total)
    with pytest.raises(ConnectionLost):
        client.txt2img(**PONY_OVERRIDE)
    assert client.forge.phase is Phase.DOWN
    with pytest.raises(ConnectFailed):
        client.get("memory")

    memory.growth = 0
    client.forge.phase = Phase.READY

    client.txt2img(**PONY_OVERRIDE)


def test_a_full_card_makes_no_picture_until_the_server_has_unloaded() -> None:
    client = Client(recorded_forge())
    client.forge.faults.next("txt2img", Fault.MEMORY_FULL, times=None)
    assert [client.failure()[1]["error"] for _ in range(2)] == ["OutOfMemoryError"] * 2

    client.post("unload-checkpoint")

    assert client.failure()[0] == 200
    assert client.failure()[1]["error"] == "OutOfMemoryError"


@pytest.mark.parametrize(("batch_size", "status"), [(4, 500), (3, 500), (2, 200), (1, 200)])
def test_a_batch_that_is_too_large_fails_and_a_smaller_one_does_not(
    batch_size: int, status: int
) -> None:
    client = Client(recorded_forge())
    client.forge.faults.next("txt2img", Fault.BATCH_TOO_LARGE, largest_batch=2)
    assert client.failure(batch_size=batch_size)[0] == status


def test_a_checkpoint_that_is_listed_but_cannot_be_read_stays_listed_and_poisons() -> None:
    client = Client(recorded_forge())
    client.txt2img(**BASE_OVERRIDE)
    listed = [one["title"].split(" [")[0] for one in client.get("sd-models")]
    client.forge.faults.next("txt2img", Fault.CANNOT_LOAD)

    assert client.failure(**PONY_OVERRIDE)[1]["message"] == "Failed to recognize model type!"

    client.post("refresh-checkpoints")
    assert [one["title"].split(" [")[0] for one in client.get("sd-models")] == listed
    assert client.failure(**BASE_OVERRIDE)[1]["error"] == "AttributeError"
    assert client.failure(**PONY_OVERRIDE)[0] == 200


def test_a_job_that_kills_its_server_gets_no_answer_and_the_server_stays_dead() -> None:
    client = Client(recorded_forge())
    client.forge.faults.next("txt2img", Fault.DIE, at_step=2)
    with pytest.raises(ConnectionLost):
        client.send("POST", "/sdapi/v1/txt2img", {**CAT, "steps": 4})
    assert client.forge.phase is Phase.DOWN
    assert not client.forge.rendered
