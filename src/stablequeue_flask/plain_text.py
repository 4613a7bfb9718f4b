"""Text for terminals, made of things that strangers have named."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from unicodedata import category, east_asian_width

import click

INDENT = 16
"""Where facts begin, behind what they are called."""

Fact = tuple[str, str | None]
"""What it is called, and what is known; None or nothing where nobody knows."""


def say(text: str) -> None:
    """Print lines, with ``?`` for what this terminal has no character for."""
    encoding = sys.stdout.encoding or "ascii"
    click.echo(text.encode(encoding, "replace").decode(encoding))


def printable(text: str) -> str:
    r"""The text on one line, without anything that a terminal obeys.

    File names may hold line ends and escape sequences, and halves of characters that no terminal
    can show.

    Example:
        >>> printable("a\x1b[2Jb\n")
        'a�[2Jb�'
    """
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def table(rows: Sequence[Sequence[str]]) -> str:
    """The rows below each other, columns aligned; the first row is the head.

    Characters count as wide as terminals draw them: those of Chinese and Japanese take two places.

    Example:
        >>> print(table([["name", "size"], ["x", "7 GB"]]))
        name  size
        x     7 GB
    """
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(_filled, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def fact_lines(facts: Iterable[Fact]) -> Iterator[str]:
    r"""The facts that are known; those of several lines go on below their own beginning.

    Example:
        >>> list(fact_lines([("Name", "Ink"), ("Notes", None), ("Tags", "wet\nsoft")]))
        ['Name:           Ink', 'Tags:           wet', '                soft']
    """
    for name, known in facts:
        lines = [printable(line) for line in (known or "").splitlines()]
        for place, line in enumerate(lines):
            yield f"{'' if place else name + ':':<{INDENT}}{line}".rstrip()


def _filled(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """How many places a terminal needs for it; marks stand on the character before them."""
    return sum(
        0 if category(char) in ("Mn", "Me") else 2 if east_asian_width(char) in "WF" else 1
        for char in text
    )
