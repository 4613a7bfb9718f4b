"""Carries requests to one Forge server, and tells what its silence, 404 or 401 means."""

from __future__ import annotations

import time
from typing import Any

from stablequeue_core.backends.forge.answers import unauthorized
from stablequeue_core.errors import (
    AnswerLost,
    ApiDisabled,
    BackendError,
    ConnectFailed,
    GarbledAnswer,
    ServerStarting,
    ServerUnreachable,
    TransportError,
    Unauthorized,
)
from stablequeue_core.servers import Server, ServerStatus
from stablequeue_core.settings import Settings
from stablequeue_core.transport import Abort, Request, Response, Timeouts, Transport

PROGRESS = "/sdapi/v1/progress?skip_current_image=true"
TASK_PROGRESS = "/internal/progress"

_NO_FORGE = object()


class ForgeClient:
    """Carries requests to one Forge server. Safe to use from several threads at once."""

    def __init__(self, server: Server, transport: Transport, settings: Settings) -> None:
        self._server = server
        self._base = server.api_url.rstrip("/")
        self._transport = transport
        self._settings = settings
        self._patience = Timeouts(connect=settings.connect_timeout, read=settings.answer_timeout)
        self._no_hurry = Timeouts(connect=settings.connect_timeout, read=None)
        self._not_found_since: float | None = None

    def get(self, path: str) -> Any:
        """The JSON at ``path``.

        Raises:
            ServerUnreachable: it cannot be asked now.
            GarbledAnswer: it is no Forge.
        """
        return self.read(self.send("GET", path))

    def get_or_none(self, path: str, absent: tuple[int, ...] = (404,)) -> Any:
        """The JSON at ``path``; None where the server answers one of the statuses ``absent``.

        Raises:
            ServerUnreachable: it cannot be asked now.
            GarbledAnswer: it is no Forge.
        """
        response = self.send("GET", path)
        return None if response.status in absent else self.read(response)

    def post(self, path: str, body: Any, *, patient: bool = False) -> Any:
        """The JSON that answers ``body``; ``patient`` waits for it for as long as it takes.

        Raises:
            ServerUnreachable: it cannot be asked now.
            GarbledAnswer: it is no Forge.
        """
        return self.read(self.send("POST", path, body, patient=patient))

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        patient: bool = False,
        abort: Abort | None = None,
    ) -> Response:
        """Ask for something that makes no picture; the answer is given as it came.

        Raises:
            ServerUnreachable: nobody answered.
            Unauthorized: it wants a password.
        """
        try:
            response = self._transport.send(
                Request(
                    method=method,
                    url=self._base + path,
                    json=body,
                    auth=self._server.auth,
                    timeouts=self._no_hurry if patient else self._patience,
                ),
                abort=abort,
            )
        except TransportError as error:
            raise self._unreachable(error) from error
        if response.status == 401:
            raise unauthorized(self._server.alias)
        return response

    def send_once(self, path: str, body: Any, abort: Abort) -> Response:
        """Ask for a picture, once, and wait for as long as it takes.

        The connection is a new one: an idle one may have been closed by the server (it does so
        after five seconds), and then nobody could tell whether the request had arrived.

        Raises:
            ServerUnreachable: nothing was sent.
            AnswerLost: it was sent; whatever broke after that, the server may be at work.
        """
        request = Request(
            method="POST",
            url=self._base + path,
            json=body,
            auth=self._server.auth,
            timeouts=self._no_hurry,
            fresh_connection=True,
        )
        try:
            response = self._transport.send(request, abort=abort)
        except ConnectFailed as error:
            raise self._unreachable(error) from error
        except TransportError as error:
            raise AnswerLost(
                f"The connection to server {self._server.alias!r} broke while it was at work; "
                "its answer is lost.",
                {"cause": error.code},
            ) from error
        if response.status == 404 and b"Not Found" in response.body[:100]:
            raise self._not_found()
        return response

    def read(self, response: Response) -> Any:
        """The JSON of an answer.

        Raises:
            ServerStarting: the route is not there yet.
            ApiDisabled: the route is not there, and will not come.
            GarbledAnswer: it is not what a Forge answers.
        """
        if response.status == 404:
            raise self._not_found()
        if response.status >= 500:
            # While it starts, some routes fail before they work.
            raise ServerStarting(
                f"Server {self._server.alias!r} answered {response.status}; it may be starting."
            )
        try:
            said = response.json() if response.status == 200 else _NO_FORGE
        except (ValueError, RecursionError):
            said = _NO_FORGE
        if said is _NO_FORGE:
            raise GarbledAnswer(
                f"What answers at the address of server {self._server.alias!r} is no Forge "
                f"(status {response.status}). Check its apiUrl."
            )
        self._not_found_since = None
        return said

    def _not_found(self) -> ServerUnreachable:
        """404 on the API: not registered yet, or switched off.

        While Forge starts, ``/internal`` is missing as well; without ``--api`` it is there.
        """
        now = time.monotonic()
        if self._not_found_since is None:
            self._not_found_since = now
        waited = now - self._not_found_since
        if self._api_is_off() or waited > self._settings.start_up_grace:
            return ApiDisabled(
                f"Server {self._server.alias!r} runs, but its API is off: start Forge with --api. "
                "If it does run with it, check the server's apiUrl."
            )
        return ServerStarting(f"Server {self._server.alias!r} is starting; its API is not up yet.")

    def _api_is_off(self) -> bool:
        """Only without ``--api`` does /internal answer while /sdapi does not.

        The first route of /sdapi to come is asked for: in the last seconds of its start a server
        has that one and /internal, but not yet every other.
        """
        if self.send("GET", PROGRESS).status != 404:
            return False
        body = {"id_task": "", "live_preview": False}
        return self.send("POST", TASK_PROGRESS, body).status == 200

    def _unreachable(self, error: TransportError) -> ServerUnreachable:
        # Whoever answers next may have been started anew.
        self._not_found_since = None
        return ServerUnreachable(
            f"Server {self._server.alias!r} cannot be reached: {error.message}",
            {"cause": error.code},
        )


def status_of(error: BackendError) -> ServerStatus:
    """How a server feels that answers (or does not) with ``error``."""
    if isinstance(error, Unauthorized):
        return ServerStatus.UNAUTHORIZED
    if isinstance(error, ApiDisabled):
        return ServerStatus.NO_API
    if isinstance(error, ServerStarting):
        return ServerStatus.STARTING
    return ServerStatus.OFFLINE
