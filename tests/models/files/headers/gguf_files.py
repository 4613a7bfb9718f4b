"""GGUF files for tests, written field by field."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from attrs import field, frozen

F32 = 0
STRING, ARRAY, U32, I32, F32_VALUE, BOOL = 8, 9, 4, 5, 6, 7


def text(content: str | bytes) -> bytes:
    raw = content if isinstance(content, bytes) else content.encode()
    return struct.pack("<Q", len(raw)) + raw


def said(key: str, kind: int, value: bytes) -> bytes:
    """A key with its value."""
    return text(key) + struct.pack("<I", kind) + value


def string(key: str, value: str) -> bytes:
    return said(key, STRING, text(value))


def integers(key: str, values: Sequence[int]) -> bytes:
    """A key with an array of I32."""
    packed = struct.pack(f"<{len(values)}i", *values)
    return said(key, ARRAY, struct.pack("<IQ", I32, len(values)) + packed)


def tensor(name: str, dimensions: Sequence[int], kind: int = F32, offset: int = 0) -> bytes:
    """A tensor's entry; dimensions in GGUF's order, the innermost first."""
    sizes = struct.pack(f"<{len(dimensions)}Q", *dimensions)
    counted = struct.pack("<I", len(dimensions)) + sizes
    return text(name) + counted + struct.pack("<IQ", kind, offset)


@frozen
class GgufFile:
    """What a file says, and its data."""

    keys: Sequence[bytes] = ()
    tensors: Sequence[bytes] = ()
    data: bytes = b""
    version: int = 3
    alignment: int = 32
    counts: tuple[int, int] | None = field(default=None)

    def content(self) -> bytes:
        counts = self.counts or (len(self.tensors), len(self.keys))
        header = b"GGUF" + struct.pack("<IQQ", self.version, *counts)
        header += b"".join(self.keys) + b"".join(self.tensors)
        return header + b"\0" * (-len(header) % self.alignment) + self.data
