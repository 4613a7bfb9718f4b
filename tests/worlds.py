"""A queue and its simulated servers, opened and closed by hand: what most tests stand on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import evolve
from PIL import Image
from tests.waiting import until

from stablequeue_core import Job, JobStatus, Settings, StableQueue
from stablequeue_core.testing.forge_simulator import ForgeSimulator, SimulatedForge
from stablequeue_core.testing.forge_simulator.sample_models import sample_disk
from stablequeue_core.testing.model_files import flux_checkpoint, sdxl_checkpoint, sdxl_lora, vae

PONY = "Pony/cyberrealisticPony_v8.safetensors"
SDXL = "sd_xl_base_1.0.safetensors"
ACORN = "acornIsSpinningFLUX_aisf11H8stpChinfx.safetensors"
WATERCOLOR = "styles/watercolor_v2.safetensors"
CHECKPOINTS, LORAS, VAES = "Stable-diffusion", "Lora", "VAE"

QUICK = Settings(
    poll=0.01,
    backoff_base=0.02,
    backoff_cap=0.05,
    circuit_base=0.02,
    circuit_cap=0.05,
    start_up_grace=0.2,
    close_grace=5.0,
    cancel_wait=5.0,
)
"""The defaults, in a world where everything happens at once."""


class World:
    """Simulated servers by alias, and a queue that drives them from a folder of its own."""

    def __init__(
        self,
        folder: Path,
        forges: dict[str, SimulatedForge] | None = None,
        *,
        settings: Settings = QUICK,
        **opening: Any,
    ) -> None:
        self.folder = folder
        self.forges = forges or {"Laptop": SimulatedForge.with_sample_models()}
        self.settings = settings
        self._opening = opening
        self._queue: StableQueue | None = None

    @property
    def forge(self) -> SimulatedForge:
        """The first server."""
        return next(iter(self.forges.values()))

    @property
    def queue(self) -> StableQueue:
        """The queue; opened when it is first asked for, with every server added."""
        if self._queue is None:
            self._queue = self.open()
            known = {server.alias for server in self._queue.servers.list()}
            for alias in self.forges.keys() - known:
                self._queue.servers.add(alias, self.url(alias))
        return self._queue

    def open(self, **opening: Any) -> StableQueue:
        """Another queue on the same folder and the same servers."""
        transport = ForgeSimulator({self.url(alias): f for alias, f in self.forges.items()})
        given = {"settings": self.settings, "transport": transport, **self._opening, **opening}
        return StableQueue.open(self.folder, **given)

    def url(self, alias: str) -> str:
        """Where the server is."""
        return f"http://{alias.lower()}:7860"

    def close(self, *, grace: float | None = None) -> None:
        """Close the queue; the next use opens it again, on the same folder."""
        if self._queue is not None:
            self._queue.close(grace=grace)
            self._queue = None

    def submit(self, target: str | None = None, **params: Any) -> Job:
        """Submit a small job, to the first server unless said otherwise."""
        small = {"positive_prompt": "a lighthouse", "width": 64, "height": 64, "steps": 4}
        return self.queue.submit(target or next(iter(self.forges)), {**small, **params})

    def finish(self, job: Job) -> Job:
        """Wait until the job has ended."""
        return self.queue.wait(job.id, timeout=10)

    def run(self, target: str | None = None, **params: Any) -> Job:
        """Submit a small job and wait until it has ended."""
        return self.finish(self.submit(target, **params))

    def until(self, condition: Callable[[], object], timeout: float = 10.0) -> None:
        """Look again and again until ``condition`` holds."""
        until(condition, timeout)

    def until_status(self, job: Job, status: JobStatus) -> Job:
        """Wait until the job stands there."""
        self.until(lambda: self.queue.get(job.id).status is status)
        return self.queue.get(job.id)

    def until_running(self, job: Job) -> Job:
        """Wait until the job's server works on it."""
        self.until(lambda: self._active_task() == self.queue.get(job.id).task_id)
        return self.queue.get(job.id)

    def _active_task(self) -> str:
        active = [forge.active_task for forge in self.forges.values() if forge.active_task]
        return active[0] if active else "none"


def with_settings(**changes: Any) -> Settings:
    """The quick settings, but for some."""
    return evolve(QUICK, **changes)


def stock_models(models: Path) -> Path:
    """Folders with a few models in the real format, as Forge has them below ``models``.

    ``ACORN`` comes with all that Civitai knows of it and two pictures. ``PONY`` has a description
    in Forge's own file, and Civitai's word that it is the one that simulated servers have.
    ``WATERCOLOR`` has a picture, and one file is only half there.
    """
    checkpoints, loras = models / CHECKPOINTS, models / LORAS
    acorn = flux_checkpoint().write(checkpoints / ACORN)
    acorn.with_suffix(".metadata.json").write_text(
        json.dumps(_ACORN_FROM_CIVITAI | {"sha256": _sha256_of(acorn)})
    )
    picture(acorn.with_suffix(".png"), (64, 96))
    picture(acorn.with_suffix(".preview.png"), (32, 32))
    pony = sdxl_checkpoint().write(checkpoints / PONY)
    pony.with_suffix(".json").write_text(json.dumps({"description": "Soft light, good hands."}))
    pony.with_suffix(".civitai.info").write_text(json.dumps(_pony_at_civitai(pony)))
    half_copied = checkpoints / "Pony" / "half_copied.safetensors"
    half_copied.write_bytes(pony.read_bytes()[:100_000])
    watercolor = sdxl_lora(output_name="watercolor").write(loras / WATERCOLOR)
    picture(watercolor.with_suffix(".webp"), (48, 48))
    vae().write(models / VAES / "ae.safetensors")
    return models


def model_world(folder: Path, **opening: Any) -> World:
    """A world whose queue knows the stock models, which lie beside its folder."""
    models = stock_models(folder / "models")
    folders = {
        "checkpoints": models / CHECKPOINTS,
        "loras": models / LORAS,
        "model_dirs": {"vae": models / VAES},
    }
    return World(folder / "queue", **{**folders, **opening})


def _sha256_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def picture(path: Path, size: tuple[int, int]) -> Path:
    """A picture, in the format that its name says."""
    Image.new("RGB", size, "steelblue").save(path)
    return path


def _pony_at_civitai(file: Path) -> dict[str, Any]:
    """With the hash that servers tell; our file, which is mostly empty, would have another."""
    there = sample_disk().checkpoint(PONY)
    assert there is not None
    hashes = {"SHA256": there.sha256.upper(), "AutoV2": there.sha256[:10].upper()}
    told = {"name": file.name, "sizeKB": file.stat().st_size / 1024, "hashes": hashes}
    return {"id": 710201, "modelId": 610101, "baseModel": "Pony", "files": [told]}


_ACORN_FROM_CIVITAI = {
    "model_name": "Acorn Is Spinning FLUX",
    "base_model": "Flux.1 D",
    "from_civitai": True,
    "tags": ["portrait", "realistic", "flux"],
    "modelDescription": "<p>A model fine-tuned for realistic portraits.</p>",
    "civitai": {
        "id": 123456,
        "modelId": 343221,
        "name": "v1.1",
        "baseModel": "Flux.1 D",
        "trainedWords": ["acorn style", "acorn photograph"],
        "stats": {"downloadCount": 5421, "favoriteCount": 342, "rating": 4.8},
        "model": {"name": "Acorn Is Spinning FLUX", "type": "Checkpoint", "nsfw": False},
    },
}
"""As a tool that has asked Civitai writes it down."""
