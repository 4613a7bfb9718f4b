"""The key is shown to Civitai and to nobody else: in no repr, no log, no error, whatever fails."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator

import pytest
from tests.civitai.clients import client_of, in_json, page, redirect, visitor

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.errors import (
    CivitaiError,
    CivitaiNotFound,
    ConnectFailed,
    ConnectionLost,
    ReadTimedOut,
    TransferAborted,
)
from stablequeue_core.settings import Settings
from stablequeue_core.testing.civitai_simulator import (
    CivitaiServer,
    Fault,
    SimulatedCivitai,
)
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.transport import Abort, Response
from stablequeue_core.transport.requests_transport import RequestsTransport

KEY = "0123456789abcdef-the-key-that-nobody-may-see"

SLOW = (Fault.SILENCE, Fault.STALL, Fault.HUGE_JSON, Fault.GZIP_BOMB)

CALLS: list[Callable[[CivitaiClient], object]] = [
    lambda client: client.account(),
    lambda client: client.version(700201),
    lambda client: client.models([600101]),
    lambda client: client.ids_by_hash(["ab" * 32]),
    lambda client: client.image(51001),
    lambda client: client.search("x"),
    lambda client: client.locate(700201, None, abort=Abort()),
    lambda client: client.picture(
        "https://image.civitai.com/xG1n/0b6d/original=true/7.jpeg", largest=99
    ),
]


def what_is_shown(call: Callable[[CivitaiClient], object], client: CivitaiClient) -> str:
    """Everything that a call shows: its value, or its error with all of its causes."""
    shown = repr(client)
    try:
        value = call(client)
        shown += "" if isinstance(value, bytes) else repr(value)
    except (CivitaiError, CivitaiNotFound, TransferAborted) as error:
        shown += "".join(traceback.format_exception(error))
        cause: BaseException | None = error
        while cause is not None:
            shown += f"{cause!r} {getattr(cause, 'details', '')}"
            cause = cause.__cause__ or cause.__context__
    return shown


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    with caplog.at_level(logging.DEBUG):
        yield lambda: f"{caplog.text} {[record.__dict__ for record in caplog.records]}"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in SLOW])
def test_no_accident_shows_the_key(
    call: Callable[[CivitaiClient], object], fault: Fault, logged: Callable[[], str]
) -> None:
    to = visitor(key=KEY)
    to.civitai.faults.next("*", fault, times=None, to=f"https://evil.example/?{KEY}")
    assert KEY not in what_is_shown(call, to.client)
    assert KEY not in logged()
    assert to.civitai.leaks == []


ANSWERS: list[Response | Exception] = [
    *(
        in_json({"error": f"no: {KEY}", "message": [KEY]}, status)
        for status in (400, 401, 403, 404, 410, 429, 451, 500)
    ),
    in_json(
        {"error": {"name": KEY, "message": f'[{{"path": ["{KEY}"], "message": "{KEY}"}}]'}}, 400
    ),
    in_json({"error": KEY}, 503, retry_after=KEY),
    in_json({"error": f"{'x' * 180}{KEY}"}, 400),
    Response(status=200, headers={"content-type": KEY}, body=f"<{KEY}".encode()),
    Response(status=200, body=f"[{KEY}".encode()),
    Response(status=403, headers={"content-type": "text/plain"}, body=KEY.encode()),
    page(403),
    redirect(f"https://user:{KEY}@evil.example/"),
    redirect(f"https://evil.example/{KEY}?token={KEY}"),
    redirect(f"https://{KEY}/"),
    redirect(f"ftp://evil.example/{KEY}"),
    redirect(f"/login?{KEY}"),
    ConnectFailed("no way there"),
    ConnectionLost("it broke"),
    ReadTimedOut("nothing came"),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_no_server_that_repeats_the_key_makes_us_show_it(
    call: Callable[[CivitaiClient], object],
    answer: Response | Exception,
    logged: Callable[[], str],
) -> None:
    hosts = ("https://civitai.com/", "https://civitai.red/")
    client, anybody = client_of(lambda request: answer, key=KEY)
    assert KEY not in what_is_shown(call, client)
    assert KEY not in logged()
    for request in anybody.requests:
        assert "Authorization" not in request.headers or request.url.startswith(hosts)
        assert KEY not in repr(request)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "fault",
    [*SLOW, Fault.RESET, Fault.EDGE_ERROR, Fault.CHALLENGE],
)
def test_nor_does_the_network(
    call: Callable[[CivitaiClient], object], fault: Fault, logged: Callable[[], str]
) -> None:
    with CivitaiServer(SimulatedCivitai.with_sample_models()) as server:
        server.civitai.faults.next("*", fault, times=None)
        settings = Settings(
            civitai_url=server.url,
            civitai_second_url=None,
            civitai_api_key=KEY,
            answer_timeout=0.02,
        )
        client = CivitaiClient(RequestsTransport(), settings, clock=FakeClock())
        assert KEY not in what_is_shown(call, client)
        assert KEY not in logged()
        assert server.civitai.leaks == []
