"""What is on a simulated server's disk, whether the server has noticed it or not."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from attrs import evolve

from stablequeue_core.testing.forge_simulator.files import (
    CheckpointFile,
    EmbeddingFile,
    LoraFile,
    ModuleFile,
)
from stablequeue_core.testing.forge_simulator.shared_folders import SharedFolders

_DIGITS = re.compile(r"(\d+)")


def _natural(text: str) -> list[tuple[int, str]]:
    return [
        (int(part), "") if part.isdigit() else (-1, part) for part in _DIGITS.split(text.lower())
    ]


def _as_walked(path: str) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    folder, _, name = path.rpartition("/")
    return _natural(folder), _natural(name)


class ForgeDisk:
    """The models folder of one simulated server, or one shared by several. Thread-safe.

    Example::

        disk = ForgeDisk([CheckpointFile(path="Pony/model_v8.safetensors")])
        disk.add(CheckpointFile(path="new.safetensors"))   # unknown to the server until refreshed
        disk.remove("new.safetensors")

        disk = ForgeDisk(folders={"Lora": tmp_path / "Lora"})    # a folder that really is there
    """

    def __init__(
        self,
        files: list[CheckpointFile | LoraFile | ModuleFile | EmbeddingFile] | None = None,
        *,
        folders: Mapping[str, Path] | None = None,
    ) -> None:
        """Put files there.

        Args:
            files: which; they need not exist.
            folders: of this computer, whose model files are there as well: by their names below
                the server's ``models``, ``Stable-diffusion``, ``Lora``, ``VAE``,
                ``text_encoder``.

        Raises:
            ValueError: a server has no such folder.
        """
        self._shared = SharedFolders(folders or {})
        self._lock = threading.Lock()
        self._checkpoints: dict[str, CheckpointFile] = {}
        self._loras: dict[str, LoraFile] = {}
        self._modules: dict[str, ModuleFile] = {}
        self._embeddings: dict[str, EmbeddingFile] = {}
        for file in files or []:
            self.add(file)

    def add(self, file: CheckpointFile | LoraFile | ModuleFile | EmbeddingFile) -> Self:
        """Put a file on the disk, in place of the one with the same path."""
        with self._lock:
            match file:
                case CheckpointFile():
                    self._checkpoints[file.path] = file
                case LoraFile():
                    self._loras[file.path] = file
                case ModuleFile():
                    self._modules[file.path] = file
                case EmbeddingFile():
                    self._embeddings[file.name] = file
        return self

    def remove(self, path: str) -> None:
        """Delete the checkpoint, LoRA or module at ``path``; no effect if there is none."""
        with self._lock:
            self._checkpoints.pop(path, None)
            self._loras.pop(path, None)
            self._modules.pop(path, None)

    def break_checkpoint(self, path: str) -> None:
        """Damage the checkpoint at ``path``: the next load fails and poisons the server."""
        with self._lock:
            self._checkpoints[path] = evolve(self._checkpoints[path], broken=True)

    def checkpoint(self, path: str) -> CheckpointFile | None:
        """The checkpoint at ``path``."""
        return next((file for file in self.checkpoints() if file.path == path), None)

    def checkpoints(self) -> list[CheckpointFile]:
        """Every checkpoint, in the order in which Forge walks its folders."""
        with self._lock:
            files = [*self._checkpoints.values(), *self._shared.checkpoints()]
            return sorted(files, key=lambda file: _as_walked(file.path))

    def loras(self) -> list[LoraFile]:
        """Every LoRA, in the order in which Forge walks its folders."""
        with self._lock:
            files = [*self._loras.values(), *self._shared.loras()]
            return sorted(files, key=lambda file: _as_walked(file.path))

    def modules(self) -> list[ModuleFile]:
        """Every VAE and text encoder."""
        with self._lock:
            files = [*self._modules.values(), *self._shared.modules()]
            return sorted(files, key=lambda file: _as_walked(file.path))

    def embeddings(self) -> list[EmbeddingFile]:
        """Every textual inversion."""
        with self._lock:
            return sorted(self._embeddings.values(), key=lambda file: _natural(file.name))

    def quarantine(self, path: str) -> None:
        """What Forge does with a checkpoint that it cannot read: rename it to ``.corrupted``."""
        self.remove(path)
