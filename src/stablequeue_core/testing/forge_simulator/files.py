"""The files on a simulated server's disk, as it sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from attrs import Factory, field, frozen


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
