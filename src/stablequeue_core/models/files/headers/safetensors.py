"""The header of a safetensors file: JSON that must account for every byte behind it.

The rules are those of the reference library (safetensors 24b0b28, ``tensor.rs``). Thousands of
files are read at the first scan, so checking must cost little beside parsing: one loop does all
sums, a name that is there twice shows in the number of colons, and only a header that is unlike
most is read a second time to find out what it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO, NoReturn, TypeGuard

from stablequeue_core.errors import UnreadableModel
from stablequeue_core.models.files.headers.dtypes import BITS
from stablequeue_core.models.files.headers.faults import bad_header, not_recognised, truncated
from stablequeue_core.models.files.headers.header import Header, Tensor
from stablequeue_core.models.model import FileFormat

LENGTH_BYTES = 8
MAX_HEADER_BYTES = 100_000_000
"""The reference library reads no longer one."""

MAX_BITS = 2**63
"""No file is larger; a shape that multiplies to more is refused before it grows on."""

METADATA = "__metadata__"
_METADATA_FIRST = f'{{"{METADATA}":{{'


class _Irregular(Exception):
    """The entries are not as nearly every file has them; a closer look tells what they are."""


class _Tensors(Mapping[str, Tensor]):
    """Tensors by name, each made when it is asked for."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[str, Any]) -> None:
        self._entries = entries

    def __getitem__(self, name: str) -> Tensor:
        entry = self._entries[name]
        return Tensor(entry["dtype"], tuple(entry["shape"]))

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


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
    entries, metadata = _parsed(raw)
    try:
        data_bytes = _data_bytes(entries.values())
    except _Irregular:
        data_bytes = _data_bytes_at_second_look(entries.values())
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
        tensors=_Tensors(entries),
        metadata=metadata,
        data_start=data_start,
    )


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no whole number")


_numbers: dict[str, Any] = {"parse_float": _refuse_number, "parse_constant": _refuse_number}
_QUICK = json.JSONDecoder(**_numbers)
_EXACT = json.JSONDecoder(object_pairs_hook=tuple, **_numbers)
"""Gives an object as its pairs, so that a name that is there twice is seen."""


def _parsed(raw: bytes) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """The tensors' entries by name, and the metadata."""
    try:
        text = raw.decode("utf-8")
        entries, said = _read_quickly(text) or _read_exactly(text)
    except UnicodeDecodeError:
        raise bad_header("bad_encoding", "is not UTF-8 text") from None
    except RecursionError:
        raise bad_header("bad_json", "is nested too deeply") from None
    except ValueError:
        raise bad_header("bad_json", "is not the JSON that it should be") from None
    return entries, _metadata(said)


def _read_quickly(text: str) -> tuple[dict[str, Any], Any] | None:
    """The entries and the metadata's pairs; None if that takes a closer look.

    An entry has three keys and a name, hence four colons: where there are no more, and no key is
    missing, nothing can be named twice.
    """
    said: Any = ()
    if text.startswith(_METADATA_FIRST):
        said, end = _EXACT.raw_decode(text, len(_METADATA_FIRST) - 1)
        if text[end : end + 2] != ',"':
            return None
        text = "{" + text[end + 1 :]
    if "\\" in text:
        return None
    entries: dict[str, Any] = _QUICK.decode(text)
    if text.count(":") != 4 * len(entries) or METADATA in entries:
        return None
    return entries, said


def _read_exactly(text: str) -> tuple[dict[str, Any], Any]:
    entries = _unique(_EXACT.decode(text))
    said = entries.pop(METADATA, ())
    _refuse_half_characters(entries)
    return {name: _unique(entry) for name, entry in entries.items()}, said


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


def _data_bytes(entries: Iterable[Any]) -> int:
    """How many bytes the tensors take, if each begins where the one before it ends.

    Comparing with 0 refuses texts and lists within a shape before they could be multiplied.

    Raises:
        _Irregular: an entry is wrong, or only in another order.
        UnreadableModel: a tensor has a wrong size.
    """
    expected = 0
    try:
        for entry in entries:
            begin, end = entry["data_offsets"]
            if begin != expected:
                raise _Irregular
            bits = BITS[entry["dtype"]]
            for dimension in entry["shape"]:
                if dimension < 0:
                    raise _Irregular
                bits *= dimension
                if bits > MAX_BITS:
                    raise bad_header("bad_shape", "has a tensor that is larger than any file")
            if bits != (end - begin) * 8:
                raise bad_header("bad_offsets", "gives a tensor another size than its shape has")
            expected = end
    except (KeyError, TypeError, ValueError):
        raise _Irregular from None
    return expected


def _data_bytes_at_second_look(entries: Iterable[Any]) -> int:
    checked = [_checked(entry) for entry in entries]
    checked.sort(key=lambda entry: entry["data_offsets"])
    try:
        return _data_bytes(checked)
    except _Irregular:
        raise bad_header(
            "bad_offsets", "leaves a hole between two tensors, or lets them overlap"
        ) from None


def _checked(entry: Any) -> Mapping[str, Any]:
    if type(entry) is not dict:
        raise bad_header("bad_header", "holds something else where an object belongs")
    dtype = entry.get("dtype")
    if type(dtype) is not str or dtype not in BITS:
        raise bad_header("unknown_dtype", f"has a tensor of the type {str(dtype)[:40]!r}")
    if not _are_sizes(entry.get("shape")):
        raise bad_header("bad_shape", "has a tensor without a proper shape")
    offsets = entry.get("data_offsets")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise bad_header("bad_offsets", "does not say where a tensor begins and ends")
    return entry


def _are_sizes(value: Any) -> TypeGuard[list[int]]:
    return type(value) is list and all(type(item) is int and item >= 0 for item in value)
