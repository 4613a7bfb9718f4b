"""The texts inside a picture file, read without its pixels.

Only the parts that can hold text are read, the rest is stepped over. So a picture of any claimed
size costs nothing, and text that stands behind the pixels is found as well. A file that breaks off
gives what stands before the break.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from io import SEEK_CUR
from typing import BinaryIO

from stablequeue_core.errors import InvalidInfotext

MAX_TEXT_BYTES = 4 * 1024 * 1024
"""Of one text, unpacked; no program writes a hundredth of that."""

USER_COMMENT = "EXIF UserComment"
COMMENT = "comment"
SIGNATURE_BYTES = 16

_Texts = Iterator[tuple[str, str]]


def texts_in(file: BinaryIO, wanted: frozenset[str]) -> dict[str, str] | None:
    """The texts of a picture by their keywords: of several with one keyword, the first.

    Args:
        file: open at its start.
        wanted: keywords of PNG texts to read; of others only the keyword is told.

    Returns:
        the texts; None when the file is no PNG, JPEG, WebP or GIF.

    Raises:
        InvalidInfotext: a text is longer than ``MAX_TEXT_BYTES``.
    """
    signature = file.read(SIGNATURE_BYTES)
    read = _reader_for(signature)
    if read is None:
        return None
    file.seek(0)
    found: dict[str, str] = {}
    with suppress(EOFError):
        for keyword, text in read(file, wanted):
            found.setdefault(keyword, text)
    return found


def _reader_for(signature: bytes) -> Callable[[BinaryIO, frozenset[str]], _Texts] | None:
    if signature.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png
    if signature.startswith(b"\xff\xd8\xff"):
        return _jpeg
    if signature[:4] == b"RIFF" and signature[8:12] == b"WEBP":
        return _webp
    if signature[:6] in (b"GIF87a", b"GIF89a"):
        return _gif
    return None


def _png(file: BinaryIO, wanted: frozenset[str]) -> _Texts:
    """Chunks of length, name, content and checksum."""
    file.seek(8)
    seen: set[bytes] = set()
    while True:
        length, name = struct.unpack(">I4s", _read(file, 8))
        if name not in (b"tEXt", b"zTXt", b"iTXt", b"eXIf"):
            file.seek(length + 4, SEEK_CUR)
            continue
        content = _read(file, _bearable(length))
        file.seek(4, SEEK_CUR)
        if name == b"eXIf":
            yield from _exif(content)
            continue
        key, _, rest = content.partition(b"\0")
        keyword = key.decode("latin-1")
        # A text that stands there again and again is not unpacked again and again.
        is_read = keyword in wanted and key not in seen
        seen.add(key)
        yield keyword, _png_text(name, rest) if is_read else ""


def _png_text(name: bytes, rest: bytes) -> str:
    if name == b"tEXt":
        return _utf8_or_latin1(rest)
    if name == b"zTXt":
        return _utf8_or_latin1(_inflated(rest[1:]))
    flag, packed = rest[:1], rest[2:]
    *_, text = packed.split(b"\0", 2)
    return _utf8_or_latin1(_inflated(text) if flag == b"\1" else text)


def _inflated(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(packed, MAX_TEXT_BYTES + 1)
    except zlib.error:
        return b""
    _bearable(len(text))
    return text


def _jpeg(file: BinaryIO, wanted: frozenset[str]) -> _Texts:
    """Segments of marker, length and content, up to the pixels."""
    file.seek(2)
    while True:
        mark, kind = _read(file, 2)
        while kind == 0xFF:
            (kind,) = _read(file, 1)
        if mark != 0xFF or kind in (0xD9, 0xDA):
            return
        if kind == 0x01 or 0xD0 <= kind <= 0xD7:
            continue
        (length,) = struct.unpack(">H", _read(file, 2))
        content = _read(file, max(0, length - 2))
        if kind == 0xE1 and content.startswith(b"Exif\0"):
            yield from _exif(content)
        elif kind == 0xFE:
            yield COMMENT, _utf8_or_latin1(content)


def _webp(file: BinaryIO, wanted: frozenset[str]) -> _Texts:
    """Chunks of name, length and content, padded to even lengths."""
    file.seek(12)
    while True:
        name, length = struct.unpack("<4sI", _read(file, 8))
        if name == b"EXIF":
            yield from _exif(_read(file, _bearable(length)))
        else:
            file.seek(length, SEEK_CUR)
        file.seek(length % 2, SEEK_CUR)


def _gif(file: BinaryIO, wanted: frozenset[str]) -> _Texts:
    """A palette, then blocks: extensions, of which one kind is a comment, and frames."""
    _skip_palette(file, _read(file, 13)[10])
    while True:
        (block,) = _read(file, 1)
        if block == 0x21:
            (label,) = _read(file, 1)
            if label == 0xFE:
                yield COMMENT, _utf8_or_latin1(b"".join(_sub_blocks(file)))
                continue
        elif block == 0x2C:
            _skip_palette(file, _read(file, 9)[8])
            _read(file, 1)
        else:
            return
        while (length := _read(file, 1)[0]) > 0:
            file.seek(length, SEEK_CUR)


def _sub_blocks(file: BinaryIO) -> Iterator[bytes]:
    total = 0
    while (length := _read(file, 1)[0]) > 0:
        total = _bearable(total + length)
        yield _read(file, length)


def _skip_palette(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        file.seek(3 * 2 ** ((flags & 0x07) + 1), SEEK_CUR)


def _exif(content: bytes) -> _Texts:
    """The user comment among EXIF's tables, of which each entry has twelve bytes."""
    tiff = content.removeprefix(b"Exif\0").removeprefix(b"\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return
    with suppress(struct.error):
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        tags = _tags(tiff, order, start)
        if 0x8769 in tags:
            (start,) = struct.unpack(f"{order}I", tags[0x8769][1])
            tags = {**tags, **_tags(tiff, order, start)}
        if 0x9286 in tags:
            count, place = tags[0x9286]
            if count > 4:
                (start,) = struct.unpack(f"{order}I", place)
                place = tiff[start : start + count]
            yield USER_COMMENT, _user_comment(place[:count])


def _tags(tiff: bytes, order: str, start: int) -> Mapping[int, tuple[int, bytes]]:
    """By tag: how many values there are, and the four bytes that hold them or tell where."""
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    entries = tiff[start + 2 : start + 2 + 12 * count]
    whole = len(entries) - len(entries) % 12
    return {
        tag: (values, place)
        for tag, _, values, place in struct.iter_unpack(f"{order}HHI4s", entries[:whole])
    }


def _user_comment(value: bytes) -> str:
    """Eight bytes name the encoding; without them, it is guessed."""
    encoding, text = value[:8], value[8:]
    if encoding == b"UNICODE\0":
        decoded = text.decode(_utf16(text), "replace")
    elif encoding in (b"ASCII\0\0\0", b"\0" * 8):
        decoded = _utf8_or_latin1(text)
    else:
        decoded = _utf8_or_latin1(value)
    return decoded.strip("\0\ufeff")


def _utf16(text: bytes) -> str:
    """The byte order: writers do not agree on it. Settings are ASCII, so half of it is zeros."""
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    return "utf-16-be" if text[::2].count(0) >= text[1::2].count(0) else "utf-16-le"


def _utf8_or_latin1(text: bytes) -> str:
    """PNG's older texts are Latin-1, but many programs write UTF-8 there as well."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _read(file: BinaryIO, length: int) -> bytes:
    content = file.read(length)
    if len(content) < length:
        raise EOFError
    return content


def _bearable(length: int) -> int:
    if length > MAX_TEXT_BYTES:
        raise InvalidInfotext(
            f"A text in the picture is longer than {MAX_TEXT_BYTES // 2**20} MiB; "
            "that is no infotext."
        )
    return length
