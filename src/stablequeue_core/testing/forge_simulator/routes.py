"""Which routes there are, when, for whom; and what the small ones answer."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from enum import Enum, IntEnum
from typing import Any

from attrs import frozen

from stablequeue_core.testing.forge_simulator.exchange import Answer, Incoming, Refusal, json_answer
from stablequeue_core.testing.forge_simulator.faults import Fault, ScriptedFault

TXT2IMG_PATH = "/sdapi/v1/txt2img"


class Phase(IntEnum):
    """How far the server's start-up has come.

    Attributes:
        DOWN: no process; connections are refused.
        OPENING: the port is open, the pages are served; ``/sdapi`` and ``/internal`` are 404.
        PARTIAL: the API answers, but ``/loras`` is 404 and ``/embeddings`` is 500.
        READY: everything answers.
    """

    DOWN = 0
    OPENING = 1
    PARTIAL = 2
    READY = 3


class Part(Enum):
    """Which part of Forge brings a route."""

    PAGE = "page"  # the web UI itself
    INTERNAL = "internal"  # the web UI's own helpers
    API = "api"  # --api
    EXTENSION = "extension"  # the LoRA extension: there without --api too


@frozen(kw_only=True)
class ServerMode:
    """How the server was started.

    Attributes:
        api: False without ``--api``.
        webui: False with ``--nowebui``.
        api_auth: the user and password of ``--api-auth``.
    """

    api: bool = True
    webui: bool = True
    api_auth: tuple[str, str] | None = None

    def has(self, part: Part, phase: Phase) -> bool:
        """Whether routes of ``part`` exist in ``phase``."""
        if part is Part.PAGE:
            return self.webui
        if part is Part.INTERNAL:
            return self.webui and phase >= Phase.PARTIAL
        if part is Part.API:
            return self.api and phase >= Phase.PARTIAL
        return phase >= Phase.READY


@frozen(kw_only=True)
class Visit:
    """One request on its way through the server.

    Attributes:
        fault: the accident that was ordered for it.
        life: the process that it came to; it cannot outlive that.
        phase: how far that process had come.
    """

    incoming: Incoming
    fault: ScriptedFault | None
    life: int
    phase: Phase

    @property
    def runs_a_job(self) -> bool:
        """Whether faults inside a job are the job's own business."""
        return self.incoming.path == TXT2IMG_PATH

    def struck_by(self, fault: Fault) -> bool:
        """Whether this accident was ordered for it."""
        return self.fault is not None and self.fault.fault is fault


Handler = Callable[[Visit], Answer]


@frozen
class Route:
    """One path, its handlers by method, and the part of Forge that brings it."""

    part: Part
    handlers: Mapping[str, Handler]


class Router:
    """Finds the handler for a request, or refuses it as FastAPI does."""

    def __init__(self, mode: ServerMode, routes: Mapping[str, Route]) -> None:
        self._mode = mode
        self._routes = routes

    def dispatch(self, visit: Visit) -> Answer:
        """Answer the request.

        Raises:
            Refusal: no such route, wrong method, or not allowed in.
            JobError: Forge would raise a Python exception.
        """
        incoming, phase = visit.incoming, visit.phase
        route = self._route(incoming.path, phase)
        if route is None:
            shorter = incoming.path.rstrip("/")
            if shorter != incoming.path and self._route(shorter, phase) is not None:
                host = incoming.headers.get("host", "127.0.0.1:7860")
                return Answer(
                    status=307,
                    content_type=None,
                    extra_headers={"location": f"http://{host}{shorter}"},
                )
            raise Refusal(404, "Not Found")
        handler = route.handlers.get(incoming.method)
        if handler is None:
            allowed = {"allow": ", ".join(route.handlers)}
            raise Refusal(405, "Method Not Allowed", allowed)
        if route.part is Part.API:
            self._let_in(incoming.headers.get("authorization", ""))
        return handler(visit)

    def _route(self, path: str, phase: Phase) -> Route | None:
        route = self._routes.get(path)
        return route if route is not None and self._mode.has(route.part, phase) else None

    def _let_in(self, authorization: str) -> None:
        if self._mode.api_auth is None:
            return
        challenge = {"www-authenticate": "Basic"}
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() != "basic":
            raise Refusal(401, "Not authenticated", challenge)
        try:
            given = base64.b64decode(credentials, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Refusal(401, "Invalid authentication credentials", challenge) from None
        if tuple(given.split(":", 1)) != self._mode.api_auth:
            raise Refusal(401, "Incorrect username or password", challenge)


def fixed(value: Any) -> Handler:
    """A handler that always answers ``value``."""
    answer = json_answer(value)
    return lambda visit: answer


def shown(make: Callable[[], Any]) -> Handler:
    """A handler that answers what ``make`` returns."""
    return lambda visit: json_answer(make())
