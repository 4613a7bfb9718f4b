"""Which name was meant by one that is nearly it."""

from __future__ import annotations

from collections.abc import Collection

_SHORT = 5
"""Up to so many letters a name may have one slip; a longer one may have two."""


def meant(name: str, known: Collection[str]) -> str | None:
    """The known name of which ``name`` is plainly a misspelling; None: of none, or it is known.

    That is: in another case, with ``_`` or ``-`` more or fewer, or a slip or two of the fingers.

    Example:
        >>> fields = ("apiUrl", "not_before", "priority", "hold")
        >>> meant("api_url", fields), meant("priorty", fields), meant("hodl", fields)
        ('apiUrl', 'priority', 'hold')
        >>> meant("app_type", fields), meant("hold", fields)
        (None, None)
    """
    if name in known:
        return None
    written = _plain(name)
    slips = {each: _slips(written, _plain(each)) for each in known}
    found = [each for each, count in slips.items() if count <= (1 if len(each) <= _SHORT else 2)]
    return min(found, key=lambda each: slips[each], default=None)


def did_you_mean(name: str, known: Collection[str]) -> str | None:
    """The same as the rest of a sentence that begins with the name.

    Example:
        >>> did_you_mean("tagz", ["alias", "tags"])
        'is not known; did you mean tags?'
    """
    near = meant(name, known)
    return None if near is None else f"is not known; did you mean {near}?"


def _plain(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "")


def _slips(one: str, other: str) -> int:
    """How many letters were added, left out, replaced, or swapped with the next; 3 for all above.

    The distance of Damerau and Levenshtein, line by line.
    """
    if abs(len(one) - len(other)) > 2:
        return 3
    before: list[int] = []
    line = list(range(len(other) + 1))
    for i, letter in enumerate(one):
        last, before, line = before, line, [i + 1]
        for j, its in enumerate(other):
            cost = min(before[j + 1] + 1, line[j] + 1, before[j] + (letter != its))
            if i and j and letter == other[j - 1] and one[i - 1] == its:
                cost = min(cost, last[j - 1] + 1)
            line.append(cost)
    return min(line[-1], 3)
