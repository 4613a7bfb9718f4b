"""Opens a sidecar, which anybody may have put there: bounded, and whatever it is."""

from __future__ import annotations

import json
import os
from io import BufferedReader
from pathlib import Path

from stablequeue_core.models.files.safe_files import NoRegularFile, open_regular

LARGEST_BYTES = 8 * 2**20
"""Real ones have some hundred KiB at most: a whole model object with all versions and images."""

_DIGITS_OF_A_COUNT = 20


class BrokenFile(Exception):
    """The file is not what its name says.

    Attributes:
        code: stable, for programs.
        reason: the rest of a sentence that begins with the file's name.
    """

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{code}: {reason}")


def read_bounded(path: Path) -> tuple[bytes, os.stat_result]:
    """A file's bytes, and what the system says of it.

    Raises:
        BrokenFile: it is no regular file, or too large to be a sidecar.
        OSError: it cannot be read.
    """
    try:
        opened = open_regular(path)
    except NoRegularFile:
        raise BrokenFile("sidecar_no_file", "is no regular file") from None
    with BufferedReader(opened) as file:
        seen = os.fstat(file.fileno())
        if seen.st_size <= LARGEST_BYTES:
            data = file.read(LARGEST_BYTES + 1)  # it may be growing
            if len(data) <= LARGEST_BYTES:
                return data, seen
    limit = LARGEST_BYTES // 2**20
    raise BrokenFile("sidecar_too_large", f"has more than {limit} MiB, too much for a description")


def json_object(data: bytes, *, exact: bool = False) -> dict[str, object]:
    """The JSON object in a file.

    Args:
        data: of the file; a byte order mark is no harm.
        exact: take numbers that no program can mean (NaN, thousands of digits) as they are, to
            write them back, instead of leaving them out.

    Raises:
        BrokenFile: there is none.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BrokenFile("sidecar_not_utf8", "is not UTF-8 text") from None
    try:
        if exact:
            value = json.loads(text)
        else:
            value = json.loads(text, parse_int=_count, parse_constant=lambda _: None)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BrokenFile("sidecar_broken", f"is not valid JSON ({where})") from None
    except RecursionError:
        raise BrokenFile("sidecar_broken", "is nested too deeply") from None
    except ValueError:
        raise BrokenFile("sidecar_broken", "holds a number that is too long") from None
    if not isinstance(value, dict):
        raise BrokenFile("sidecar_not_an_object", "is JSON, but no object")
    return value


def _count(digits: str) -> int | None:
    return int(digits) if len(digits) <= _DIGITS_OF_A_COUNT else None
