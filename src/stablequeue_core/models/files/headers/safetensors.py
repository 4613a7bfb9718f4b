"""The header of a safetensors file: JSON that must account for every byte behind it.

The rules are those of the reference library (safetensors 24b0b28, ``tensor.rs``). Thousands of
files are read at the first scan: what that library wrote itself is read in a shorter way, and
only a header that is unlike its own is parsed, to find out what it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any, BinaryIO, NoReturn, TypeGuard

from stablequeue_core.errors import UnreadableModel
from stablequeue_core.models.files.headers.compact import read_compact
from stablequeue_core.models.files.headers.dtypes import BITS, tensor_bits
from stablequeue_core.models.files.headers.faults import bad_header, not_recognised, truncated
from stablequeue_core.models.files.headers.header import Header, Tensor
from stablequeue_core.models.model import FileFormat

LENGTH_BYTES = 8
MAX_HEADER_BYTES = 100_000_000
"""The reference library reads no longer one."""

METADATA = "__metadata__"
_METADATA_FIRST = f'{{"{METADATA}":{{'


def read_safetensors(file: BinaryIO, length: int, size: int) -> Header:
    """Read the header behind its length.

    Args:
        file: standing right behind the eight bytes of the length.
        length: what these say, at most MAX_HEADER_BYTES.
        size: of the whole file, in bytes.

    Raises:
        UnreadableModel: the header is not one, or does not account for the file's bytes.
    """
    if length == 0:
        raise UnreadableModel(
            "empty_header",
            "The file begins with zeros where a safetensors header belongs. Its download reserved "
            "the room, but the beginning never came; fetch it again.",
        )
    raw = file.read(min(length, max(size - LENGTH_BYTES, 0)))
    if raw[:1] != b"{":
        raise not_recognised()
    data_start = LENGTH_BYTES + length
    if len(raw) < length:
        raise truncated(min(size, LENGTH_BYTES + len(raw)), data_start, at_least=True)
    tensors, data_bytes, metadata = _parsed(raw)
    if data_start + data_bytes > size:
        raise truncated(size, data_start + data_bytes)
    if data_start + data_bytes < size:
        raise UnreadableModel(
            "trailing_bytes",
            f"The file has {size} bytes, but its header accounts for {data_start + data_bytes}: "
            "something was added behind the tensors. Fetch it again.",
        )
    return Header(
        format=FileFormat.SAFETENSORS,
        tensors=tensors,
        metadata=metadata,
        data_start=data_start,
    )


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no whole number")


_JSON = json.JSONDecoder(
    object_pairs_hook=tuple, parse_float=_refuse_number, parse_constant=_refuse_number
)
"""Gives an object as its pairs, so that a name that is there twice is seen."""


def _parsed(raw: bytes) -> tuple[Mapping[str, Tensor], int, Mapping[str, str]]:
    """The tensors by name, how many bytes they take, and the metadata."""
    try:
        text = raw.decode("utf-8")
        tensors, data_bytes, said = _read_compact(text) or _read_any(text)
    except UnicodeDecodeError:
        raise bad_header("bad_encoding", "is not UTF-8 text") from None
    except RecursionError:
        raise bad_header("bad_json", "is nested too deeply") from None
    except ValueError:
        raise bad_header("bad_json", "is not the JSON that it should be") from None
    return tensors, data_bytes, _metadata(said)


def _read_compact(text: str) -> tuple[dict[str, Tensor], int, Any] | None:
    """What the reference library wrote, with the metadata's pairs; None if it did not."""
    said, listing = (), "," + text[1:]
    if text.startswith(_METADATA_FIRST):
        said, end = _JSON.raw_decode(text, len(_METADATA_FIRST) - 1)
        listing = text[end:]
    read = read_compact(listing)
    return None if read is None or METADATA in read[0] else (*read, said)


def _read_any(text: str) -> tuple[dict[str, Tensor], int, Any]:
    entries = _unique(_JSON.decode(text))
    said = entries.pop(METADATA, ())
    _refuse_half_characters(entries)
    placed = {name: _placed(_unique(entry)) for name, entry in entries.items()}
    tensors = {name: tensor for name, (_, tensor) in placed.items()}
    return tensors, _data_bytes(placed.values()), said


def _unique(pairs: Any) -> dict[str, Any]:
    if type(pairs) is not tuple:
        raise bad_header("bad_header", "holds something else where an object belongs")
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise bad_header("duplicate_keys", "says one thing twice")
    return unique


def _metadata(said: Any) -> Mapping[str, str]:
    metadata = _unique(() if said is None else said)
    if not set(map(type, metadata.values())) <= {str}:
        raise bad_header("bad_metadata", "has metadata that is not text")
    _refuse_half_characters((*metadata, *metadata.values()))
    return metadata


def _refuse_half_characters(texts: Iterable[str]) -> None:
    """Refuse what JSON can write with an escape, but nobody can store or print."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        raise bad_header("bad_encoding", "holds half a character (a lone surrogate)") from None


def _placed(entry: Mapping[str, Any]) -> tuple[tuple[int, int], Tensor]:
    """Where a tensor begins and ends, and what it is."""
    dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if type(dtype) is not str or dtype not in BITS:
        raise bad_header("unknown_dtype", f"has a tensor of the type {str(dtype)[:40]!r}")
    if not _are_sizes(shape):
        raise bad_header("bad_shape", "has a tensor without a proper shape")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise bad_header("bad_offsets", "does not say where a tensor begins and ends")
    return (offsets[0], offsets[1]), Tensor(dtype, tuple(shape))


def _are_sizes(value: Any) -> TypeGuard[list[int]]:
    return type(value) is list and all(map(_is_size, value))


def _is_size(item: Any) -> bool:
    return type(item) is int and item >= 0


def _data_bytes(placed: Iterable[tuple[tuple[int, int], Tensor]]) -> int:
    """How many bytes the tensors take, which may be listed in another order than they lie."""
    expected = 0
    for (begin, end), tensor in sorted(placed, key=itemgetter(0)):
        if begin != expected:
            raise bad_header(
                "bad_offsets", "leaves a hole between two tensors, or lets them overlap"
            )
        try:
            bits = tensor_bits(tensor.dtype, tensor.shape)
        except ValueError:
            raise bad_header("bad_shape", "has a tensor that is larger than any file") from None
        if bits != (end - begin) * 8:
            raise bad_header("bad_offsets", "gives a tensor another size than its shape has")
        expected = end
    return expected
