"""Reading requests: strict JSON, and query parameters, with every problem told at once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from stablequeue_core.errors import FieldProblem
from stablequeue_flask.errors import InvalidJson, InvalidRequest

_NUMBER = re.compile(r"[0-9]{1,18}")  # more digits do not fit the database's integers
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
Default = TypeVar("Default", int, None)

_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def json_object() -> dict[str, Any]:
    """The request's body, which must be a JSON object.

    Raises:
        UnsupportedMediaType: it is not declared as JSON.
        RequestEntityTooLarge: it is longer than we read.
        InvalidJson: it is something else.
    """
    if not request.is_json:
        raise UnsupportedMediaType("Send the body as JSON, with Content-Type: application/json.")
    data = _body()
    try:
        text = data.decode("utf-8-sig")  # Windows PowerShell sends a byte order mark
    except UnicodeDecodeError as error:
        raise InvalidJson(f"The body is not UTF-8: byte {error.start} is wrong.") from error
    if not text.strip():
        raise InvalidJson("The body is empty; send a JSON object.")
    try:
        body = _decode(text)
    except json.JSONDecodeError as error:
        raise InvalidJson(
            f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).",
            {"line": error.lineno, "column": error.colno},
        ) from error
    except RecursionError as error:
        raise InvalidJson("The body is nested too deeply.") from error
    except ValueError as error:  # a number of more digits than Python is willing to read
        raise InvalidJson("The body holds a number that is too long.") from error
    if not isinstance(body, dict):
        raise InvalidJson("The body must be a JSON object: { ... }.")
    if _SURROGATE.search(text):
        _refuse_half_characters(body)
    return body


def optional_json_object() -> dict[str, Any]:
    """The same, of a request that may also have no body at all; then an empty object."""
    return json_object() if _body().strip() else {}


def whole_number(value: object) -> int | None:
    """What a field of a body says where a number is meant, which may be text; None: it is none.

    Example:
        >>> whole_number(" 700201 "), whole_number("x"), whole_number(True)
        (700201, None, None)
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _body() -> bytes:
    """All of the body; also of one that comes in chunks, without a length told before."""
    longest = request.max_content_length
    try:
        data = request.get_data()
    except RequestEntityTooLarge:
        data = None
    # The application that we are mounted into may have read it before us, without our limit.
    if data is None or (longest is not None and len(data) > longest):
        raise RequestEntityTooLarge(f"The body is too large; at most {longest:,} bytes are read.")
    return data


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidJson(f"The body holds {name}, which JSON does not know: numbers must be finite.")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode


def _refuse_half_characters(body: object) -> None:
    r"""Let only escapes pass that come in pairs; ``"\ud800"`` alone is no text."""
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InvalidJson("The body holds half of a character (a lone surrogate).") from error


class QueryReader:
    """Takes known parameters out of a query, and collects what is wrong with them."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self._query = query
        self._problems: list[FieldProblem] = []

    def number(
        self, name: str, default: Default, *, least: int = 0, most: int | None = None
    ) -> int | Default:
        """A whole number from ``least`` to ``most``."""
        text = self._query.get(name)
        if text is None:
            return default
        number = int(text) if _NUMBER.fullmatch(text) else -1
        if number < least or (most is not None and number > most):
            reach = f"{least} or more" if most is None else f"from {least} to {most}"
            self._problems.append(FieldProblem(name, f"must be a whole number, {reach}."))
            return default
        return number

    def text(self, name: str, *, longest: int) -> str:
        """Any text without blanks around it; empty when it is not there."""
        text = self._query.get(name, "").strip()
        if len(text) > longest:
            self._problems.append(FieldProblem(name, f"may have {longest} characters at most."))
        return text

    def required(self, name: str, meaning: str, *, longest: int) -> str:
        """A text that must be there.

        Args:
            name: of the parameter.
            meaning: what it is, for who has left it out.
            longest: so many characters.
        """
        text = self.text(name, longest=longest)
        if not text:
            self._problems.append(FieldProblem(name, f"is required: {meaning}"))
        return text

    def choice(self, name: str, choices: Mapping[str, Any], default: Any) -> Any:
        """The value that ``choices`` has for the parameter's text."""
        text = self._query.get(name)
        if text is None:
            return default
        if text not in choices:
            self._problems.append(FieldProblem(name, f"must be one of {', '.join(choices)}."))
        return choices.get(text, default)

    def flag(self, name: str) -> bool:
        """True or false; false when it is not there."""
        return bool(self.choice(name, _FLAGS, False))

    def check(self) -> None:
        """Call it after the last parameter was taken.

        Raises:
            InvalidRequest: lists every bad one.
        """
        if self._problems:
            raise InvalidRequest(self._problems)
