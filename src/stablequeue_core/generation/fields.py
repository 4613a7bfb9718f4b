"""Takes fields out of a dictionary, and collects what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from stablequeue_core.errors import FieldProblem
from stablequeue_core.generation.request import RANDOM_SEED

MAX_NAME_CHARS = 1024
MAX_SEED = 2**63 - 1

SIDES = (64, 4096)
"""Of a picture's first pass, in pixels."""

STEPS = (1, 150)
CFG_SCALES = (0, 30)
HIRES_SCALES = (1, 8)
FRACTIONS = (0, 1)
"""Strengths and parts of the steps."""

NOTHING = "None"
"""How the API spells the absence of an upscaler or a refiner."""

_Choice = TypeVar("_Choice", bound=StrEnum)

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")


class FieldReader:
    """Takes fields out of ``params``. A bad field is noted, and read as if it were absent.

    Attributes:
        params: the user's dictionary.
        take: gives a field as it is; None when it is absent.
        problems: what was wrong so far.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params
        self.take: Callable[[str], Any] = params.get
        self.problems: list[FieldProblem] = []

    def problem(self, path: str, message: str) -> None:
        """Note what is wrong with a field."""
        self.problems.append(FieldProblem(path, message))

    def prompt(self, key: str, longest: int) -> str:
        """A text of at most ``longest`` characters; absent is empty."""
        text = self.take(key)
        if text is None:
            return ""
        if not isinstance(text, str):
            self.problem(key, "must be text.")
            return ""
        if len(text) > longest:
            self.problem(key, f"has {len(text):,} characters; at most {longest:,} are allowed.")
        return text

    def name(self, key: str, *, none: tuple[str, ...] = ()) -> str | None:
        """The name of something that a server has; None for ``"None"``, blank or absent.

        Args:
            key: the field.
            none: what also says that nothing is named.
        """
        return self.checked_name(key, self.take(key), none)

    def checked_name(self, path: str, text: object, none: tuple[str, ...] = ()) -> str | None:
        """The same for a value that stands somewhere else."""
        if text is None:
            return None
        if not isinstance(text, str):
            self.problem(path, "must be text.")
            return None
        if len(text) > MAX_NAME_CHARS:
            self.problem(path, f"is longer than any file name ({MAX_NAME_CHARS:,} characters).")
            return None
        return None if not text.strip() or text == NOTHING or text in none else text

    def names(self, path: str, value: object) -> tuple[str, ...]:
        """A list of names; absent is empty."""
        if value is None:
            return ()
        if not isinstance(value, list):
            self.problem(path, "must be a list of names.")
            return ()
        checked = (self.checked_name(f"{path}[{i}]", name) for i, name in enumerate(value))
        return tuple(name for name in checked if name is not None)

    def integer(self, key: str, low: int, high: int, *, default: int) -> int:
        """A whole number from ``low`` to ``high``."""
        value = self.optional_integer(key, low, high)
        return default if value is None else value

    def optional_integer(self, key: str, low: int, high: int) -> int | None:
        """A whole number from ``low`` to ``high``; None when it is absent."""
        value = _whole(self.take(key))
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.problem(key, f"must be a whole number from {low} to {high}.")
            return None
        if not low <= value <= high:
            self.problem(key, f"is {_short(value)}; it must be from {low} to {high}.")
            return None
        return value

    def number(self, key: str, low: float, high: float, *, default: float) -> float:
        """A number from ``low`` to ``high``."""
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problem(key, f"must be a number from {low:g} to {high:g}.")
            return default
        if not low <= value <= high:
            self.problem(key, f"is {_short(value)}; it must be from {low:g} to {high:g}.")
            return default
        return float(value)

    def flag(self, key: str) -> bool:
        """True or false; absent is false."""
        value = self.take(key)
        if value is None:
            return False
        if not isinstance(value, bool):
            self.problem(key, "must be true or false.")
            return False
        return value

    def choice(self, key: str, default: _Choice) -> _Choice:
        """One of the words that the default is one of, in any case."""
        value = self.take(key)
        if value is None:
            return default
        words = {word.value: word for word in type(default)}
        word = words.get(value.strip().lower()) if isinstance(value, str) else None
        if word is None:
            self.problem(key, f"must be one of these: {', '.join(words)}.")
            return default
        return word

    def seed(self, key: str) -> int:
        """A seed as number or text; ``""``, null and absent are a random one."""
        value = _whole(self.take(key))
        if isinstance(value, str):
            text = value.strip()
            if not text:
                return RANDOM_SEED
            value = int(text) if _WHOLE_NUMBER.fullmatch(text) else text
        if value is None:
            return RANDOM_SEED
        if isinstance(value, bool) or not isinstance(value, int):
            self.problem(key, "must be a whole number, or empty for a random one.")
            return RANDOM_SEED
        if not RANDOM_SEED <= value <= MAX_SEED:
            self.problem(key, f"must be from 0 to {MAX_SEED}, or -1 for a random one.")
            return RANDOM_SEED
        return value


def fields_read_by(read: Callable[[FieldReader], object]) -> frozenset[str]:
    """The names of all fields that ``read`` asks for, present or not."""
    asked: set[str] = set()
    reader = FieldReader({})
    reader.take = asked.add
    read(reader)
    return frozenset(asked)


def _whole(value: Any) -> Any:
    """``20.0`` as ``20``: some languages have no other numbers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _short(value: float) -> str:
    """The value, unless it is too long to read."""
    return f"{value:g}" if abs(value) < 1e12 else "out of any range"
