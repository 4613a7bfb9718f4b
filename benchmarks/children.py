"""Processes of our own, asked in lines of JSON; each ends with its block, or when we die."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

_ROOT = Path(__file__).resolve().parent.parent
_LAST_WORDS = 15.0


class Child:
    """A module of this package in a Python of its own.

    Attributes:
        greeting: the first thing it said.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", *arguments],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        try:
            self.greeting = self._hear()
        except BaseException:
            self.end()
            raise

    def ask(self, question: object) -> Any:
        """Ask, and wait for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._hear()

    def end(self) -> None:
        """Nobody asks any more."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(_LAST_WORDS)
            except subprocess.TimeoutExpired:
                process.kill()

    def _hear(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The process of {self._module} died; see what it wrote above.")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.end()


def answer_questions(greeting: object, answer: Callable[[Any], object] | None = None) -> None:
    """The child's side: say ``greeting``, then answer until nobody asks any more."""
    _say(greeting)
    for line in sys.stdin:
        _say(answer(json.loads(line)) if answer else None)


def arguments(count: int) -> Sequence[str]:
    """What the child was started with."""
    given = sys.argv[1:]
    if len(given) != count:
        raise SystemExit(f"Wants {count} arguments.")
    return given


def _say(value: object) -> None:
    print(json.dumps(value), flush=True)
