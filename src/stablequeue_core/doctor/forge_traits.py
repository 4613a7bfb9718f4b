"""How a Forge was started, as far as it shows without being changed.

Nothing here asks for what may hold secrets: ``/sdapi/v1/cmd-flags`` and ``/internal/sysinfo`` print
the password of ``--gradio-auth``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from attrs import frozen

from stablequeue_core.clock import Clock
from stablequeue_core.errors import TransportError
from stablequeue_core.servers import Server
from stablequeue_core.transport import Request, Timeouts, Transport

LORAS = "/sdapi/v1/loras"
OPTIONS = "/sdapi/v1/options"
PING = "/internal/ping"
STOP = "/sdapi/v1/server-stop"

HALF_A_SECOND = 0.5
"""A Date header has no fractions: on average the time is so much later."""


@frozen(kw_only=True)
class ForgeTraits:
    """What a Forge shows of how it was started; None: it does not show.

    Attributes:
        ahead: how many seconds its clock is ahead of this computer's.
        shows_loras: whether its list of LoRAs is shown to those who have no password.
        can_be_stopped: whether whoever may use its API may also stop it (``--api-server-stop``).
        tells_tasks: whether it can tell where a task is; with ``--nowebui`` it cannot.
        tells_options: whether it can show its options; one of a wrong type makes that impossible.
    """

    ahead: float | None = None
    shows_loras: bool | None = None
    can_be_stopped: bool | None = None
    tells_tasks: bool | None = None
    tells_options: bool | None = None


def traits_of(
    server: Server, transport: Transport, timeouts: Timeouts, clock: Clock
) -> ForgeTraits:
    """Ask for a few routes, and look at the status of each answer; their bodies are not read."""
    ahead: float | None = None
    is_silent = False

    def status(path: str, *, auth: bool) -> int | None:
        nonlocal ahead, is_silent
        if is_silent:  # Who does not answer once is not waited for again.
            return None
        url, login = server.api_url.rstrip("/") + path, server.auth if auth else None
        request = Request(method="GET", url=url, auth=login, timeouts=timeouts)
        sent = clock.now()
        try:
            with transport.stream(request) as answer:
                if ahead is None:
                    ahead = _ahead(answer.headers.get("date", ""), sent, clock.now())
                return answer.status
        except TransportError:
            is_silent = True
            return None

    loras, stop = status(LORAS, auth=False), status(STOP, auth=True)
    ping, options = status(PING, auth=False), status(OPTIONS, auth=True)
    return ForgeTraits(
        ahead=ahead,
        shows_loras=None if loras is None else loras == 200,
        # It only takes POST, which would stop it: a route that is there refuses GET.
        can_be_stopped=None if stop is None else stop == 405,
        tells_tasks=None if ping is None else ping != 404,
        tells_options=None if options is None else options != 500,
    )


def _ahead(date: str, sent: datetime, received: datetime) -> float | None:
    try:
        told = parsedate_to_datetime(date)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    told = told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    return (told - (sent + (received - sent) / 2)).total_seconds() + HALF_A_SECOND
