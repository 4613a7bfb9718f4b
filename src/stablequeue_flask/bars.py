"""Progress of several jobs in a terminal: one line each, redrawn in place where that works."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping

import click
from attrs import frozen

BAR_WIDTH = 24
_BLOCKS = "█░"
_ASCII = "#."


@frozen
class Line:
    """How far one job is.

    Attributes:
        fraction: from 0.0 to 1.0.
        note: a word or two about what is going on.
        detail: what changes all the time; shown on a terminal only.
    """

    fraction: float
    note: str
    detail: str = ""


class Bars:
    """Shows labelled lines; draw them as often as you like.

    On a terminal they are redrawn in place. Elsewhere (a file, a pipe, the log of a build) a line
    is written only when its note has changed.
    """

    def __init__(self) -> None:
        self._in_place = sys.stdout.isatty()
        self._marks = _BLOCKS if _can_write(_BLOCKS) else _ASCII
        self._drawn = 0
        self._notes: dict[str, str] = {}

    def draw(self, lines: Mapping[str, Line]) -> None:
        """Show the lines, by label."""
        if self._in_place:
            self._redraw(lines)
            return
        for label, line in lines.items():
            if self._notes.get(label) != line.note:
                self._notes[label] = line.note
                click.echo(f"{label}: {line.note}")

    def _redraw(self, lines: Mapping[str, Line]) -> None:
        # A line that wraps would make the count of lines to go up wrong.
        room = shutil.get_terminal_size().columns - 1
        widest = max(map(len, lines), default=0)
        rows = [
            f"{label:<{widest}}  {bar(line.fraction, self._marks)}"
            f" {line.fraction:>4.0%}  {line.note}{line.detail and f' {line.detail}'}"
            for label, line in lines.items()
        ]
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        click.echo(up + "".join(f"\r{row[:room]}\x1b[K\n" for row in rows), nl=False)
        self._drawn = len(rows)


def bar(fraction: float, marks: str = _BLOCKS) -> str:
    """A bar that is filled as far as ``fraction`` says.

    Example:
        >>> bar(0.25, "#.")
        '######..................'
    """
    filled = round(min(max(fraction, 0.0), 1.0) * BAR_WIDTH)
    return marks[0] * filled + marks[1] * (BAR_WIDTH - filled)


def _can_write(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
