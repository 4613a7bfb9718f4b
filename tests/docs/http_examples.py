"""HTTP examples, as pages write them: a request in an ``http`` block, and its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from email.parser import Parser
from itertools import pairwise
from pathlib import Path
from typing import Any

from attrs import frozen
from tests.docs.pages import Block, blocks_of

ELLIPSIS = "…"
_STATUS = re.compile(r"\b([1-5][0-9][0-9])\b")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PICTURE = re.compile(r"[0-9a-f]{8}_[0-9]+_[0-9]{5}-[0-9]+\.png")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_MEASURED = frozenset({"fraction", "eta_seconds", "bytesPerSecond", "secondsLeft"})


@frozen
class Example:
    """A request and what it is answered with.

    Attributes:
        block: where the request stands.
        method, path, headers, body: the request; the path with its query.
        status: of the answer.
        answer: parsed JSON; None when the answer is no JSON.
        answer_headers: those that are printed when the answer is no JSON.
    """

    block: Block
    method: str
    path: str
    headers: Mapping[str, str]
    body: str | None
    status: int
    answer: Any
    answer_headers: Mapping[str, str]


def examples_of(page: Path) -> Iterator[Example]:
    """The examples of a page, in order."""
    blocks = blocks_of(page)
    for asked, said in pairwise(blocks):
        if asked.language == "http":
            assert said.language in ("json", "text"), f"{asked.place}: there is no answer to this"
            yield _example(asked, said)


def _example(asked: Block, said: Block) -> Example:
    head, _, body = asked.text.partition("\n\n")
    line, _, header_lines = head.partition("\n")
    method, path = line.split()
    is_json = said.language == "json"
    status = _STATUS.search(said.before if is_json else said.text)
    assert status, f"{said.place}: say with which status it is answered"
    return Example(
        block=asked,
        method=method,
        path=path,
        headers=_headers(header_lines),
        body=body.strip() or None,
        status=int(status[1]),
        answer=json.loads(said.text) if is_json else None,
        answer_headers={} if is_json else _headers(said.text.partition("\n")[2]),
    )


def _headers(lines: str) -> dict[str, str]:
    return dict(Parser().parsestr(lines.strip() + "\n\n").items())


class Comparison:
    """Compares answers with printed ones, and remembers which id stands for which.

    A printed id or picture name stands for the one that comes in its place, and for the same one
    from then on; a printed time for any time; ``…`` for anything, in an object for further fields,
    at the end of a list for further items.
    """

    def __init__(self) -> None:
        self._meant: dict[str, str] = {}

    def meant(self, text: str) -> str:
        """``text`` with the ids that are meant by the printed ones."""
        for printed, real in self._meant.items():
            text = text.replace(printed, real)
        return text

    def difference(self, printed: Any, real: Any, where: str = "answer") -> str | None:
        """What is different, None when the two fit."""
        names: dict[str, str] = {}
        difference = self._difference(printed, real, where, names)
        if difference is None:
            self._meant |= names
        return difference

    def _difference(self, printed: Any, real: Any, where: str, names: dict[str, str]) -> str | None:
        if printed == ELLIPSIS:
            return None
        if isinstance(printed, dict) and isinstance(real, dict):
            return self._in_object(printed, real, where, names)
        if isinstance(printed, list) and isinstance(real, list):
            return self._in_list(printed, real, where, names)
        if isinstance(printed, str) and isinstance(real, str):
            if self._same_text(printed, real, names):
                return None
        elif type(printed) is type(real) and printed == real:
            return None
        return f"{where} is {real!r}, not {printed!r}"

    def _in_object(
        self, printed: dict[str, Any], real: dict[str, Any], where: str, names: dict[str, str]
    ) -> str | None:
        wanted = [key for key in printed if key != ELLIPSIS]
        surplus = [] if ELLIPSIS in printed else [key for key in real if key not in printed]
        missing = [key for key in wanted if key not in real]
        if surplus or missing:
            return f"{where} has {surplus or 'nothing'} too much, and lacks {missing or 'nothing'}"
        for key in wanted:
            if key in _MEASURED and isinstance(printed[key], float) and real[key] is not None:
                continue
            difference = self._difference(printed[key], real[key], f"{where}.{key}", names)
            if difference:
                return difference
        return None

    def _in_list(
        self, printed: list[Any], real: list[Any], where: str, names: dict[str, str]
    ) -> str | None:
        if printed and printed[-1] == ELLIPSIS:
            printed, real = printed[:-1], real[: len(printed) - 1]
        if len(printed) != len(real):
            return f"{where} has {len(real)} items, not {len(printed)}"
        for index, (one, other) in enumerate(zip(printed, real, strict=True)):
            difference = self._difference(one, other, f"{where}[{index}]", names)
            if difference:
                return difference
        return None

    def _same_text(self, printed: str, real: str, names: dict[str, str]) -> bool:
        if _TIME.fullmatch(printed):
            return _TIME.fullmatch(real) is not None
        for shape in (_UUID, _PICTURE):
            if shape.fullmatch(printed) and shape.fullmatch(real):
                known = self._meant.get(printed) or names.setdefault(printed, real)
                return known == real
        parts = self.meant(printed).split(ELLIPSIS)
        return re.fullmatch(".*".join(map(re.escape, parts)), real) is not None
