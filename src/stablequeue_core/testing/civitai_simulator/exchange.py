"""One request on its way through simulated Civitai, and one answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from attrs import evolve, field, frozen

from stablequeue_core.testing.simulated_http import (
    Content,
    Fate,
    Outgoing,
    Pause,
    content_of,
)

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
XML = "application/xml"
NO_CONTENT = content_of(b"")
NOT_STORED = {"Cache-Control": "no-store, max-age=0"}


class Place(Enum):
    """Which of Civitai's hosts is asked."""

    API = "api"
    SECOND = "second"
    STORAGE = "storage"
    CDN = "cdn"
    INTRANET = "intranet"  # a private address, at which the storage answers, too

    @property
    def is_api(self) -> bool:
        """Whether an API key belongs there."""
        return self in (Place.API, Place.SECOND)


@frozen(kw_only=True)
class Origins:
    """Where the hosts are: scheme, name and port, without a slash at the end."""

    api: str = "https://civitai.com"
    second: str = "https://civitai.red"
    storage: str = "https://storage.civitai-files.example"
    cdn: str = "https://image.civitai.com"
    intranet: str = "http://10.11.12.13"

    def place(self, url: str) -> Place | None:
        """Whose address this is; None: nobody's here."""
        origin = "/".join(url.split("/", 3)[:3]).lower()
        return next((place for place in Place if self.of(place).lower() == origin), None)

    def of(self, place: Place) -> str:
        """The origin of one host."""
        origin: str = getattr(self, place.value)
        return origin


@frozen(kw_only=True)
class Answer:
    """One HTTP answer, and how it goes out; see :class:`Outgoing` for the last four.

    Attributes:
        content_type: None leaves the header out.
        extra_headers: they win over the others.
        has_length: whether ``Content-Length`` is sent; without it the connection's end is the
            body's.
    """

    status: int = 200
    content: Content = field(default=NO_CONTENT, converter=content_of)
    content_type: str | None = JSON
    extra_headers: Mapping[str, str] = field(factory=dict)
    has_length: bool = True
    fate: Fate = Fate.KEPT
    stop_after: int | None = None
    piece: int | None = None
    pause: Pause = 0.0

    def outgoing(self) -> Outgoing:
        """The answer with all of its headers."""
        headers: dict[str, str] = {"Server": "cloudflare"}
        if self.content_type is not None:
            headers["Content-Type"] = self.content_type
        if self.has_length:
            headers["Content-Length"] = str(self.content.size)
        else:
            headers["Connection"] = "close"
        fate = Fate.CLOSED if self.fate is Fate.KEPT and not self.has_length else self.fate
        return Outgoing(
            status=self.status,
            headers=headers | dict(self.extra_headers),
            content=self.content,
            fate=fate,
            stop_after=self.stop_after,
            piece=self.piece,
            pause=self.pause,
        )

    def with_headers(self, headers: Mapping[str, str]) -> Answer:
        """The same answer with more headers."""
        return evolve(self, extra_headers={**self.extra_headers, **headers})


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """``value`` as JSON."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status=status, content=body, extra_headers=headers or {})


def html_answer(page: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A page for people."""
    return Answer(
        status=status, content=page.encode(), content_type=HTML, extra_headers=headers or {}
    )


def redirect(to: str) -> Answer:
    """Somewhere else, this time only."""
    headers = {"Location": to, **NOT_STORED}
    return Answer(status=307, content_type=None, extra_headers=headers)


def xml_refusal(status: int, code: str, message: str) -> Answer:
    """How a storage says no."""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>\n"
    )
    return Answer(status=status, content=text.encode(), content_type=XML)


class Refusal(Exception):
    """Civitai says no; the answer says how."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def error(status: int, text: str, **more: str) -> Refusal:
    """The usual form: ``{"error": "text"}``."""
    return Refusal(json_answer({"error": text, **more}, status))
