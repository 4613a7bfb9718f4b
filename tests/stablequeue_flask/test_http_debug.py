"""Looking closer over HTTP: what a server makes of a name, and which checkpoints are known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.worlds import ACORN, PONY, World, model_world

from stablequeue_core.testing.forge_simulator import CheckpointFile, ForgeDisk, SimulatedForge
from stablequeue_core.testing.forge_simulator.sample_models import sample_disk
from stablequeue_flask import create_app

VERIFY = "/api/v1/debug/verify-checkpoint"
HASH = "9f90c59f3a"
WINDOWS = PONY.replace("/", "\\")
VERIFIED = [
    "success",
    "original_path",
    "normalized_path",
    "matched_model",
    "available_models",
]
CACHED = ["id", "name", "path", "normalized_path", "hash", "title", "aliases"]
"""The fields of the API document, in its order; ours come behind them."""


def disk() -> ForgeDisk:
    """The file that is asked for, and two of one name."""
    twins = [CheckpointFile(path=f"{folder}/twin.safetensors") for folder in ("SDXL", "SD15")]
    pony = sample_disk().checkpoint(PONY)
    assert pony is not None
    return ForgeDisk([pony, *twins])


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[World]:
    """A server on each system, both of which have loaded the Pony checkpoint once."""
    forges = {
        "Laptop": SimulatedForge(disk()),
        "Tower": SimulatedForge(disk(), separator="\\"),
    }
    world = model_world(tmp_path, forges=forges)
    world.queue.models.scan()
    for alias in forges:
        world.run(alias, checkpoint_name=PONY)
    yield world
    world.close(grace=0)


@pytest.fixture
def asker(pair: World) -> Any:
    return create_app(pair.queue).test_client()


def verified(asker: Any, path: str, server: str) -> Any:
    answer = asker.get(VERIFY, query_string={"checkpoint_path": path, "server_alias": server})
    assert answer.status_code == 200, answer.json
    assert list(answer.json)[: len(VERIFIED)] == VERIFIED
    return answer.json


@pytest.mark.parametrize(
    "said",
    [
        PONY,
        WINDOWS,
        f"C:\\models\\Stable-diffusion\\{WINDOWS}",
        f"/mnt/models/Stable-diffusion/{PONY}",
        f"{PONY} [{HASH}]",
        "cyberrealisticPony_v8",
        HASH,
    ],
)
@pytest.mark.parametrize(("server", "own"), [("Laptop", PONY), ("Tower", WINDOWS)])
def test_each_server_is_told_its_own_spelling(asker: Any, said: str, server: str, own: str) -> None:
    """A slash for a POSIX server, a backslash for a Windows one, as the document shows it."""
    body = verified(asker, said, server)
    assert body["success"] is True
    assert body["original_path"] == said
    assert body["normalized_path"] == own
    assert body["matched_model"] == f"{own} [{HASH}]"
    assert f"{own} [{HASH}]" in body["available_models"]
    assert len(body["available_models"]) == 3
    assert body["reason"]


def test_a_name_that_fits_nothing_is_told_with_what_is_like_it(asker: Any) -> None:
    body = verified(asker, "Pony/cyberrealisticPony_v9.safetensors", "Tower")
    assert body["success"] is False
    assert body["matched_model"] is None
    assert body["normalized_path"] == r"Pony\cyberrealisticPony_v9.safetensors"
    assert body["reason"]
    assert f"{WINDOWS} [{HASH}]" in body["available_models"]


def test_a_name_that_fits_two_is_told_with_both(asker: Any) -> None:
    body = verified(asker, "twin.safetensors", "Tower")
    assert body["success"] is False
    assert body["matched_model"] is None
    assert sorted(body["candidates"]) == [r"SD15\twin.safetensors", r"SDXL\twin.safetensors"]
    assert "twin" in body["reason"]


@pytest.mark.parametrize(
    ("query", "missing"),
    [
        ({}, ["checkpoint_path", "server_alias"]),
        ({"checkpoint_path": PONY}, ["server_alias"]),
        ({"server_alias": "Laptop"}, ["checkpoint_path"]),
        ({"server_alias": "Laptop", "checkpoint_path": "  "}, ["checkpoint_path"]),
        ({"server_alias": "Laptop", "checkpoint_path": "x" * 5000}, ["checkpoint_path"]),
    ],
)
def test_every_parameter_that_is_required_is_named(
    asker: Any, query: dict[str, str], missing: list[str]
) -> None:
    answer = asker.get(VERIFY, query_string=query)
    assert answer.status_code == 400
    assert answer.json["error"] == "invalid_request"
    assert [each["path"] for each in answer.json["details"]["fields"]] == missing


def test_a_server_that_nobody_knows_is_404(asker: Any) -> None:
    answer = asker.get(VERIFY, query_string={"checkpoint_path": PONY, "server_alias": "Attic"})
    assert answer.status_code == 404
    assert answer.json["error"] == "server_not_found"


def test_a_server_that_does_not_answer_is_502(asker: Any, pair: World) -> None:
    pair.queue.servers.add("Attic", "http://attic:1")
    answer = asker.get(VERIFY, query_string={"checkpoint_path": PONY, "server_alias": "Attic"})
    assert answer.status_code == 502
    assert answer.json["error"] == "server_unreachable"


def test_a_server_is_asked_anew_each_time(asker: Any, pair: World) -> None:
    """What it has said before may be wrong by now."""
    assert verified(asker, PONY, "Laptop")["success"] is True
    query = {"checkpoint_path": PONY, "server_alias": "Laptop"}
    with pair.forges["Laptop"].unplugged():
        answer = asker.get(VERIFY, query_string=query)
    assert answer.status_code == 502
    assert answer.json["error"] == "server_unreachable"


def test_the_cache_merges_our_folders_with_the_servers_lists(asker: Any) -> None:
    body = asker.get("/api/v1/debug/models-cache").json
    assert body["cache_size"] == len(body["models"])
    for model in body["models"]:
        assert list(model)[: len(CACHED)] == CACHED
    known = {model["path"]: model for model in body["models"]}
    assert set(known) == {
        ACORN,
        PONY,
        "Pony/half_copied.safetensors",
        "SDXL/twin.safetensors",
        "SD15/twin.safetensors",
    }
    assert len({model["id"] for model in body["models"]}) == 5


def test_a_file_in_the_cache_has_a_server_s_own_spelling(asker: Any) -> None:
    models = asker.get("/api/v1/debug/models-cache").json["models"]
    twin = next(model for model in models if model["path"] == "SDXL/twin.safetensors")
    assert twin["name"] == "twin"
    own = {"Laptop": "SDXL/twin.safetensors", "Tower": r"SDXL\twin.safetensors"}
    assert set(twin["servers"]) == set(own)
    assert twin["normalized_path"] == own[twin["servers"][0]]
    assert twin["title"] == own[twin["servers"][0]]
    assert "SDXL/twin.safetensors" in twin["aliases"]
    assert r"SDXL\twin.safetensors" in twin["aliases"]
    pony = next(model for model in models if model["path"] == PONY)
    assert set(pony["servers"]) == {"Laptop", "Tower"}
    assert pony["hash"] == HASH
    acorn = next(model for model in models if model["path"] == ACORN)
    assert (acorn["title"], acorn["servers"]) == (None, [])
    assert acorn["normalized_path"] == ACORN


def test_the_cache_goes_without_servers_that_do_not_answer(asker: Any, pair: World) -> None:
    pair.queue.servers.add("Attic", "http://attic:1")
    answer = asker.get("/api/v1/debug/models-cache")
    assert answer.status_code == 200
    assert answer.json["cache_size"] == 5
