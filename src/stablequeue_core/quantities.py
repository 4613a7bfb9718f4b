"""Sizes, counts and times: in words for people, and within the reach of databases."""

from __future__ import annotations

from collections.abc import Sequence

_STEP = 1000
_MOST = 2**53


def size_text(size: float) -> str:
    """So many bytes, for people.

    Example:
        >>> size_text(7634221056), size_text(999)
        ('7.6 GB', '999 B')
    """
    units = ["B", "kB", "MB", "GB", "TB"]
    while size >= _STEP and len(units) > 1:
        size /= _STEP
        units.pop(0)
    return f"{size:.0f} {units[0]}" if units[0] == "B" else f"{size:.1f} {units[0]}"


def count_text(count: int, one: str, many: str | None = None) -> str:
    """So many of something.

    Example:
        >>> count_text(1, "job"), count_text(2000, "job")
        ('1 job', '2,000 jobs')
    """
    return f"1 {one}" if count == 1 else f"{count:,} {many or one + 's'}"


def few(names: Sequence[str], most: int) -> str:
    """The first of the names, and how many more there are.

    Example:
        >>> few(["A", "B"], 3), few(["A", "B", "C", "D", "E"], 3)
        ('A, B', 'A, B, C and 2 more')
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def seconds_text(seconds: float) -> str:
    """So long, in the unit that fits.

    Example:
        >>> seconds_text(8), seconds_text(200), seconds_text(90_000)
        ('8 s', '3 min', '25 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def countable(number: int) -> int:
    """The number, or the nearest that a list can be counted by: none are fewer than none.

    Example:
        >>> countable(-5), countable(50), countable(10**30) == countable(10**40)
        (0, 50, True)
    """
    return min(max(number, 0), _MOST)
