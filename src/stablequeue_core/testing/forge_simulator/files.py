"""What is on a simulated server's disk, whether the server has noticed it or not."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Mapping
from typing import Any, Self

from attrs import Factory, evolve, field, frozen

_DIGITS = re.compile(r"(\d+)")


def _sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@frozen(kw_only=True)
class CheckpointFile:
    """A checkpoint below ``models/Stable-diffusion``.

    Attributes:
        path: folder and file name, always with ``/``: ``Pony/model.safetensors``.
        sha256: 64 hex digits; by default derived from the path.
        old_hash: the 8 hex digits of the old, colliding hash.
        broken: loading it fails, poisons the server and renames the file to ``.corrupted``.
        distilled: a Flux-like model, whose pictures name their distilled CFG scale.
    """

    path: str
    sha256: str = field(default=Factory(lambda self: _sha256_of(self.path), takes_self=True))
    old_hash: str = field(default=Factory(lambda self: self.sha256[-8:], takes_self=True))
    broken: bool = False
    distilled: bool = False


@frozen(kw_only=True)
class LoraFile:
    """A LoRA below ``models/Lora``.

    Attributes:
        path: folder and file name, always with ``/``.
        alias: the name in its own metadata; by default the file's stem.
        metadata: as ``GET /sdapi/v1/loras`` shows it.
        short_hash: the 12 hex digits in ``Lora hashes``.
    """

    path: str
    alias: str = field(default=Factory(lambda self: stem(self.path), takes_self=True))
    metadata: Mapping[str, Any] = field(factory=dict)
    short_hash: str = field(
        default=Factory(lambda self: _sha256_of(self.path)[:12], takes_self=True)
    )


@frozen(kw_only=True)
class ModuleFile:
    """A VAE or a text encoder: ``VAE/ae.safetensors`` or ``text_encoder/t5xxl.safetensors``."""

    path: str


@frozen(kw_only=True)
class EmbeddingFile:
    """A textual inversion."""

    name: str
    shape: int = 768
    vectors: int = 1


def stem(path: str) -> str:
    """The file name without folder and extension.

    Example::

        assert stem("Pony/model_v8.safetensors") == "model_v8"
    """
    return path.rpartition("/")[2].rpartition(".")[0]


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
    """

    def __init__(
        self,
        files: list[CheckpointFile | LoraFile | ModuleFile | EmbeddingFile] | None = None,
    ) -> None:
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
        with self._lock:
            return self._checkpoints.get(path)

    def checkpoints(self) -> list[CheckpointFile]:
        """Every checkpoint, in the order in which Forge walks its folders."""
        with self._lock:
            return sorted(self._checkpoints.values(), key=lambda file: _as_walked(file.path))

    def loras(self) -> list[LoraFile]:
        """Every LoRA, in the order in which Forge walks its folders."""
        with self._lock:
            return sorted(self._loras.values(), key=lambda file: _as_walked(file.path))

    def modules(self) -> list[ModuleFile]:
        """Every VAE and text encoder."""
        with self._lock:
            return sorted(self._modules.values(), key=lambda file: _as_walked(file.path))

    def embeddings(self) -> list[EmbeddingFile]:
        """Every textual inversion."""
        with self._lock:
            return sorted(self._embeddings.values(), key=lambda file: _natural(file.name))

    def quarantine(self, path: str) -> None:
        """What Forge does with a checkpoint that it cannot read: rename it to ``.corrupted``."""
        self.remove(path)
