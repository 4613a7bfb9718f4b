"""Text for terminals, made of things that strangers have named."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from unicodedata import category, east_asian_width

import click

INDENT = 16
"""Where facts begin, behind what they are called."""

WIDEST = 100
"""Longer lines are hard to read, however wide the terminal is."""

NARROWEST = 40
"""Where there is less room, the terminal breaks the lines."""

_LEAST_COLUMN = 8

Fact = tuple[str, str | None]
"""What it is called, and what is known; None or nothing where nobody knows."""


def say(text: str, *, err: bool = False) -> None:
    """Print lines, with ``?`` for what this terminal has no character for.

    Args:
        text: the lines.
        err: whether they are about the output, and no part of it.
    """
    encoding = (sys.stderr if err else sys.stdout).encoding or "ascii"
    click.echo(text.encode(encoding, "replace").decode(encoding), err=err)


def room(unknown: int = 80) -> int:
    """How many columns a line may take; ``unknown`` where the output is no terminal."""
    columns = shutil.get_terminal_size((unknown, 24)).columns
    # Some terminals begin a new line when the last column is filled.
    return min(max(columns - 1, NARROWEST), WIDEST)


def wrapped(text: str, width: int) -> list[str]:
    """The text on lines of this width; ids, paths and addresses stay in one piece.

    Example:
        >>> wrapped("It waits for 88615c9d-71ec.", 16)
        ['It waits for', '88615c9d-71ec.']
    """
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def printable(text: str) -> str:
    r"""The text on one line, without anything that a terminal obeys.

    File names may hold line ends and escape sequences, and halves of characters that no terminal
    can show.

    Example:
        >>> printable("a\x1b[2Jb\n")
        'a�[2Jb�'
    """
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def table(
    rows: Sequence[Sequence[str]],
    *,
    within: int | None = None,
    cut: Sequence[int] = (),
    cut_first: Sequence[int] = (),
    keep_ends: Sequence[int] = (),
) -> str:
    """The rows below each other, columns aligned; the first row is the head.

    Characters count as wide as terminals draw them: those of Chinese and Japanese take two places.

    Args:
        rows: all of the same length.
        within: so many places there are for a line; None: as many as it needs.
        cut: the columns whose texts are shortened for that, the widest first.
        cut_first: those that are shortened before, as far as that goes.
        keep_ends: those of them whose texts lose their beginnings.

    Example:
        >>> print(table([["name", "size"], ["x", "7 GB"]]))
        name  size
        x     7 GB
    """
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    if within is not None:
        _narrow(widths, within, cut_first)
        _narrow(widths, within, cut)
    ends = [column in keep_ends for column in range(len(widths))]
    return "\n".join("  ".join(map(_filled, row, widths, ends)).rstrip() for row in rows)


def fact_lines(facts: Iterable[Fact], *, within: int | None = None) -> Iterator[str]:
    r"""The facts that are known; those of several lines go on below their own beginning.

    Args:
        facts: in this order.
        within: longer lines are wrapped; None: no line is.

    Example:
        >>> list(fact_lines([("Name", "Ink"), ("Notes", None), ("Tags", "wet\nsoft")]))
        ['Name:           Ink', 'Tags:           wet', '                soft']
    """
    for name, known in facts:
        lines = [printable(line) for line in (known or "").splitlines()]
        if within is not None:
            lines = [part for line in lines for part in wrapped(line, within - INDENT) or [""]]
        for place, line in enumerate(lines):
            yield f"{'' if place else name + ':':<{INDENT}}{line}".rstrip()


def _narrow(widths: list[int], within: int, cut: Sequence[int]) -> None:
    """Take from the widest of these columns, place by place, until a line fits."""
    over = sum(widths) + 2 * (len(widths) - 1) - within
    for _ in range(over if cut else 0):
        widest = max(cut, key=widths.__getitem__)
        if widths[widest] <= _LEAST_COLUMN:
            return
        widths[widest] -= 1


def _filled(text: str, width: int, keeps_end: bool) -> str:
    text = _shortened(text[::-1], width)[::-1] if keeps_end else _shortened(text, width)
    return text + " " * (width - _width(text))


def _shortened(text: str, width: int) -> str:
    """The text, or as much of it as fits and a sign that there is more."""
    if _width(text) <= width:
        return text
    while _width(text) >= width:
        text = text[:-1]
    return text + "\N{HORIZONTAL ELLIPSIS}"


def _width(text: str) -> int:
    """How many places a terminal needs for it; marks stand on the character before them."""
    return sum(
        0 if category(char) in ("Mn", "Me") else 2 if east_asian_width(char) in "WF" else 1
        for char in text
    )
