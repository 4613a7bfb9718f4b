"""The bytes of an answer, wherever they come from: none of them needs to be held in memory."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from attrs import field, frozen

PIECE_BYTES = 256 * 1024

_BLOCK_BYTES = 1024 * 1024
_STAMP_BYTES = 8


class Content(ABC):
    """So many bytes, any part of which can be had."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many bytes there are."""

    @abstractmethod
    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from ``start`` up to ``stop``, in pieces of any length but none."""

    def in_memory(self) -> bytes | None:
        """All of it, if it is in memory already."""
        return None

    def on_disk(self) -> tuple[Path, int] | None:
        """The file that holds these bytes one behind the other, and where in it they begin."""
        return None

    def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """The bytes from ``start`` up to ``stop``, by default up to the end."""
        return b"".join(self.pieces(start, self.size if stop is None else stop))

    def part(self, start: int, stop: int) -> Content:
        """The bytes from ``start`` up to ``stop``, as content of their own."""
        return self if (start, stop) == (0, self.size) else _Part(self, start, stop)

    def in_pieces(self, size: int) -> Iterator[bytes]:
        """All of it, in pieces of at most ``size`` bytes."""
        for piece in self.pieces(0, self.size):
            for start in range(0, len(piece), size):
                yield piece[start : start + size]


def content_of(source: bytes | Path | Content) -> Content:
    """The content that ``source`` stands for: bytes, a file as it is when it is read, or content.

    Example:
        >>> content_of(b"hello world").read(6)
        b'world'
    """
    if isinstance(source, bytes):
        return _Bytes(source)
    return _File(source) if isinstance(source, Path) else source


def generated(size: int, *, seed: int = 0, head: bytes = b"") -> Content:
    """Bytes that are made while they are sent: any number of them, always the same.

    No two places look alike, so bytes that arrive at the wrong one are noticed.

    Args:
        size: in bytes, ``head`` included.
        seed: other seeds make other bytes.
        head: what it begins with: the header of a model file, for example.

    Example:
        >>> film = generated(4 * 1024**3, head=b"film")
        >>> film.size, film.read(0, 4)
        (4294967296, b'film')
        >>> film.read(10**9, 10**9 + 8) == film.read(2 * 10**9, 2 * 10**9 + 8)
        False
    """
    return _Generated(size, seed, head)


def repeated(size: int, begin: bytes, again: bytes, end: bytes) -> Content:
    """A text whose middle is repeated until it has its size: a list without an end, for example.

    Example:
        >>> repeated(9, b"[", b"1,", b"1]").read()
        b'[1,1,1,1]'
    """
    return _Repeated(size, begin, again, end)


@frozen
class _Bytes(Content):
    data: bytes = field(repr=lambda data: f"<{len(data)} bytes>")

    @property
    def size(self) -> int:
        return len(self.data)

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        for begin in range(start, stop, PIECE_BYTES):
            yield self.data[begin : min(begin + PIECE_BYTES, stop)]

    def in_memory(self) -> bytes | None:
        return self.data


@frozen
class _File(Content):
    path: Path

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.seek(start)
            while start < stop and (piece := file.read(min(PIECE_BYTES, stop - start))):
                start += len(piece)
                yield piece

    def on_disk(self) -> tuple[Path, int] | None:
        return self.path, 0


@frozen
class _Generated(Content):
    size: int
    seed: int
    head: bytes = field(repr=False)

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        noise = _noise(self.seed)
        while start < stop:
            if start < len(self.head):
                piece = self.head[start:stop]
            else:
                number, skipped = divmod(start - len(self.head), _BLOCK_BYTES)
                block = number.to_bytes(_STAMP_BYTES) + noise
                piece = block[skipped : skipped + stop - start]
            start += len(piece)
            yield piece


@frozen
class _Repeated(Content):
    size: int
    begin: bytes
    again: bytes
    end: bytes

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        tail = self.size - len(self.end)
        many = self.again * (PIECE_BYTES // len(self.again) + 1)
        while start < stop:
            if start < len(self.begin):
                piece = self.begin[start:stop]
            elif start < tail:
                skipped = (start - len(self.begin)) % len(self.again)
                piece = many[skipped : skipped + min(stop, tail) - start]
            else:
                piece = self.end[start - tail : stop - tail]
            start += len(piece)
            yield piece


@frozen
class _Part(Content):
    whole: Content
    begin: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.begin

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        return self.whole.pieces(self.begin + start, self.begin + stop)

    def on_disk(self) -> tuple[Path, int] | None:
        file = self.whole.on_disk()
        return None if file is None else (file[0], file[1] + self.begin)


@cache
def _noise(seed: int) -> bytes:
    """What every block holds behind its number."""
    return random.Random(seed).randbytes(_BLOCK_BYTES - _STAMP_BYTES)
