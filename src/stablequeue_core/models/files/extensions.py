"""Which files of a folder are models, by the ends of their names, and what stands before those."""

from __future__ import annotations

from collections.abc import Mapping

from stablequeue_core.models.model import ModelKind
from stablequeue_core.models.paths import bare, filename_of, split_hash

_TENSORS = (".safetensors", ".sft")
_PICKLES = (".ckpt", ".pt", ".pth")

EXTENSIONS: Mapping[ModelKind, frozenset[str]] = {
    ModelKind.CHECKPOINT: frozenset({*_TENSORS, ".ckpt", ".gguf"}),
    ModelKind.LORA: frozenset({*_TENSORS, ".ckpt", ".pt"}),
    ModelKind.VAE: frozenset({*_TENSORS, *_PICKLES, ".gguf"}),
    ModelKind.EMBEDDING: frozenset({*_TENSORS, ".pt", ".bin"}),
    ModelKind.UPSCALER: frozenset({*_TENSORS, *_PICKLES}),
    ModelKind.CONTROLNET: frozenset({*_TENSORS, *_PICKLES, ".bin", ".gguf"}),
}
"""By kind, in lower case: what Forge lists (dfdcbab6), and ``.sft``, which is safetensors too."""

_NO_CHECKPOINT = (".vae.safetensors", ".vae.ckpt", ".vae.pt")
"""VAEs that lie beside their checkpoint; Forge does not list them as checkpoints."""


def is_model(name: str, kind: ModelKind) -> bool:
    """Whether a file in a folder of ``kind`` is a model, by its name.

    Example:
        >>> is_model("x.safetensors", ModelKind.LORA), is_model("x.png", ModelKind.LORA)
        (True, False)
    """
    head, dot, extension = name.rpartition(".")
    if not head or f"{dot}{extension}".lower() not in EXTENSIONS[kind]:
        return False
    return kind is not ModelKind.CHECKPOINT or not name.lower().endswith(_NO_CHECKPOINT)


def checkpoint_stem(name: str) -> str:
    r"""What a checkpoint's spellings have in common: no folder, extension or hash, in lower case.

    What follows a dot may also belong to the name, as a version often does.

    Example:
        >>> checkpoint_stem(r"SDXL\sd_xl_base_1.0.safetensors [31e35c80fc]")
        'sd_xl_base_1.0'
        >>> checkpoint_stem("SD_XL_base_1.0")
        'sd_xl_base_1.0'
    """
    file = filename_of(split_hash(name.strip())[0].replace("\\", "/")).casefold()
    return bare(file) if file.endswith(tuple(EXTENSIONS[ModelKind.CHECKPOINT])) else file
