"""What goes in and out of a simulated server: one request, one answer, and how it is delivered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import formatdate
from enum import Enum
from typing import Any

from attrs import evolve, field, frozen

from stablequeue_core.testing.simulated_http import Fate, Outgoing, content_of
from stablequeue_core.testing.simulated_http import Incoming as Incoming

_DRIP_PIECES = 8


class Delivery(Enum):
    """What becomes of an answer on its way to the client."""

    WHOLE = "whole"
    CUT_OFF = "cut off"  # half of the body, then the connection breaks
    LOST = "lost"  # the connection breaks before the first byte
    REFUSED = "refused"  # no connection was made at all
    DRIPPED = "dripped"  # in small pieces, with a pause before each


_FATES = {
    Delivery.CUT_OFF: Fate.RESET,
    Delivery.LOST: Fate.LOST,
    Delivery.REFUSED: Fate.REFUSED,
}


@frozen(kw_only=True)
class Answer:
    """One HTTP answer.

    Attributes:
        content_type: None leaves the header out.
        pause: seconds before each piece of a dripped answer.
    """

    status: int = 200
    body: bytes = field(default=b"", repr=lambda body: f"<{len(body)} bytes>")
    content_type: str | None = "application/json"
    extra_headers: Mapping[str, str] = field(factory=dict)
    delivery: Delivery = Delivery.WHOLE
    pause: float = 0.0

    def headers(self) -> dict[str, str]:
        """Every header, in the order in which uvicorn sends them; names in lower case."""
        headers = {"date": formatdate(usegmt=True), "server": "uvicorn", **self.extra_headers}
        headers["content-length"] = str(len(self.body))
        if self.content_type is not None:
            headers["content-type"] = self.content_type
        return headers

    def outgoing(self) -> Outgoing:
        """The answer as it goes over the wire."""
        size = len(self.body)
        return Outgoing(
            status=self.status,
            headers=self.headers(),
            content=content_of(self.body),
            fate=_FATES.get(self.delivery, Fate.KEPT),
            stop_after=size // 2 if self.delivery is Delivery.CUT_OFF else None,
            piece=max(1, size // _DRIP_PIECES) if self.delivery is Delivery.DRIPPED else None,
            pause=self.pause,
        )

    def delivered(self, delivery: Delivery, pause: float = 0.0) -> Answer:
        """The same answer, delivered in another way."""
        return evolve(self, delivery=delivery, pause=pause)


LOST = Answer(delivery=Delivery.LOST)


class Refusal(Exception):
    """Forge says no in its own words: ``{"detail": ...}``."""

    def __init__(
        self, status: int, detail: Any, extra_headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.extra_headers = extra_headers or {}


class JobError(Exception):
    """A Python exception inside Forge; it answers 500 with the exception's class and message."""

    def __init__(self, error: str, message: str, body: Any = "") -> None:
        super().__init__(f"{error}: {message}")
        self.error = error
        self.message = message
        self.body = body


def json_answer(
    value: Any, status: int = 200, extra_headers: Mapping[str, str] | None = None
) -> Answer:
    """``value`` as compact JSON, as FastAPI writes it."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status=status, body=body, extra_headers=extra_headers or {})


def refusal_answer(refusal: Refusal) -> Answer:
    """The answer for a Refusal."""
    return json_answer({"detail": refusal.detail}, refusal.status, refusal.extra_headers)


def error_answer(error: JobError) -> Answer:
    """The answer for a Python exception inside Forge."""
    return json_answer(
        {"error": error.error, "detail": "", "body": error.body, "message": error.message}, 500
    )
