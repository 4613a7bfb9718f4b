"""How fast the files beside models are written."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.effort import Effort
from benchmarks.report import Figure
from benchmarks.timing import paired, per_second
from stablequeue_core.models.files.safe_files import persist_names
from stablequeue_core.models.files.sidecars import write_forge_json

OF_THE_FLOOR = 0.5

_WORDS = {
    "description": "A LoRA for pictures in the style of old postcards. " * 20,
    "activation text": "old postcard, sepia, deckle edge",
    "sd version": "SDXL",
    "modelId": 100_001,
    "modelVersionId": 200_001,
    "sha256": "4646B8CA2345DDC7" * 4,
}
"""What Civitai has to say of a model, in the words of Forge's JSON."""


def write(effort: Effort) -> Sequence[Figure]:
    """New ``<stem>.json`` files as a refresh of all models writes them, against the bare loop.

    Each is written under another name, synced and renamed, by both; ours reads what is there, and
    holds a lock that other processes heed. The data folder, where the locks lie, is not a new one.
    """
    count = effort.pick(1_000, 50)
    content = json.dumps(_WORDS, indent=4, ensure_ascii=False).encode()
    with effort.workplace() as locks:

        def ours() -> float:
            with effort.workplace() as folder:
                models = [folder / f"style_{number}.safetensors" for number in range(count)]
                return per_second(count, lambda: _write(models, folder, locks))

        def floor() -> float:
            with effort.workplace() as folder:
                targets = [folder / f"style_{number}.json" for number in range(count)]
                return per_second(count, lambda: _write_bare(targets, content))

        pair = paired(ours, floor, rounds=effort.pick(7, 1))
    return [
        Figure(
            name=f"write {count:,} sidecars",
            unit="files/s",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≥ {OF_THE_FLOOR} of write + fsync + rename",
            met=pair.ratio >= OF_THE_FLOOR,
        )
    ]


def _write(models: Sequence[Path], folder: Path, locks: Path) -> None:
    for model in models:
        write_forge_json(model, _WORDS, locks, persist=False)
    persist_names(folder)


def _write_bare(targets: Sequence[Path], content: bytes) -> None:
    for target in targets:
        temporary = target.with_suffix(".tmp")
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
