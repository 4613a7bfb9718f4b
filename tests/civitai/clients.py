"""Clients in one process that never make anybody wait: of simulated Civitai, and of anybody."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from attrs import field, frozen

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.settings import Settings
from stablequeue_core.testing.civitai_simulator import (
    GOOD_KEY,
    CivitaiSimulator,
    SimulatedCivitai,
)
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.transport import Abort, Request, Response, StreamedResponse, Transport


@frozen(kw_only=True)
class Visitor:
    """A client and the Civitai that it asks."""

    client: CivitaiClient
    civitai: SimulatedCivitai
    clock: FakeClock

    @property
    def asked(self) -> list[str]:
        """What was asked for, in order: method, host and path."""
        return [
            f"{request.method} {request.host}{request.path}" for request in self.civitai.requests
        ]


def visitor(
    *, key: str | None = GOOD_KEY, elsewhere: Transport | None = None, **settings: Any
) -> Visitor:
    """A client with a key that asks the samples' Civitai; anything else is a setting."""
    clock = FakeClock()
    civitai = SimulatedCivitai.with_sample_models(clock=clock)
    transport = CivitaiSimulator(civitai, elsewhere=elsewhere)
    return Visitor(client=_client(transport, clock, key, settings), civitai=civitai, clock=clock)


Answering = Callable[[Request], Response | Exception]


@frozen
class Anybody(Transport):
    """Answers at every address as a function tells it to, and remembers who asked."""

    answering: Answering
    requests: list[Request] = field(factory=list)

    def _send(self, request: Request, abort: Abort) -> StreamedResponse:
        self.requests.append(request)
        answer = self.answering(request)
        if isinstance(answer, Exception):
            raise answer
        return _Whole(answer)

    def close(self) -> None:
        """There is nothing to close."""

    @property
    def urls(self) -> list[str]:
        """What was asked for, in order."""
        return [request.url for request in self.requests]

    @property
    def keys(self) -> list[str | None]:
        """Which key each request showed."""
        return [request.headers.get("Authorization") for request in self.requests]


class _Whole(StreamedResponse):
    def __init__(self, response: Response) -> None:
        self.status, self.headers, self._body = response.status, response.headers, response.body

    def chunks(self) -> Iterator[bytes]:
        yield self._body

    def close(self) -> None:
        """There is no connection."""


def client_of(
    answering: Answering, *, key: str | None = GOOD_KEY, **settings: Any
) -> tuple[CivitaiClient, Anybody]:
    """A client, and whom it asks."""
    anybody = Anybody(answering)
    return _client(anybody, FakeClock(), key, settings), anybody


def in_json(value: Any, status: int = 200, **headers: str) -> Response:
    """An answer of an API."""
    told = {"content-type": "application/json"} | {
        name.replace("_", "-"): text for name, text in headers.items()
    }
    return Response(status=status, headers=told, body=json.dumps(value).encode())


def redirect(to: str, status: int = 307) -> Response:
    """Somewhere else."""
    return Response(status=status, headers={"location": to})


def page(status: int = 200) -> Response:
    """Something for people."""
    body = b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>"
    return Response(status=status, headers={"content-type": "text/html"}, body=body)


def _client(
    transport: Transport, clock: FakeClock, key: str | None, settings: dict[str, Any]
) -> CivitaiClient:
    usual: dict[str, Any] = {"civitai_api_key": key, "answer_timeout": 0.5}
    return CivitaiClient(transport, Settings(**usual | settings), clock=clock)
