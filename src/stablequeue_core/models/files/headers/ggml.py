"""The types of numbers that a GGUF file may hold, most of them packed into blocks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_TYPES = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
}

BLOCKS: Mapping[int, tuple[int, int]] = MappingProxyType(
    {kind: (numbers, size) for kind, (_, numbers, size) in _TYPES.items()}
)
"""By type: how many numbers make a block, and its bytes (``GGML_QUANT_SIZES`` of gguf-py).

Types that are missing here are not kept in files, or too new; their size is not known.
"""


def type_name(kind: int) -> str:
    """What people call a type.

    Example:
        >>> type_name(12), type_name(99)
        ('Q4_K', 'ggml type 99')
    """
    return _TYPES[kind][0] if kind in _TYPES else f"ggml type {kind}"
