"""Reads what lies in memory, as a file."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest

from stablequeue_core.errors import UnreadableModel
from stablequeue_core.models.files.headers import Header, read_header


def header_of(content: bytes) -> Header:
    return read_header(BytesIO(content), len(content))


def refusal_of(content: bytes, size: int | None = None) -> UnreadableModel:
    """The error that reading it gives."""
    with pytest.raises(UnreadableModel) as caught:
        read_header(BytesIO(content), len(content) if size is None else size)
    return caught.value


def safetensors(header: str | bytes, data: bytes = b"") -> bytes:
    """A file with exactly this header."""
    raw = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(raw)) + raw + data
