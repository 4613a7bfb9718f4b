"""The grammar of an infotext: a prompt, a negative prompt, and one line of ``Key: value`` pairs.

As Forge reads and writes it (dfdcbab6, ``modules/infotext_utils.py``, ``modules/processing.py``).
Nothing here knows what a key means. Every text is read in time that grows with its length only.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress

NEGATIVE_PROMPT = "Negative prompt:"
FEWEST_PAIRS = 3
"""With fewer, the last line belongs to the prompt."""

# A key begins with the first letter or digit after whatever cannot stand in a key. To look behind
# for that, and to give nothing back (`++`), keeps a long text without a colon cheap.
PAIR = re.compile(
    r'(?<![\w \-/])[ \-/]*+(\w[\w \-/]++):\s*("(?:\\.|[^\\"])++"|[^,]*)(?:,|$)', re.DOTALL
)
_SIZE = re.compile(r"(\d+)x(\d+)")
_NEEDS_QUOTES = re.compile(r'[,\n:]|^"|^\s|\s$|^$')
_HEX = re.compile(r"[0-9a-fA-F]+")
_WHOLE = re.compile(r"([+-]?[0-9]{1,19})(?:\.0*)?")
_NUMBER = re.compile(
    r"[+-]?(?:[0-9]{1,20}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?"
)


def split(text: str) -> tuple[str, str, str]:
    r"""The positive prompt, the negative prompt, and the line of pairs; empty where there is none.

    Example:
        >>> split("a cat\nNegative prompt: blur\nSteps: 20, Sampler: Euler, Seed: 1")
        ('a cat', 'blur', 'Steps: 20, Sampler: Euler, Seed: 1')
    """
    *lines, last = text.strip().split("\n")
    if not holds_settings(last):
        lines.append(last)
        last = ""
    positive: list[str] = []
    negative: list[str] = []
    prompt = positive
    for line in map(str.strip, lines):
        words = line
        if line.startswith(NEGATIVE_PROMPT):
            prompt = negative
            words = line.removeprefix(NEGATIVE_PROMPT).strip()
        if words or prompt:
            prompt.append(words)
    return "\n".join(positive), "\n".join(negative), last


def holds_settings(line: str) -> bool:
    """Whether a last line is one of pairs, not one of a prompt."""
    pairs = PAIR.finditer(line)
    return all(next(pairs, None) for _ in range(FEWEST_PAIRS))


def settings_of(infotext: str) -> dict[str, str]:
    r"""The pairs of an infotext's last line, as text, exactly as Forge's own reader gives them.

    A size such as ``512x768`` becomes two pairs, ``Size-1`` and ``Size-2``; a value in quotes is a
    JSON string; a pair without a value is dropped; of two with the same key the later counts.

    Example:
        >>> settings_of("a cat\nSteps: 20, Sampler: Euler, Size: 512x768")["Size-2"]
        '768'
    """
    *_, line = split(infotext)
    return {
        key: value
        for found in PAIR.finditer(line)
        for key, value in settings_from(found[1], found[2])
    }


def settings_from(key: str, written: str) -> Iterator[tuple[str, str]]:
    """What one pair says: one setting, two if it is a size, none if it is empty."""
    value = unquoted(written)
    if size := _SIZE.fullmatch(value):
        yield f"{key}-1", size[1]
        yield f"{key}-2", size[2]
    elif written:
        yield key, value


def quoted(value: str) -> str:
    r"""A value as it is written: as a JSON string where it could be misread.

    Forge quotes what holds a comma, a colon or a new line. Blanks around a value, a quote at its
    start and an empty value would get lost as well, so they are quoted, too; every reader of the
    format understands that.

    Example:
        >>> print(quoted("Euler a"), quoted("a: 1, b: 2"))
        Euler a "a: 1, b: 2"
    """
    return json.dumps(value, ensure_ascii=False) if _NEEDS_QUOTES.search(value) else value


def unquoted(written: str) -> str:
    """The value that was written; quotes that are no JSON stay."""
    if written.startswith('"') and written.endswith('"'):
        with suppress(ValueError):
            return str(json.loads(written))
    return written


def named_hashes(value: str) -> tuple[tuple[str, str], ...]:
    """The names and hashes of ``Lora hashes`` or ``TI hashes``; one name may come twice.

    Example:
        >>> named_hashes("ink: b9c80b5adeca, metal shine: 96af3398de3f")
        (('ink', 'b9c80b5adeca'), ('metal shine', '96af3398de3f'))
    """
    found = []
    name_so_far: list[str] = []
    for part in value.split(","):
        before, colon, after = part.rpartition(":")
        digest = after.strip()
        if not (colon and _HEX.fullmatch(digest)):
            # A comma inside a name: older writers left it there.
            name_so_far.append(part)
            continue
        name = ",".join([*name_so_far, before]).strip()
        name_so_far.clear()
        if name:
            found.append((name, digest))
    return tuple(found)


def whole_number(text: str) -> int:
    """The number that a value says.

    Raises:
        ValueError: it says none.
    """
    found = _WHOLE.fullmatch(text.strip())
    if found is None:
        raise ValueError("no whole number")
    return int(found[1])


def number(text: str) -> float:
    """The finite number that a value says.

    Raises:
        ValueError: it says none.
    """
    value = float(text) if _NUMBER.fullmatch(text.strip()) else math.nan
    if not math.isfinite(value):
        raise ValueError("no number")
    return value
