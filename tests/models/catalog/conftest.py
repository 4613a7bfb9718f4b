"""A queue with model folders, and hands to put files into them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.worlds import QUICK

from stablequeue_core import StableQueue
from stablequeue_core.models import Model
from stablequeue_core.testing.model_files import ModelFile, sdxl_checkpoint, sdxl_lora


class Library:
    """Two folders with models, and the queue that knows them."""

    def __init__(self, folder: Path) -> None:
        self.checkpoints = folder / "Stable-diffusion"
        self.loras = folder / "Lora"
        self.data = folder / "data"
        for root in (self.checkpoints, self.loras):
            root.mkdir(parents=True)
        self._queue: StableQueue | None = None
        self._opening: dict[str, Any] = {}

    @property
    def queue(self) -> StableQueue:
        if self._queue is None:
            self._queue = self.open()
        return self._queue

    def open(self, **opening: Any) -> StableQueue:
        given = {
            "dispatch": False,
            "settings": QUICK,
            "checkpoints": [self.checkpoints],
            "loras": [self.loras],
        }
        return StableQueue.open(self.data, **{**given, **opening})

    def close(self) -> None:
        if self._queue is not None:
            self._queue.close()
            self._queue = None

    def checkpoint(self, path: str, made: ModelFile | None = None, fill: bytes = b"\0") -> Path:
        return (made or sdxl_checkpoint()).write(self.checkpoints / path, fill=fill)

    def lora(self, path: str, made: ModelFile | None = None, fill: bytes = b"\0") -> Path:
        return (made or sdxl_lora()).write(self.loras / path, fill=fill)

    def names(self, **asked: Any) -> list[str]:
        return [model.path for model in self.models(**asked)]

    def models(self, **asked: Any) -> tuple[Model, ...]:
        return self.queue.models.find(**{"limit": None, **asked}).models

    def kinds_of_events(self) -> list[str]:
        return [event.kind.value for event in self.queue.events()]


def rewrite(file: Path, data: bytes) -> None:
    """Write a file anew so that its time differs however coarse the file system's clock is."""
    before = file.stat().st_mtime_ns
    file.write_bytes(data)
    os.utime(file, ns=(before + 2_000_000_000, before + 2_000_000_000))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Its folders are empty, and have been looked through once."""
    made = Library(tmp_path)
    made.queue.models.scan()
    yield made
    made.close()
