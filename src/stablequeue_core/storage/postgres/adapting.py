"""Values on their way to PostgreSQL and back, where psycopg's own way would lose something.

PostgreSQL's text holds every character but two sorts: NUL, and halves of characters (lone
surrogates), which Python uses for names of files that are no Unicode. Each is written as a mark
with its number behind it, and so is the mark itself; all other text is written as it is.
"""

from __future__ import annotations

import re
from functools import cache

import psycopg
from psycopg.adapt import AdaptersMap, Buffer, Dumper
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from psycopg.types.string import StrDumperUnknown, TextLoader

MARK = "\U0010fffd"
"""For private use, and the last of all characters: marked texts stand behind all others."""

_UNWRITABLE = re.compile("[\0\ud800-\udfff" + MARK + "]")
_WRITTEN = re.compile(MARK + "([0-9a-f]{6})")


def writable(text: str) -> str:
    r"""The text as PostgreSQL takes it.

    Example:
        >>> ascii(writable("a\0b"))
        "'a\\U0010fffd000000b'"
    """
    # Looking for it takes a hundredth of what the replacement takes, which hardly any text needs.
    if text.isascii():
        if "\0" not in text:
            return text
    elif MARK not in text and "\0" not in text and not _has_halves(text):
        return text
    return _UNWRITABLE.sub(lambda found: f"{MARK}{ord(found[0]):06x}", text)


def as_it_was(text: str) -> str:
    """What :func:`writable` was given."""
    if MARK not in text:
        return text
    return _WRITTEN.sub(lambda found: chr(int(found[1], 16)), text)


def _has_halves(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


class WritableTextDumper(StrDumperUnknown):
    """Text of a type that PostgreSQL finds out by itself."""

    def dump(self, obj: str) -> Buffer | None:
        """As :func:`writable`."""
        return writable(obj).encode()


class NameDumper(Dumper):
    """A name that is no Unicode, which comes as bytes: as text again, half characters and all."""

    def dump(self, obj: bytes) -> Buffer | None:
        """As :func:`writable`."""
        return writable(obj.decode("utf-8", "surrogatepass")).encode()


class WrittenTextLoader(TextLoader):
    """Text as it was before it was written."""

    def load(self, data: Buffer) -> str:
        """As :func:`as_it_was`."""
        return as_it_was(str(data, "utf-8"))


@cache
def adapters() -> AdaptersMap:
    """How our connections translate values."""
    made = AdaptersMap(psycopg.adapters)
    made.register_dumper(str, WritableTextDumper)
    made.register_dumper(bytes, NameDumper)
    # One type for all whole numbers, however small: else each size has a prepared statement.
    made.register_dumper(int, Int8Dumper)
    made.register_dumper(int, Int8BinaryDumper)
    made.register_loader("text", WrittenTextLoader)
    return made
