"""What JSON, UTF-8, a database or a picture's text chunk cannot carry, wherever it hides."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from stablequeue_core.errors import FieldProblem

MAX_DEPTH = 32
MAX_PROBLEMS = 100
"""So many are told; whoever sends more knows enough."""

_LARGEST = 2**64

_Path = tuple[Any, ...]
"""``(path of the parent, key or index)``, so that a path is spelled only where it is told."""


def unfit_for_json(fields: Mapping[Any, Any], whole: str) -> list[FieldProblem]:
    """Everything in ``fields`` that is no plain, finite, storable JSON.

    Args:
        fields: a JSON object, at any depth.
        whole: what to call the object itself.

    Example:
        >>> [p.path for p in unfit_for_json({"a": [1, float("nan")]}, "params")]
        ['a[1]']
    """
    finder = _Finder(whole)
    finder.look_into(fields, (), 0)
    return finder.problems


class _Finder:
    def __init__(self, whole: str) -> None:
        self._whole = whole
        self.problems: list[FieldProblem] = []

    def look_into(self, container: Mapping[Any, Any] | list[Any], path: _Path, depth: int) -> None:
        if depth >= MAX_DEPTH:
            self._problem(path, f"is nested deeper than {MAX_DEPTH} levels.")
            return
        pairs: Iterable[tuple[Any, Any]]
        is_list = isinstance(container, list)
        pairs = enumerate(container) if isinstance(container, list) else container.items()
        for key, item in pairs:
            if len(self.problems) >= MAX_PROBLEMS:
                return
            if not (is_list or self._is_key(path, key)):
                continue
            if isinstance(item, str):
                if not _is_plain(item):
                    self._check_text((path, key), item)
            elif item is None or item is True or item is False:
                continue
            elif isinstance(item, int | float):
                self._check_number((path, key), item)
            elif isinstance(item, Mapping | list):
                self.look_into(item, (path, key), depth + 1)
            else:
                self._problem((path, key), f"must be plain JSON, not {type(item).__name__}.")

    def _is_key(self, path: _Path, key: object) -> bool:
        if not isinstance(key, str):
            self._problem(path, "must have text as keys.")
            return False
        if not _is_plain(key):
            self._check_text(path, key)
        return True

    def _check_number(self, path: _Path, value: float) -> None:
        whole = isinstance(value, int)
        if whole and abs(value) >= _LARGEST:
            self._problem(path, "is a number with too many digits.")
        elif not whole and not math.isfinite(value):
            self._problem(path, "must be a finite number.")

    def _check_text(self, path: _Path, text: str) -> None:
        if "\0" in text:
            self._problem(path, "contains a NUL character.")
        try:
            text.encode()
        except UnicodeEncodeError:
            self._problem(path, "contains half of a character (a lone surrogate).")

    def _problem(self, path: _Path, message: str) -> None:
        self.problems.append(FieldProblem(self._spelled(path), message))

    def _spelled(self, path: _Path) -> str:
        parts: list[str] = []
        while path:
            path, key = path
            parts.append(f"[{key}]" if isinstance(key, int) else f".{key}")
        text = "".join(reversed(parts)).removeprefix(".") or self._whole
        return text.encode("utf-8", "backslashreplace").decode()


def _is_plain(text: str) -> bool:
    """Whether there is nothing to look for in a text: most are like that."""
    return text.isascii() and "\0" not in text
