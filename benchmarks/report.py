"""A figure, and the table of them."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

_HEAD = ("figure", "ours", "floor", "ratio", "reach", "met")


@frozen(kw_only=True)
class Figure:
    """One line of the table.

    Attributes:
        name: what was measured.
        unit: of ``ours`` and ``floor``.
        ours: our figure.
        floor: the figure of the least that does the same; None if there is no such thing.
        ratio: ours divided by the floor, pair by pair; None without a floor.
        reach: what we want, in words.
        met: whether it is so.
    """

    name: str
    unit: str
    ours: float
    floor: float | None = None
    ratio: float | None = None
    reach: str
    met: bool


def table(figures: Sequence[Figure]) -> str:
    """The figures, aligned."""
    cells = [_HEAD, *map(_cells, figures)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    head, *lines = (_line(line, widths) for line in cells)
    return "\n".join((head, "  ".join("-" * width for width in widths), *lines))


def _cells(figure: Figure) -> tuple[str, ...]:
    return (
        figure.name,
        f"{_number(figure.ours)} {figure.unit}",
        "–" if figure.floor is None else f"{_number(figure.floor)} {figure.unit}",
        "–" if figure.ratio is None else f"{figure.ratio:.2f}",
        figure.reach,
        "yes" if figure.met else "no",
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    numbers = {1, 2, 3}
    aligned = [
        cell.rjust(width) if place in numbers else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(aligned).rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
