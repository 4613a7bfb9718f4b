"""How much room a tensor takes, by the type of its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

BITS: Mapping[str, int] = MappingProxyType(
    {
        "F4": 4,
        "F6_E2M3": 6,
        "F6_E3M2": 6,
        "BOOL": 8,
        "U8": 8,
        "I8": 8,
        "F8_E4M3": 8,
        "F8_E5M2": 8,
        "F8_E8M0": 8,
        "F8_E4M3FNUZ": 8,
        "F8_E5M2FNUZ": 8,
        "I16": 16,
        "U16": 16,
        "F16": 16,
        "BF16": 16,
        "I32": 32,
        "U32": 32,
        "F32": 32,
        "I64": 64,
        "U64": 64,
        "F64": 64,
        "C64": 64,
    }
)
"""The types that a safetensors file may hold (safetensors 24b0b28, ``tensor.rs``)."""

MAX_BITS = 2**63
"""No file is larger; a shape that multiplies to more is refused before it grows on."""


def tensor_bytes(dtype: str, shape: Sequence[int]) -> int:
    """How many bytes a tensor takes; one with a 0 in its shape takes none, a scalar takes one.

    Raises:
        KeyError: safetensors has no such type.
        ValueError: no file is that large.

    Example:
        >>> tensor_bytes("F4", [3, 8])
        12
    """
    return tensor_bits(dtype, shape) // 8


def tensor_bits(dtype: str, shape: Sequence[int]) -> int:
    """How many bits a tensor takes; a file has only such as make whole bytes.

    Raises:
        KeyError: safetensors has no such type.
        ValueError: no file is that large.

    Example:
        >>> tensor_bits("F4", [3, 8])
        96
    """
    bits = BITS[dtype]
    for dimension in shape:
        bits *= dimension
        if bits > MAX_BITS:
            raise ValueError(f"a tensor of the shape {shape[:8]} is larger than any file")
    return bits
