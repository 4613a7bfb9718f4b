"""Tells by its first bytes what a model file is, and reads its header."""

from __future__ import annotations

from typing import BinaryIO

from stablequeue_core.errors import UnreadableModel
from stablequeue_core.models.files.headers.faults import not_recognised
from stablequeue_core.models.files.headers.gguf import GGUF_MAGIC, read_gguf
from stablequeue_core.models.files.headers.header import Header
from stablequeue_core.models.files.headers.safetensors import (
    LENGTH_BYTES,
    MAX_HEADER_BYTES,
    read_safetensors,
)
from stablequeue_core.models.model import FileFormat

SNIFFED_BYTES = 512
"""How much is read of a file that is no model, to tell what it is instead."""

ZIP_MAGIC = b"PK\x03\x04"
PICKLE_PROTOCOLS = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))

_PAGE_BEGINNINGS = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--")
_LFS_BEGINNING = b"version https://git-lfs"


def read_header(file: BinaryIO, size: int) -> Header:
    """Read what a model file says of itself, and nothing of its tensors.

    Args:
        file: standing at its beginning; buffered, as ``open(path, "rb")`` gives it.
        size: of the whole file, in bytes, so that a half copied one is noticed.

    Returns:
        the header; of a pickle only that it is one, because opening it would run it.

    Raises:
        UnreadableModel: the file is no model, or not a whole one; ``code`` tells which.

    Example:
        >>> from io import BytesIO
        >>> from stablequeue_core.testing.model_files import vae
        >>> content = vae().content()
        >>> read_header(BytesIO(content), len(content)).tensors["decoder.conv_out.weight"]
        Tensor(dtype='F16', shape=(3, 128, 3, 3))
        >>> try:
        ...     read_header(BytesIO(content[:-1]), len(content) - 1)
        ... except UnreadableModel as error:
        ...     print(error.message[:48])
        The file is truncated: has 14007 of 14008 bytes.
    """
    if size == 0:
        raise UnreadableModel(
            "empty_file",
            "The file is empty (0 bytes). Its copy or download never began; fetch it again.",
        )
    first = file.read(LENGTH_BYTES)
    length = int.from_bytes(first, "little")
    if len(first) == LENGTH_BYTES and length <= MAX_HEADER_BYTES:
        return read_safetensors(file, length, size)
    beginning = first + file.read(SNIFFED_BYTES)
    if beginning.startswith(GGUF_MAGIC):
        return read_gguf(file, beginning, size)
    if beginning.startswith((ZIP_MAGIC, *PICKLE_PROTOCOLS)):
        return Header(format=FileFormat.PICKLE)
    raise _not_a_model(beginning)


def _not_a_model(beginning: bytes) -> UnreadableModel:
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(_PAGE_BEGINNINGS):
        return UnreadableModel(
            "html_page",
            "The file is an HTML page, probably a login or error page that was saved in place of "
            "the model. Fetch the model again, signed in.",
        )
    if text.startswith(_LFS_BEGINNING):
        return UnreadableModel(
            "git_lfs_pointer",
            "The file is a Git LFS pointer, not the model itself. Fetch that with `git lfs pull`.",
        )
    if text.startswith((b"{", b"[")) and b"\0" not in text:
        return UnreadableModel(
            "json_document",
            "The file is a JSON text, probably an error message that was saved in place of the "
            "model. Open it to read the reason, then fetch the model again.",
        )
    if len(beginning) < LENGTH_BYTES:
        return UnreadableModel(
            "too_short",
            f"The file has only {len(beginning)} bytes; no model is that small. Fetch it again.",
        )
    if beginning[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{":
        return UnreadableModel(
            "header_too_long",
            f"The file claims a header of {int.from_bytes(beginning[:LENGTH_BYTES], 'little')} "
            f"bytes; {MAX_HEADER_BYTES} are allowed. It is damaged; fetch it again.",
        )
    return not_recognised()
