"""A picture on Civitai, made again: from its page to the proof that our server did it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.worlds import World

from stablequeue_core import Job, JobStatus
from stablequeue_core.testing.civitai_simulator import CivitaiSimulator, SimulatedCivitai
from stablequeue_core.testing.forge_simulator import (
    CheckpointFile,
    ForgeDisk,
    ForgeSimulator,
    LoraFile,
    SimulatedForge,
)
from stablequeue_core.testing.model_files import sdxl_checkpoint, sdxl_lora

URL = "http://laptop:7860"
HARBOR, INK = 700201, 700303


class Sea:
    """A world whose server has, under any names, the files that Civitai's samples are made with."""

    def __init__(self, folder: Path) -> None:
        self.civitai = SimulatedCivitai.with_sample_models()
        self._folder = folder
        self.world: World

    def open(self, checkpoint: str, lora: str, **opening: Any) -> World:
        disk = ForgeDisk(
            [
                CheckpointFile(path="other.safetensors"),
                CheckpointFile(path=checkpoint, sha256=self.told(HARBOR, "SHA256")),
                LoraFile(path=lora, short_hash=self.told(INK, "AutoV3")),
            ]
        )
        forge = SimulatedForge(disk)
        transport = CivitaiSimulator(self.civitai, elsewhere=ForgeSimulator({URL: forge}))
        self.world = World(
            self._folder / "queue", {"Laptop": forge}, transport=transport, **opening
        )
        return self.world

    def told(self, version_id: int, kind: str) -> str:
        """A hash that Civitai tells of a version's first file."""
        listing = self.civitai.world.listing(version_id)
        assert listing is not None
        return listing.version.files[0].hashes[kind].lower()

    def made(self, image_id: int, **fields: Any) -> Job:
        """The job that makes the picture again, once it has ended."""
        small = {"width": 64, "height": 64, "steps": 4, **fields}
        queue = self.world.queue
        return self.world.finish(queue.submit_from_civitai(image_id, small, target="Laptop"))

    def sent(self) -> dict[str, Any]:
        """What the server was asked for."""
        asked = [one for one in self.world.forge.requests if one.path.endswith("txt2img")]
        body: dict[str, Any] = asked[-1].body
        return body


@pytest.fixture
def sea(tmp_path: Path) -> Iterator[Sea]:
    sea = Sea(tmp_path)
    yield sea
    sea.world.close()
    assert not sea.civitai.leaks


def test_a_picture_is_made_again_by_the_very_files_that_made_it(sea: Sea) -> None:
    sea.open("harborMixXL_v20.safetensors", "inkWash_v3.safetensors")
    job = sea.made(51001)
    assert job.status is JobStatus.COMPLETED, job.result
    sent = sea.sent()
    assert sent["prompt"] == "a lighthouse on a cliff, <lora:inkWash_v3:0.8>"
    assert (sent["sampler_name"], sent["scheduler"]) == ("DPM++ 2M", "Karras")
    assert sent["seed"] == 1234567890
    assert sent["override_settings"]["CLIP_stop_at_last_layers"] == 2
    assert "model_sources" not in sent
    (picture,) = sea.world.forge.rendered
    assert (picture.checkpoint, picture.loras) == ("harborMixXL_v20.safetensors", ("inkWash_v3",))


def test_another_file_of_the_same_name_does_not_pass_for_it(sea: Sea) -> None:
    """The server learns what is in a file when it loads it; that picture is thrown away."""
    world = sea.open("unlike.safetensors", "inkWash_v3.safetensors")
    world.forge.disk.add(CheckpointFile(path="harborMixXL_v20.safetensors"))
    job = sea.made(51001)
    assert job.status is JobStatus.FAILED
    assert job.failure is not None
    assert sea.told(HARBOR, "AutoV2")[:10] in job.failure.message
    assert not list(sea.world.folder.rglob("*.png"))


def test_files_that_have_other_names_here_are_found_by_what_is_in_them(
    sea: Sea, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    sdxl_checkpoint().write(models / "c" / "sea" / "mix.safetensors", fill=b"harbor", sparse=False)
    sdxl_lora(output_name="sample").write(
        models / "l" / "wash.safetensors", fill=b"lora\3", sparse=False
    )
    folders = {"checkpoints": models / "c", "loras": models / "l"}
    world = sea.open("sea/mix.safetensors", "wash.safetensors", **folders)
    world.queue.models.scan(hashes=True)

    info = world.queue.civitai.image(51002)
    assert [one.is_local for one in info.resources] == [True, True]
    assert "model_sources" not in info.params

    job = sea.made(51002, sampler_name="Euler")
    assert job.status is JobStatus.COMPLETED, job.result
    assert sea.sent()["prompt"] == "a red bicycle <lora:wash:0.8>"
