"""The form in which clients ask for a model file, put into the core's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from attrs import field, frozen

from stablequeue_core.civitai.choosing import KIND_OF_TYPE
from stablequeue_core.civitai.links import parse_link
from stablequeue_core.downloads.names import checked_stem, checked_subfolder
from stablequeue_core.errors import FieldProblem, InvalidCivitaiLink, InvalidDownload
from stablequeue_core.jobs import priority_problem
from stablequeue_core.models import ModelKind
from stablequeue_flask.reading import whole_number

VERSION, LINK = "civitaiModelVersionId", "link"

_KINDS: Mapping[str, ModelKind] = {**KIND_OF_TYPE, **{kind.value: kind for kind in ModelKind}}
"""What a client may call a kind, in lower case: as we do, or as Civitai does."""

Value = TypeVar("Value")


@frozen(kw_only=True)
class DownloadForm:
    """What a client wants.

    Attributes:
        link: the number of a version, or text that names a model or a version.
        fields: the rest, as :meth:`Civitai.download` takes it; only what was given.
        said: core name → how the client called it.
    """

    link: int | str
    fields: Mapping[str, Any]
    said: Mapping[str, str] = field(factory=dict)

    def in_the_clients_words(self, error: InvalidDownload) -> InvalidDownload:
        """The same error, with the names that the client used."""
        return InvalidDownload(
            [FieldProblem(self.said.get(p.path, p.path), p.message) for p in error.problems]
        )


def read_download(body: Mapping[str, Any]) -> DownloadForm:
    """Put ``body`` into the core's words; nobody is asked.

    Raises:
        InvalidDownload: lists every bad field.

    Example:
        >>> read_download({"civitaiModelVersionId": "700201", "targetType": "LORA"}).link
        700201
    """
    reader = _Reader(body)
    link = reader.link()
    taken = {
        "kind": reader.take("targetType", _kind),
        "filename": reader.take("filenameOverride", _checked(_filename)),
        "subfolder": reader.take("subfolder", _checked(checked_subfolder)),
        "priority": reader.take("priority", _priority),
        "file_id": reader.take("fileId", _identifier),
    }
    if reader.problems or link is None:
        raise InvalidDownload(reader.problems)
    return DownloadForm(
        link=link,
        fields={name: value for name, value in taken.items() if value is not None},
        said={
            "link": VERSION if body.get(LINK) is None else LINK,
            "kind": "targetType",
            "filename": "filenameOverride",
            "file_id": "fileId",
        },
    )


class _Wrong(Exception):
    """The rest of a sentence that begins with the field's name."""


class _Reader:
    """Takes known fields out of a body, and collects what is wrong with them."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body
        self.problems: list[FieldProblem] = []

    def link(self) -> int | str | None:
        """What shall be fetched; it must be there, in one of two fields."""
        version, link = self._body.get(VERSION), self._body.get(LINK)
        if version is not None and link is not None:
            self.problems.append(
                FieldProblem(LINK, f"stands beside `{VERSION}`; give one of them.")
            )
            return None
        if version is None and link is None:
            self.problems.append(
                FieldProblem(
                    VERSION,
                    "is required: the number of a version at Civitai (or `link`: the address of a "
                    "page, or an AIR).",
                )
            )
            return None
        return self.take(VERSION, _version) if link is None else self.take(LINK, _link)

    def take(self, name: str, read: Callable[[Any], Value]) -> Value | None:
        """The field's value, as ``read`` understands it; None when it is not given, or null."""
        value = self._body.get(name)
        if value is None:
            return None
        try:
            return read(value)
        except _Wrong as wrong:
            self.problems.append(FieldProblem(name, str(wrong)))
        except InvalidDownload as error:
            self.problems += [FieldProblem(name, problem.message) for problem in error.problems]
        except InvalidCivitaiLink as error:
            self.problems.append(FieldProblem(name, error.message))
        return None


def _version(value: object) -> int:
    number = _identifier(value)
    parse_link(number)  # Civitai has no number above a limit
    return number


def _link(value: object) -> str:
    if not isinstance(value, str):
        raise _Wrong("must be text: the address of a page, or an AIR.")
    parse_link(value)
    return value


def _identifier(value: object) -> int:
    number = whole_number(value)
    if number is None or number < 1:
        raise _Wrong("must be a whole number above zero.")
    return number


def _kind(value: object) -> ModelKind:
    kind = _KINDS.get(value.strip().lower()) if isinstance(value, str) else None
    if kind is None:
        raise _Wrong(f"must be one of {', '.join(ModelKind)}.")
    return kind


def _checked(check: Callable[[str], str]) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str):
            raise _Wrong("must be text.")
        return check(value)

    return read


def _filename(text: str) -> str:
    checked_stem(text)
    return text


def _priority(value: Any) -> int:
    problem = priority_problem(value)
    if problem is not None:
        raise _Wrong(problem.message)
    return int(value)
