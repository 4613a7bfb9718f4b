"""A checkpoint of ours, said by any of its hashes, and what a server calls it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.worlds import PONY, World

from stablequeue_core.models import Model
from stablequeue_core.testing.forge_simulator import SimulatedForge
from stablequeue_core.testing.model_files import vector_c


@pytest.fixture(params=["/", "\\"], ids=["on Linux", "on Windows"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """The server has the file under its own path, and has not hashed it."""
    file = tmp_path / "Stable-diffusion" / PONY
    file.parent.mkdir(parents=True)
    file.write_bytes(vector_c())
    forge = SimulatedForge.with_sample_models(separator=request.param)
    made = World(
        tmp_path / "queue", {"Laptop": forge}, checkpoints=tmp_path / "Stable-diffusion", loras=[]
    )
    made.queue.models.scan(hashes=True)
    yield made
    made.close(grace=0)


def digits(model: Model, which: str) -> str:
    found = getattr(model.hashes, which)
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize(("which", "length"), [("autov1", 8), ("autov2", 10), ("autov3", 12)])
def test_a_short_hash_of_a_local_file_means_the_servers_own(
    world: World, which: str, length: int
) -> None:
    (model,) = world.queue.models.find().models
    said = digits(model, which)
    assert len(said) == length
    found = world.queue.models.verify(said, "Laptop")
    assert (found.success, found.normalized_path) == (True, PONY.replace("/", separator(world)))
    assert f"hash {said} is {PONY} here" in found.reason


def test_the_whole_sha256_does_too(world: World) -> None:
    (model,) = world.queue.models.find().models
    found = world.queue.models.verify(digits(model, "sha256"), "Laptop")
    assert found.matched_model == PONY.replace("/", separator(world))


def test_another_file_under_the_same_path_is_found_out(world: World) -> None:
    """The server's is not ours: what it rendered with has another hash."""
    (model,) = world.queue.models.find().models
    job = world.run(checkpoint_name=digits(model, "autov3"))
    assert job.failure is not None
    assert job.images == ()
    assert any(attempt.error == "wrong_model" for attempt in job.attempts)


def separator(world: World) -> str:
    titles = world.queue.models.verify("sd_xl_base_1.0", "Laptop").available_models
    return "\\" if any("\\" in title for title in titles) else "/"
