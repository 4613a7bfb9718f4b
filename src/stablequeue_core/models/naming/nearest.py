"""Which names are most like one that was not found: what a refusal suggests, and never sends."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence

MOST = 10
"""How many names may be called near."""

_LIKE = 0.4
_COMPARED = 24
_PIECES = 4
_SHORTEST_PIECE = 3


def nearest_first(
    wanted: str, names: Iterable[str], close: Sequence[str] | None = None
) -> list[str]:
    """All of ``names``, those most like ``wanted`` first.

    Args:
        wanted: what was looked for.
        names: all that there are.
        close: what :func:`near` has found of them, if it was asked before: that is the slow part.

    Example:
        >>> nearest_first("euler", ["DDIM", "Euler a", "Euler"])[:2]
        ['Euler', 'Euler a']
    """
    unique = sorted(dict.fromkeys(names))
    first = _near(wanted, unique) if close is None else close
    already = set(first)
    return [*first, *(name for name in unique if name not in already)]


def near(wanted: str, names: Iterable[str]) -> list[str]:
    """The names that are like ``wanted``, most like it first; ten at most.

    Example:
        >>> near("eulr", ["DDIM", "Euler a", "Euler"])
        ['Euler', 'Euler a']
    """
    return _near(wanted, sorted(dict.fromkeys(names)))


def _near(wanted: str, unique: Sequence[str]) -> list[str]:
    sought = wanted.casefold()
    folds = [name.casefold() for name in unique]
    # Of names that differ by case alone, one stands for all.
    by_fold = {folds[place]: unique[place] for place in _likely(sought, folds)}
    close = difflib.get_close_matches(sought, by_fold, n=MOST, cutoff=_LIKE)
    found = [by_fold[fold] for fold in close]
    return [wanted, *(name for name in found if name != wanted)] if wanted in unique else found


def _likely(sought: str, folds: Sequence[str]) -> Sequence[int]:
    """Where those are that have most pieces of ``sought`` in them.

    Whoever mistypes a name leaves most of its pieces whole. Comparing letter by letter, as difflib
    does, takes half a second for ten thousand names.
    """
    if len(folds) <= _COMPARED:
        return range(len(folds))
    length = max(_SHORTEST_PIECE, -(-len(sought) // _PIECES))
    pieces = [sought[start : start + length] for start in range(0, len(sought), length)]
    counts = Counter(place for piece in pieces for place, fold in enumerate(folds) if piece in fold)
    return [place for place, _ in counts.most_common(_COMPARED)]
