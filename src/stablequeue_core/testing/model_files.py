"""Model files for tests: in the real format, with the tensors that tell what they are.

Real models are gigabytes of numbers. These keep the names and true shapes by which a model is
recognised, and leave out the rest; what remains is written as a hole in the file where the file
system can do that, so that thousands of them fit anywhere.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import field, frozen

from stablequeue_core.models.files.headers.dtypes import tensor_bytes

Tensors = Mapping[str, tuple[str, Sequence[int]]]
"""By name: the type as safetensors calls it (``F16``), and the shape."""

ZERO = b"\0"


@frozen
class ModelFile:
    """A model file that could be written: its tensors, and what its maker says of it.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     sdxl_checkpoint().write(Path(folder, "x.safetensors")).stat().st_size
        9863520
    """

    tensors: Tensors
    metadata: Mapping[str, str] = field(factory=dict)

    def content(self, fill: bytes = ZERO) -> bytes:
        """The whole file; see :func:`safetensors_bytes`."""
        return safetensors_bytes(self.tensors, self.metadata, fill)

    def write(self, path: Path, *, fill: bytes = ZERO, sparse: bool = True) -> Path:
        """Write it, as a hole unless told otherwise; see :func:`write_safetensors`."""
        return write_safetensors(path, self.tensors, self.metadata, fill=fill, sparse=sparse)


def safetensors_bytes(
    tensors: Tensors, metadata: Mapping[str, str] | None = None, fill: bytes = ZERO
) -> bytes:
    """A safetensors file, its tensors one behind the other in the order given.

    Args:
        tensors: what it holds.
        metadata: what its maker says; None or empty leaves it out.
        fill: repeated to make the numbers: files that differ in it differ in their hashes.

    Raises:
        KeyError: safetensors has no such type.
    """
    header, size = _header_and_size(tensors, metadata)
    return _behind(header, _repeated(fill, size))


def write_safetensors(
    path: Path,
    tensors: Tensors,
    metadata: Mapping[str, str] | None = None,
    *,
    fill: bytes = ZERO,
    sparse: bool = False,
) -> Path:
    """Write the file that :func:`safetensors_bytes` makes; its folders are made, too.

    Args:
        path: where.
        tensors: as there.
        metadata: as there.
        fill: as there.
        sparse: write ``fill`` once and leave zeros behind it as a hole, which takes no room on
            most file systems, however large the tensors.

    Returns:
        ``path``.
    """
    header, size = _header_and_size(tensors, metadata)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(_behind(header, fill[:size] if sparse else _repeated(fill, size)))
        file.truncate(8 + len(header) + size)
    return path


def sdxl_checkpoint(metadata: Mapping[str, str] | None = None) -> ModelFile:
    """What SDXL, Pony, Illustrious and NoobAI all look like."""
    unet = "model.diffusion_model."
    return ModelFile(
        {
            f"{unet}input_blocks.0.0.weight": ("F16", [320, 4, 3, 3]),
            f"{unet}input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": ("F16", [640, 2048]),
            f"{unet}label_emb.0.0.weight": ("F16", [1280, 2816]),
            "conditioner.embedders.1.model.ln_final.bias": ("F16", [1280]),
            "first_stage_model.decoder.conv_out.weight": ("F16", [3, 128, 3, 3]),
        },
        metadata or {},
    )


def sd15_checkpoint(metadata: Mapping[str, str] | None = None) -> ModelFile:
    """Stable Diffusion 1.5."""
    unet = "model.diffusion_model."
    return ModelFile(
        {
            f"{unet}input_blocks.0.0.weight": ("F16", [320, 4, 3, 3]),
            f"{unet}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": ("F16", [320, 768]),
            "cond_stage_model.transformer.text_model.embeddings.position_ids": ("I64", [1, 77]),
            "first_stage_model.decoder.conv_out.weight": ("F16", [3, 128, 3, 3]),
        },
        metadata or {},
    )


def flux_checkpoint(metadata: Mapping[str, str] | None = None) -> ModelFile:
    """Flux.1 of the dev kind: the diffusion model alone, in eight bits."""
    return ModelFile(
        {
            "double_blocks.0.img_attn.norm.key_norm.scale": ("BF16", [128]),
            "img_in.weight": ("F8_E4M3", [3072, 64]),
            "txt_in.weight": ("F8_E4M3", [3072, 4096]),
            "guidance_in.in_layer.weight": ("F8_E4M3", [3072, 256]),
        },
        metadata or {},
    )


def sdxl_lora(
    rank: int = 16,
    output_name: str | None = None,
    metadata: Mapping[str, str] | None = None,
    modules: int = 2,
) -> ModelFile:
    """A LoRA for SDXL as kohya's trainer writes it.

    Args:
        rank: its inner width.
        output_name: the name it was trained under, which Forge makes its alias.
        metadata: more of what the trainer said.
        modules: how many layers it changes, with three tensors each; real ones change 264 to 986.
    """
    tensors: dict[str, tuple[str, Sequence[int]]] = {}
    for module in range(modules):
        layer = f"input_blocks_4_1_transformer_blocks_{module}_attn2_to_k"
        tensors[f"lora_unet_{layer}.alpha"] = ("F16", [])
        tensors[f"lora_unet_{layer}.lora_down.weight"] = ("F16", [rank, 2048])
        tensors[f"lora_unet_{layer}.lora_up.weight"] = ("F16", [640, rank])
    said = {"ss_base_model_version": "sdxl_base_v1-0", "ss_network_dim": str(rank)}
    if output_name is not None:
        said["ss_output_name"] = output_name
    return ModelFile(tensors, said | dict(metadata or {}))


def vae() -> ModelFile:
    """A VAE by itself."""
    return ModelFile(
        {
            "encoder.conv_in.weight": ("F16", [128, 3, 3, 3]),
            "decoder.conv_out.weight": ("F16", [3, 128, 3, 3]),
        }
    )


def embedding() -> ModelFile:
    """A textual inversion of eight vectors for Stable Diffusion 1.5."""
    return ModelFile({"emb_params": ("F32", [8, 768])})


def vector_a() -> bytes:
    """70 bytes: one small tensor, the header not padded.

    The hashes of the five vectors stand in ``tests/recordings/models/hash_vectors.json``.
    """
    return _behind(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', _PAIR)


def vector_b() -> bytes:
    """The tensor of :func:`vector_a` with metadata before it: only its AutoV3 is the same."""
    return safetensors_bytes(
        {"a": ("F32", [2])}, {"ss_base_model_version": "sd_v1", "ss_network_dim": "4"}, _PAIR
    )


def vector_c() -> bytes:
    """3 MiB of numbers, enough for an AutoV1."""
    size = 3 * 1024 * 1024
    numbers = bytes((i * 31 + (i >> 8)) & 255 for i in range(size))
    return safetensors_bytes({"w": ("U8", [size])}, None, numbers)


def vector_d() -> bytes:
    """``hello world``, which is no model."""
    return b"hello world"


def vector_e() -> bytes:
    """Metadata without any tensor: its AutoV3 is the hash of nothing, and proves nothing."""
    said = {
        "modelspec.architecture": "stable-diffusion-xl-v1-base/lora",
        "sshs_model_hash": "0" * 64,
    }
    return safetensors_bytes({}, said)


_PAIR = struct.pack("<2f", 1.0, 2.0)


def _header_and_size(tensors: Tensors, metadata: Mapping[str, str] | None) -> tuple[bytes, int]:
    entries: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name, (dtype, shape) in tensors.items():
        begin, end = end, end + tensor_bytes(dtype, shape)
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    return text + b" " * (-len(text) % 8), end


def _behind(header: bytes, data: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + data


def _repeated(fill: bytes, size: int) -> bytes:
    return (fill * (size // len(fill) + 1))[:size]
