"""How fast the files beside models are written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.effort import Effort
from benchmarks.report import Figure
from benchmarks.timing import paired, per_second
from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.enriching import Enricher
from stablequeue_core.civitai.reading import model_in, version_in
from stablequeue_core.clock import SystemClock
from stablequeue_core.settings import Settings
from stablequeue_core.testing.civitai_simulator import CivitaiSimulator, SimulatedCivitai

OF_THE_FLOOR = 0.5
SHA256 = "4646b8ca2345ddc7" * 4

_VERSION: dict[str, Any] = {
    "id": 200_001,
    "modelId": 100_001,
    "name": "v1.0",
    "baseModel": "Pony",
    "trainedWords": ["old postcard", "sepia, deckle edge"],
    "model": {"name": "Old postcards", "type": "LORA", "nsfw": False},
    "files": [
        {
            "id": 300_001,
            "name": "postcards.safetensors",
            "sizeKB": 0,
            "hashes": {"SHA256": SHA256.upper()},
        }
    ],
    "images": [],
}
_MODEL: dict[str, Any] = {
    "id": 100_001,
    "name": "Old postcards",
    "description": "<p>A LoRA for pictures in the style of old postcards.</p>" * 20,
    "tags": ["style", "postcard"],
    "creator": {"username": "somebody"},
}


def write(effort: Effort) -> Sequence[Figure]:
    """What a refresh writes beside models, but for pictures; and the same bytes by themselves.

    Two files for each model, each written under another name, synced and renamed.
    """
    count = effort.pick(500, 20)
    client = CivitaiClient(CivitaiSimulator(SimulatedCivitai()), Settings())
    version, model = version_in(_VERSION), model_in(_MODEL)
    if version is None:
        raise AssertionError("the version is none")

    def ours() -> float:
        with effort.workplace() as folder:
            enricher = Enricher(client, locks=folder / "locks", clock=SystemClock())
            files = _models(folder, count)

            def work() -> None:
                for file in files:
                    enricher.write(file, version, model, sha256=SHA256, pinned=False, names=())

            speed = per_second(2 * count, work)
            written.extend(_sidecars(files[0]))
            return speed

    def floor() -> float:
        with effort.workplace() as folder:
            files = _models(folder, count)
            return per_second(2 * count, lambda: _write_bare(files, written[:2]))

    written: list[tuple[str, bytes]] = []
    pair = paired(ours, floor, rounds=effort.pick(7, 1))
    return [
        Figure(
            name=f"write {2 * count:,} sidecars",
            unit="files/s",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≥ {OF_THE_FLOOR} of write + fsync + rename",
            met=pair.ratio >= OF_THE_FLOOR,
        )
    ]


def _models(folder: Path, count: int) -> Sequence[Path]:
    files = [folder / f"postcards_{number}.safetensors" for number in range(count)]
    for file in files:
        file.touch()
    return files


def _sidecars(model_file: Path) -> Sequence[tuple[str, bytes]]:
    """What was written beside a model, by the ends of the names."""
    found = sorted(model_file.parent.glob(f"{model_file.stem}.*"))
    return [
        (each.name.removeprefix(model_file.stem), each.read_bytes())
        for each in found
        if each != model_file
    ]


def _write_bare(models: Sequence[Path], contents: Sequence[tuple[str, bytes]]) -> None:
    for model in models:
        for suffix, content in contents:
            temporary = model.with_name(f"{model.stem}{suffix}.tmp")
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, model.with_name(f"{model.stem}{suffix}"))
