"""The tensors of a safetensors header as the reference library writes it, read without a parser.

That library (safetensors 24b0b28, ``tensor.rs``) has one form: no spaces, no needless escapes, the
keys of an entry in one order, the tensors as they lie. One pattern takes such a header apart in
less than half the time of a JSON parser, which leaves room for all checks. Whatever differs in
the least may be legal or not: that is for the parser to find out.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import accumulate

from stablequeue_core.models.files.headers.dtypes import tensor_bits
from stablequeue_core.models.files.headers.header import Tensor

_SHAPE = '","shape":['
_ENTRY = re.compile(
    r',"([^"]*+)":'
    rf'\{{"dtype":"([^"]{{1,16}}+{re.escape(_SHAPE)}[0-9,]{{0,99}}+)\],'
    r'"data_offsets":\[([0-9]++),([0-9]++)\]\}'
)
"""Name, kind, begin and end. A kind is type and shape as one text: a file has few of them."""

_STEP = _ENTRY.groups + 1
"""Splitting gives what lies between two entries before the four texts of each."""

_NEVER_PLAIN = ("\\", *map(chr, range(32)))
"""A JSON text with these stands for another, or for none."""


def read_compact(listing: str) -> tuple[dict[str, Tensor], int] | None:
    """Read the tensors by name, and how many bytes they take.

    Args:
        listing: the header from the comma before its first tensor to its end.

    Returns:
        None if anything is not as the reference library writes it.

    Example:
        >>> read_compact(',"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}}  ')
        ({'a': Tensor(dtype='F16', shape=(4,))}, 8)
        >>> read_compact(',"a":{"dtype":"F16","shape":[4],"data_offsets":[0, 8]}}  ')
    """
    parts = _ENTRY.split(listing)
    between, rest = parts[:-1:_STEP], parts[-1]
    names, kinds, begins, ends = (parts[group::_STEP] for group in range(1, _STEP))
    if any(between) or rest.rstrip(" ") != "}" or any(map(listing.__contains__, _NEVER_PLAIN)):
        return None
    try:
        measured = list(map(_measured, kinds))
    except (KeyError, ValueError):
        return None
    tensors = {name: tensor for name, (tensor, _) in zip(names, measured, strict=True)}
    borders = list(accumulate((size for _, size in measured), initial=0))
    written = list(map(str, borders))
    if len(tensors) != len(names) or begins != written[:-1] or ends != written[1:]:
        return None
    return tensors, borders[-1]


@lru_cache(maxsize=4096)
def _measured(kind: str) -> tuple[Tensor, int]:
    """What a kind says, and how many bytes such a tensor takes.

    Raises:
        KeyError: safetensors has no such type.
        ValueError: this cannot be, or the reference library would not write it so.
    """
    dtype, _, sizes = kind.partition(_SHAPE)
    shape = tuple(map(int, sizes.split(","))) if sizes else ()
    bits = tensor_bits(dtype, shape)
    if bits % 8 or ",".join(map(str, shape)) != sizes:
        raise ValueError(f"{kind} is not how a tensor is described")
    return Tensor(dtype, shape), bits // 8
