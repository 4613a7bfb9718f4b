"""What the client does when Civitai is busy, broken, gone or somebody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from tests.civitai.clients import client_of, in_json, page, redirect, visitor

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.client.patience import ATTEMPTS
from stablequeue_core.errors import (
    CivitaiGarbled,
    CivitaiNotFound,
    CivitaiRefused,
    CivitaiUnavailable,
    ConnectFailed,
    LoginNeeded,
    PrivateAddress,
    ReadTimedOut,
    TransferAborted,
)
from stablequeue_core.settings import Settings
from stablequeue_core.testing.civitai_simulator import (
    CivitaiServer,
    CivitaiSimulator,
    Fault,
    SimulatedCivitai,
)
from stablequeue_core.transport import Abort, Request, Response
from stablequeue_core.transport.requests_transport import RequestsTransport

VERSION = {"id": 7, "modelId": 8}
HEALING = [
    Fault.REFUSE_CONNECTION,
    Fault.LOSE_ANSWER,
    Fault.TOO_MANY_REQUESTS,
    Fault.SERVER_ERROR,
    Fault.EDGE_ERROR,
    Fault.BUSY,
    Fault.RESET,
    Fault.TRUNCATED,
]


@pytest.mark.parametrize("fault", HEALING)
def test_what_can_heal_is_asked_for_again(fault: Fault) -> None:
    to = visitor()
    to.civitai.faults.next("api", fault, times=ATTEMPTS - 1)
    assert to.client.version(700201).id == 700201
    assert len(to.asked) == ATTEMPTS
    assert to.clock.monotonic() >= 3.5


@pytest.mark.parametrize("status", [500, 503, 504, *range(520, 527)])
def test_so_are_the_statuses_of_the_network_before_civitai(status: int) -> None:
    to = visitor()
    to.civitai.faults.next("api", Fault.EDGE_ERROR, status=status)
    assert to.client.version(700201).id == 700201


@pytest.mark.parametrize("fault", HEALING)
def test_what_does_not_heal_is_given_up_after_a_few_times(fault: Fault) -> None:
    to = visitor()
    to.civitai.faults.next("*", fault, times=None)
    with pytest.raises(CivitaiUnavailable) as given_up:
        to.client.version(700201)
    assert len(to.asked) == ATTEMPTS
    assert "civitai.com" in given_up.value.message
    assert "<" not in given_up.value.message


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.CHALLENGE, CivitaiRefused),
        (Fault.LOGIN_PAGE, CivitaiGarbled),
        (Fault.GARBAGE, CivitaiGarbled),
        (Fault.TOO_MANY_DOWNLOADS, CivitaiUnavailable),
    ],
)
def test_what_cannot_heal_is_asked_for_once(fault: Fault, expected: type[Exception]) -> None:
    to = visitor()
    to.civitai.faults.next("*", fault, times=None)
    with pytest.raises(expected):
        to.client.version(700201)
    assert len(to.asked) == 1


def test_too_many_pages_is_never_asked_for_again_and_slows_nobody_down() -> None:
    said = {"error": "You've requested too many pages, please use cursors instead"}
    client, anybody = client_of(lambda request: in_json(said, 429))
    with pytest.raises(CivitaiRefused, match="too many pages"):
        client.search("x")
    assert len(anybody.requests) == 1


def test_nobody_asks_again_before_a_retry_after() -> None:
    to = visitor()
    to.civitai.faults.next("api", Fault.TOO_MANY_REQUESTS, retry_after=20)
    to.client.version(700201)
    assert to.clock.monotonic() >= 20
    assert len(to.asked) == 2


def test_a_retry_after_that_is_too_long_is_told_at_once_and_honoured_by_all() -> None:
    to = visitor()
    to.civitai.faults.next("api", Fault.TOO_MANY_REQUESTS, retry_after=600)
    with pytest.raises(CivitaiUnavailable) as told:
        to.client.version(700201)
    assert told.value.details["retry_after"] == 600
    with pytest.raises(CivitaiUnavailable, match="pause"):
        to.client.image(51001)
    assert len(to.asked) == 1
    to.clock.advance(600)
    assert to.client.image(51001).id == 51001


def test_many_questions_are_asked_one_after_the_other() -> None:
    to = visitor()
    for _ in range(44):
        to.client.version(700201)
    assert to.clock.monotonic() == pytest.approx(10, abs=0.1)


def test_complaints_make_the_client_slower_for_a_while() -> None:
    to = visitor()
    to.civitai.faults.next("api", Fault.TOO_MANY_REQUESTS)
    to.client.version(700201)
    before = to.clock.monotonic()
    for _ in range(8):
        to.client.version(700201)
    assert to.clock.monotonic() - before > 8 / 4


@pytest.mark.parametrize("fault", [Fault.GZIP_BOMB, Fault.HUGE_JSON])
def test_an_answer_without_an_end_is_not_read_to_its_end(fault: Fault) -> None:
    with CivitaiServer(SimulatedCivitai.with_sample_models()) as server:
        server.civitai.faults.next("*", fault)
        client = over_http(server)
        with pytest.raises(CivitaiGarbled):
            client.version(700201)


def test_a_server_that_sends_byte_after_byte_is_given_up() -> None:
    with CivitaiServer(SimulatedCivitai.with_sample_models()) as server:
        server.civitai.faults.next("*", Fault.SLOW_DRIP, pause=0.1, times=None)
        client = over_http(server, answer_timeout=0.2)
        begun = time.monotonic()
        with pytest.raises(CivitaiUnavailable, match="in full"):
            client.version(700201)
        assert time.monotonic() - begun < 5
        assert len(server.civitai.requests) == 1


def test_a_key_that_no_header_can_hold_is_never_quoted() -> None:
    client = CivitaiClient(RequestsTransport(), Settings(civitai_api_key="two\nlines"))
    with pytest.raises(CivitaiUnavailable) as failed:
        client.version(7)
    assert "lines" not in f"{failed.value!r} {failed.value.__cause__!r} {failed.value.details}"


def test_a_silent_server_is_asked_again() -> None:
    silent = [ReadTimedOut("nothing came"), ReadTimedOut("nothing came")]
    client, anybody = client_of(lambda request: silent.pop() if silent else in_json(VERSION))
    assert client.version(7).id == 7
    assert len(anybody.requests) == 3


CALLS: list[Callable[[CivitaiClient, Abort], object]] = [
    lambda client, abort: client.account(abort=abort),
    lambda client, abort: client.model(600101, abort=abort),
    lambda client, abort: client.models([600101], abort=abort),
    lambda client, abort: client.version(700201, abort=abort),
    lambda client, abort: client.version_by_hash("ab" * 32, abort=abort),
    lambda client, abort: client.versions_by_hash(["ab" * 32], abort=abort),
    lambda client, abort: client.ids_by_hash(["ab" * 32], abort=abort),
    lambda client, abort: client.search("x", abort=abort),
    lambda client, abort: client.image(51001, abort=abort),
    lambda client, abort: client.picture(
        "https://image.civitai.com/a/b/original=true/c.jpeg", largest=99, abort=abort
    ),
    lambda client, abort: client.locate(700201, None, abort=abort),
]


@pytest.mark.parametrize("call", CALLS)
def test_every_call_can_be_given_up_while_nobody_answers(
    call: Callable[[CivitaiClient, Abort], object],
) -> None:
    civitai = SimulatedCivitai.with_sample_models()
    civitai.faults.next("*", Fault.SILENCE, times=None)
    settings = Settings(civitai_api_key="key", answer_timeout=30)
    client = CivitaiClient(CivitaiSimulator(civitai), settings)
    abort = Abort()

    def pull_once_asked() -> None:
        civitai.wait_until(lambda it: it.requests)
        abort.pull()

    puller = threading.Thread(target=pull_once_asked)
    puller.start()
    with pytest.raises(TransferAborted):
        call(client, abort)
    puller.join()


@pytest.mark.parametrize("call", CALLS)
def test_a_closed_client_gives_up_every_call(
    call: Callable[[CivitaiClient, Abort], object],
) -> None:
    to = visitor()
    to.client.close()
    to.client.close()
    with pytest.raises(TransferAborted):
        call(to.client, Abort())
    assert to.asked == []


def test_closing_ends_what_is_under_way_in_other_threads() -> None:
    civitai = SimulatedCivitai.with_sample_models()
    civitai.faults.next("*", Fault.SILENCE, times=None)
    client = CivitaiClient(CivitaiSimulator(civitai), Settings(answer_timeout=30))
    ended: list[str] = []

    def ask(number: int) -> None:
        try:
            client.version(number)
        except TransferAborted as error:
            ended.append(error.code)

    threads = [threading.Thread(target=ask, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    civitai.wait_until(lambda c: len(c.requests) == 3)
    client.close()
    for thread in threads:
        thread.join(5)
    assert ended == ["transfer_aborted"] * 3


def test_a_pause_between_two_attempts_can_be_given_up() -> None:
    civitai = SimulatedCivitai.with_sample_models()
    civitai.faults.next("*", Fault.TOO_MANY_REQUESTS, retry_after=50, times=None)
    client = CivitaiClient(CivitaiSimulator(civitai), Settings())
    abort = Abort()
    threading.Timer(0.1, abort.pull).start()
    with pytest.raises(TransferAborted):
        client.version(700201, abort=abort)


# The second base.


def only_first(
    first: Callable[[Request], Response | Exception],
) -> Callable[[Request], Response | Exception]:
    """The first base has nothing; the second answers with ``first``."""
    return lambda request: (
        in_json({"error": "Model not found"}, 404)
        if "civitai.com/" in request.url
        else first(request)
    )


@pytest.mark.parametrize(
    "trouble",
    [
        ConnectFailed("no way there"),
        page(403),
        page(),
        redirect("https://civitai.red/region-blocked"),
    ],
)
def test_a_second_base_that_is_out_of_reach_has_nothing_and_is_left_alone(
    trouble: Response | Exception,
) -> None:
    client, anybody = client_of(only_first(lambda request: trouble))
    for _ in range(3):
        with pytest.raises(CivitaiNotFound):
            client.version(7)
    at_second = [url for url in anybody.urls if "civitai.red" in url]
    assert len(at_second) <= ATTEMPTS
    assert len(anybody.urls) - len(at_second) == 3


def test_a_second_base_that_cannot_answer_now_leaves_it_open_what_it_has() -> None:
    client, _ = client_of(only_first(lambda request: in_json({"error": "busy"}, 503)))
    with pytest.raises(CivitaiUnavailable, match=r"civitai\.red"):
        client.version(7)


def test_a_second_base_is_not_asked_when_the_first_is_in_trouble() -> None:
    client, anybody = client_of(lambda request: in_json({"error": "busy"}, 503))
    with pytest.raises(CivitaiUnavailable):
        client.version(7)
    assert all("civitai.com/" in url for url in anybody.urls)


# Redirects.


def test_a_redirect_is_followed_and_the_key_stays_with_the_hosts_of_the_settings() -> None:
    def answering(request: Request) -> Response:
        if "civitai.com/" in request.url and "www" not in request.url:
            return redirect("https://civitai.red/api/v1/model-versions/7", 301)
        if "civitai.red/" in request.url:
            return redirect("https://www.civitai.com/api/v1/model-versions/7", 308)
        return in_json(VERSION)

    client, anybody = client_of(answering, key="key")
    assert client.version(7).id == 7
    assert anybody.keys == ["Bearer key", "Bearer key", None]
    assert [request.public_only for request in anybody.requests] == [False, False, True]


@pytest.mark.parametrize(
    ("target", "is_named_by_the_user"),
    [
        ("http://civitai.com/api/v1/model-versions/7", True),
        ("https://civitai.com:8443/api/v1/model-versions/7", True),
        ("https://civitai.com.evil.example/api/v1/model-versions/7", False),
        ("https://evil.example/civitai.com", False),
        ("http://169.254.169.254/", False),
    ],
)
def test_a_redirect_elsewhere_sees_neither_the_key_nor_the_users_network(
    target: str, is_named_by_the_user: bool
) -> None:
    client, anybody = client_of(
        lambda request: in_json(VERSION) if request.url == target else redirect(target)
    )
    client.version(7)
    assert anybody.keys[1] is None
    assert anybody.requests[1].public_only is not is_named_by_the_user


def test_a_redirect_into_the_users_network_is_refused() -> None:
    def answering(request: Request) -> Response | Exception:
        return PrivateAddress("10.0.0.1") if request.public_only else redirect("http://10.0.0.1/")

    client, anybody = client_of(answering)
    with pytest.raises(CivitaiGarbled, match=r"10\.0\.0\.1"):
        client.version(7)
    assert len(anybody.requests) == 2


@pytest.mark.parametrize("target", ["/login?returnUrl=%2F", "https://civitai.red/login"])
def test_a_redirect_to_the_login_page_means_that_a_login_is_needed(target: str) -> None:
    client, anybody = client_of(lambda request: redirect(target), key=None)
    with pytest.raises(LoginNeeded):
        client.version(7)
    assert len(anybody.requests) == 1


def test_a_redirect_to_the_page_of_blocked_regions_is_explained() -> None:
    client, _ = client_of(lambda request: redirect("/region-blocked", 302))
    with pytest.raises(CivitaiRefused, match="region"):
        client.version(7)


def test_redirects_in_a_circle_end() -> None:
    client, anybody = client_of(lambda request: redirect(request.url))
    with pytest.raises(CivitaiGarbled, match="again and again"):
        client.version(7)
    assert len(anybody.requests) == 5


def over_http(server: CivitaiServer, *, answer_timeout: float = 30.0) -> CivitaiClient:
    settings = Settings(
        civitai_url=server.url,
        civitai_second_url=server.second_url,
        answer_timeout=answer_timeout,
    )
    return CivitaiClient(RequestsTransport(), settings)


def test_a_visitor_over_http_gets_the_same() -> None:
    with CivitaiServer(SimulatedCivitai.with_sample_models()) as server:
        assert over_http(server).version(700801).model_name == "Night Harbor"
