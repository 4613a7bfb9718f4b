"""Kill a scan at random moments while its folders change: the next one knows everything."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from stablequeue_core import StableQueue
from stablequeue_core.models import Model
from stablequeue_core.testing.model_files import sdxl_lora

VICTIM = Path(__file__).with_name("scan_victim.py")
FILES = 1500


def write(root: Path, number: int, fill: bytes) -> None:
    folder = root / f"style {number % 20}"
    sdxl_lora(rank=1, modules=20).write(folder / f"{number}.safetensors", fill=fill)


def change_something(root: Path, dice: random.Random) -> None:
    """New files, files of another content, moved ones and deleted ones."""
    files = sorted(root.rglob("*.safetensors"))
    for file in dice.sample(files, 30):
        match dice.choice(["write", "move", "delete", "describe"]):
            case "write":
                write(root, FILES + dice.randrange(200), dice.randbytes(4))
            case "move":
                file.replace(file.with_name(f"moved {dice.randrange(10**9)}.safetensors"))
            case "delete":
                file.unlink(missing_ok=True)
            case "describe":
                file.with_suffix(".json").write_text(f'{{"notes": "{dice.random()}"}}')


def known(queue: StableQueue) -> dict[str, Model]:
    """Without what two catalogues need not share: ids, and when a moved file was created."""
    found = queue.models.find(limit=None).models
    return {m.path: evolve(m, id=0, created_at=found[0].created_at) for m in found}


@pytest.mark.soak
def test_a_scan_that_is_killed_leaves_nothing_wrong_behind(tmp_path: Path) -> None:
    dice = random.Random(7)
    root = tmp_path / "Lora"
    for number in range(FILES):
        write(root, number, dice.randbytes(4))
    pause = threading.Event()
    for _ in range(25):
        arguments = [sys.executable, str(VICTIM), str(tmp_path / "data"), str(root)]
        with subprocess.Popen(arguments) as victim:
            pause.wait(dice.uniform(0.3, 1.2))
            assert victim.poll() is None, "the victim died by itself"
            change_something(root, dice)
            pause.wait(dice.uniform(0.0, 0.2))
            victim.kill()

    opening: dict[str, Any] = {"dispatch": False, "checkpoints": [], "loras": [root]}
    with (
        StableQueue.open(tmp_path / "data", **opening) as queue,
        StableQueue.open(tmp_path / "fresh", **opening) as fresh,
    ):
        queue.models.scan(hashes=True)
        fresh.models.scan(hashes=True)
        after, first = known(queue), known(fresh)
        assert after.keys() == {file.relative_to(root).as_posix() for file in root.rglob("*.s*s")}
        created_at = next(iter(first.values())).created_at
        assert {path: evolve(m, created_at=created_at) for path, m in after.items()} == first
        for path, model in after.items():
            assert model.hashes.sha256 == hashlib.sha256((root / path).read_bytes()).hexdigest()
