"""The header of a GGUF file, versions 2 and 3: what its maker says, and its tensors.

Every count and length in it is a claim; each is held against a bound before anything is made of
it. The format is described in ``ggml/docs/gguf.md``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import BinaryIO

from attrs import frozen

from stablequeue_core.models.files.headers.faults import bad_header, truncated
from stablequeue_core.models.files.headers.ggml import BLOCKS, type_name
from stablequeue_core.models.files.headers.header import Header, Tensor
from stablequeue_core.models.model import FileFormat

GGUF_MAGIC = b"GGUF"

MAX_KEYS = 10_000
MAX_TENSORS = 100_000
MAX_DIMENSIONS = 16
MAX_NAME_BYTES = 65_535
MAX_TEXT_BYTES = 2**24
MAX_ITEMS = 2**20
MAX_HEADER_BYTES = 100_000_000

_STRING, _ARRAY = 8, 9
_NUMBERS = {
    number: struct.Struct("<" + code)
    for number, code in {
        0: "B",
        1: "b",
        2: "H",
        3: "h",
        4: "I",
        5: "i",
        6: "f",
        7: "?",
        10: "Q",
        11: "q",
        12: "d",
    }.items()
}
_DEFAULT_ALIGNMENT = 32
_MAX_ALIGNMENT = 2**20
_ORIGINAL_SHAPE = "comfy.gguf.orig_shape."
"""How city96's converter keeps shapes that GGUF cannot, those of five dimensions and more."""

_CHUNK_BYTES = 65_536


def read_gguf(file: BinaryIO, beginning: bytes, size: int) -> Header:
    """Read a GGUF header.

    Args:
        file: standing behind ``beginning``.
        beginning: what was read of it already.
        size: of the whole file, in bytes.

    Raises:
        UnreadableModel: the header is not one, or tells of more than the file holds.
    """
    fields = _Fields(file, beginning, size)
    fields.take(len(GGUF_MAGIC))
    version = fields.number(4)
    if version not in (2, 3):
        raise bad_header("unsupported_gguf", f"is of GGUF version {version}, not 2 or 3")
    tensor_count = fields.count(10, MAX_TENSORS, "tensors")
    key_count = fields.count(10, MAX_KEYS, "keys")
    said: dict[str, object] = {}
    for _ in range(key_count):
        key = fields.text(MAX_NAME_BYTES)
        said[key] = fields.value(keep_array=key.startswith(_ORIGINAL_SHAPE))
    places = [_place(fields) for _ in range(tensor_count)]
    data_start = _aligned(fields.position, said.get("general.alignment", _DEFAULT_ALIGNMENT))
    needed = max((data_start + place.end for place in places), default=fields.position)
    if needed > size:
        raise truncated(size, needed)
    tensors = {place.name: place.tensor(said) for place in places}
    if len(tensors) != tensor_count:
        raise bad_header("duplicate_keys", "names a tensor twice")
    return Header(
        format=FileFormat.GGUF,
        tensors=tensors,
        metadata={
            key: str(value) for key, value in said.items() if not isinstance(value, list | None)
        },
        data_start=data_start,
    )


class _Fields:
    """Takes one field after the other, never more than the file has."""

    def __init__(self, file: BinaryIO, beginning: bytes, size: int) -> None:
        self._file = file
        self._size = size
        self._ahead = beginning
        self._at = 0
        self.position = 0

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        self.position += count
        if self.position > self._size:
            raise truncated(self._size, self.position, at_least=True)
        if self.position > MAX_HEADER_BYTES:
            raise bad_header("header_too_long", f"is longer than {MAX_HEADER_BYTES} bytes")
        missing = self._at + count - len(self._ahead)
        if missing > 0:
            read = self._file.read(max(missing, _CHUNK_BYTES))
            if len(read) < missing:
                has = self.position - missing + len(read)
                raise truncated(has, self.position, at_least=True)
            self._ahead = self._ahead[self._at :] + read
            self._at = 0
        taken = self._ahead[self._at : self._at + count]
        self._at += count
        return taken

    def number(self, kind: int) -> int | float | bool:
        """The next number of one of GGUF's types."""
        form = _NUMBERS[kind]
        value: int | float | bool
        (value,) = form.unpack(self.take(form.size))
        return value

    def count(self, kind: int, most: int, of_what: str) -> int:
        """The next whole number, which says how many of something there are."""
        claimed = int(self.number(kind))
        if claimed > most:
            raise bad_header("bad_gguf", f"claims {claimed} {of_what}; {most} are the most")
        return claimed

    def text(self, most: int) -> str:
        """The next text, of at most so many bytes."""
        raw = self.take(self.count(10, most, "bytes of text"))
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise bad_header("bad_encoding", "is not UTF-8 text") from None

    def value(self, *, keep_array: bool) -> object:
        """The next value behind its type; None for an array that nobody needs."""
        kind = int(self.number(4))
        if kind == _STRING:
            return self.text(MAX_TEXT_BYTES)
        if kind in _NUMBERS:
            return self.number(kind)
        if kind != _ARRAY:
            raise bad_header("bad_gguf", f"has a value of the unknown type {kind}")
        item_kind = int(self.number(4))
        count = self.count(10, MAX_ITEMS, "items of an array")
        if item_kind == _STRING:
            for _ in range(count):
                self.take(self.count(10, MAX_TEXT_BYTES, "bytes of text"))
            return None
        if item_kind not in _NUMBERS:
            raise bad_header("bad_gguf", f"has an array of the unknown type {item_kind}")
        raw = self.take(count * _NUMBERS[item_kind].size)
        if not keep_array:
            return None
        return [number for (number,) in _NUMBERS[item_kind].iter_unpack(raw)]


@frozen
class _Place:
    """A tensor, and where it ends behind the start of the data; 0 for a type of unknown size."""

    name: str
    kind: int
    shape: tuple[int, ...]
    end: int

    def tensor(self, said: Mapping[str, object]) -> Tensor:
        original = said.get(_ORIGINAL_SHAPE + self.name)
        shape = self.shape
        if isinstance(original, list) and math.prod(original) == math.prod(shape):
            shape = tuple(original)
        return Tensor(type_name(self.kind), shape)


def _place(fields: _Fields) -> _Place:
    name = fields.text(MAX_NAME_BYTES)
    rank = fields.count(4, MAX_DIMENSIONS, "dimensions of a tensor")
    dimensions = [int(fields.number(10)) for _ in range(rank)]
    kind = int(fields.number(4))
    offset = int(fields.number(10))
    numbers, size = BLOCKS.get(kind, (1, 0))
    return _Place(
        name=name,
        kind=kind,
        shape=tuple(reversed(dimensions)),
        end=offset + math.prod(dimensions) // numbers * size if size else 0,
    )


def _aligned(position: int, alignment: object) -> int:
    if type(alignment) is not int or not 0 < alignment <= _MAX_ALIGNMENT:
        raise bad_header("bad_gguf", "has an impossible alignment")
    return -(-position // alignment) * alignment
