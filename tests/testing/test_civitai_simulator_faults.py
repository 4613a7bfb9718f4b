"""Accidents on order, in-process and over HTTP: a client sees the same."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.testing.civitai_client import CARRIERS, Client, carried

from stablequeue_core.errors import (
    AnswerTooLarge,
    ConnectFailed,
    ConnectionLost,
    ReadTimedOut,
    TransferAborted,
    TransportError,
)
from stablequeue_core.testing.civitai_simulator import (
    Fault,
    SimulatedCivitai,
)
from stablequeue_core.transport import Abort, Request, Timeouts

MODEL = "/api/v1/models/600101"
LORA_BYTES = 172_948


@pytest.fixture
def civitai() -> SimulatedCivitai:
    return SimulatedCivitai.with_sample_models()


@pytest.fixture(params=CARRIERS)
def client(request: pytest.FixtureRequest, civitai: SimulatedCivitai) -> Iterator[Client]:
    with carried(request.param, civitai) as client:
        yield client


def received(client: Client, url: str, patience: float = 5) -> tuple[bytes, Exception | None]:
    """What came of an answer before it broke off, and what then happened."""
    request = Request(
        method="GET",
        url=url,
        headers={"User-Agent": "stablequeue/1.0"},
        timeouts=Timeouts(read=patience),
    )
    body = b""
    with client.transport.stream(request) as streamed:
        try:
            for chunk in streamed.chunks():
                body += chunk
        except TransportError as error:
            return body, error
    return body, None


# Which requests


@pytest.mark.parametrize(
    "where", ["*", "api", "/api/v1/models", "/api/v1/models/600101", "models", "600101"]
)
def test_a_fault_strikes_the_requests_that_it_is_meant_for(client: Client, where: str) -> None:
    client.civitai.faults.next(where, Fault.SERVER_ERROR)
    assert client.ask(MODEL).status == 500
    assert client.ask(MODEL).status == 200


@pytest.mark.parametrize("where", ["storage", "cdn", "second", "/api/v1/me", "me", "model"])
def test_a_fault_leaves_other_requests_alone(client: Client, where: str) -> None:
    client.civitai.faults.next(where, Fault.SERVER_ERROR)
    assert client.ask(MODEL).status == 200
    assert client.civitai.faults.pending == 1


def test_the_two_hosts_of_the_api_fail_apart(client: Client) -> None:
    second = client.second + MODEL
    client.civitai.faults.next("second", Fault.SERVER_ERROR, times=None)
    assert [client.ask(MODEL).status, client.ask(second).status] == [200, 500]
    client.civitai.faults.clear()
    client.civitai.faults.next("api", Fault.SERVER_ERROR, times=None)
    assert [client.ask(MODEL).status, client.ask(second).status] == [500, 200]


def test_faults_are_counted_skipped_and_cleared(client: Client) -> None:
    faults = client.civitai.faults
    faults.next("models", Fault.SERVER_ERROR, times=2, skip=1)
    assert [client.ask(MODEL).status for _ in range(4)] == [200, 500, 500, 200]
    faults.next("models", Fault.SERVER_ERROR, times=None)
    assert [client.ask(MODEL).status for _ in range(3)] == [500, 500, 500]
    faults.clear()
    assert client.ask(MODEL).status == 200


def test_an_older_order_goes_first(client: Client) -> None:
    client.civitai.faults.next("models", Fault.SERVER_ERROR)
    client.civitai.faults.next("models", Fault.BUSY)
    assert [client.ask(MODEL).status for _ in range(3)] == [500, 503, 200]


# Other answers


@pytest.mark.parametrize(
    ("fault", "details", "status", "kind"),
    [
        (Fault.TOO_MANY_REQUESTS, {}, 429, "application/json"),
        (Fault.TOO_MANY_DOWNLOADS, {}, 429, "application/json"),
        (Fault.SERVER_ERROR, {}, 500, "application/json"),
        (Fault.SERVER_ERROR, {"status": 504}, 504, "application/json"),
        (Fault.EDGE_ERROR, {}, 502, "text/html"),
        *(
            (Fault.EDGE_ERROR, {"status": status}, status, "text/html")
            for status in range(520, 527)
        ),
        (Fault.BUSY, {}, 503, "application/json"),
        (Fault.CHALLENGE, {}, 403, "text/html"),
        (Fault.LOGIN_PAGE, {}, 200, "text/html"),
    ],
)
def test_another_answer_comes_instead(
    client: Client, fault: Fault, details: dict[str, Any], status: int, kind: str
) -> None:
    client.civitai.faults.next("models", fault, **details)
    answer = client.ask(MODEL)
    assert answer.status == status
    assert answer.headers["content-type"].partition(";")[0] == kind


def test_a_rate_limit_may_say_how_long_to_wait(client: Client) -> None:
    client.civitai.faults.next("models", Fault.TOO_MANY_REQUESTS, retry_after=7)
    client.civitai.faults.next("models", Fault.TOO_MANY_REQUESTS)
    client.civitai.faults.next("models", Fault.BUSY)
    told = [client.ask(MODEL).headers.get("retry-after") for _ in range(3)]
    assert told == ["7", None, "2"]


def test_garbage_is_half_a_json_text(client: Client) -> None:
    client.civitai.faults.next("models", Fault.GARBAGE)
    with pytest.raises(ValueError):
        client.ask(MODEL).json()


def test_the_storage_may_answer_with_a_page(client: Client) -> None:
    client.civitai.faults.next("storage", Fault.LOGIN_PAGE)
    answer = client.fetch(client.link(700303))
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize("where", ["api", "storage"])
def test_a_gzip_bomb_is_small_until_it_is_opened(client: Client, where: str) -> None:
    link = client.link(700303)
    client.civitai.faults.next(where, Fault.GZIP_BOMB)
    url = link if where == "storage" else client.base + MODEL
    with client.transport.stream(Request(method="GET", url=url)) as streamed:
        assert streamed.headers["content-encoding"] == "gzip"
        assert int(streamed.headers["content-length"]) < 3_000_000
        size = 0
        for chunk in streamed.chunks():
            size += len(chunk)
            if size > 30_000_000:
                return
    pytest.fail("the bomb was no bomb")


def test_a_huge_json_comes_without_being_held_in_memory(client: Client) -> None:
    client.civitai.faults.next("models", Fault.HUGE_JSON)
    client.civitai.faults.next("models", Fault.HUGE_JSON, size=1000)
    with pytest.raises(AnswerTooLarge):
        client.transport.send(
            Request(method="GET", url=client.base + MODEL, max_answer_bytes=1_000_000)
        )
    assert set(json.loads(client.ask(MODEL).body)["items"]) == {1}


# No answer


def test_a_connection_is_refused_or_lost(client: Client) -> None:
    client.civitai.faults.next("models", Fault.LOSE_ANSWER, times=2)  # a GET may be sent again
    with pytest.raises(ConnectionLost):
        client.ask(MODEL)
    client.civitai.faults.clear()
    client.civitai.faults.next("models", Fault.REFUSE_CONNECTION, times=2)
    with pytest.raises((ConnectFailed, ConnectionLost)):
        client.ask(MODEL)


def test_silence_lasts_until_patience_ends(client: Client) -> None:
    client.civitai.faults.next("models", Fault.SILENCE)
    with pytest.raises(ReadTimedOut):
        client.ask(MODEL, patience=0.05)


def test_silence_ends_when_somebody_pulls_the_switch(client: Client) -> None:
    client.civitai.faults.next("models", Fault.SILENCE)
    abort = Abort()
    request = Request(method="GET", url=client.base + MODEL, timeouts=Timeouts(read=None))
    threading.Timer(0.05, abort.pull).start()
    with pytest.raises(TransferAborted):
        client.transport.send(request, abort=abort)


# Files that break off


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.TRUNCATED])
def test_a_file_breaks_off_after_so_many_bytes(client: Client, fault: Fault) -> None:
    link = client.link(700303)
    whole = client.fetch(link).body
    client.civitai.faults.next("storage", fault, after=100_000)
    body, error = received(client, link)
    assert isinstance(error, ConnectionLost)
    # A broken connection may lose what was on its way.
    assert whole.startswith(body)
    assert len(body) <= 100_000
    rest = client.fetch(link, range=f"bytes={len(body)}-")
    assert (rest.status, body + rest.body) == (206, whole)


def test_a_file_that_breaks_off_without_a_length_looks_whole(client: Client) -> None:
    client.civitai.faults.next("storage", Fault.TRUNCATED_WITHOUT_LENGTH, after=100_000)
    body, error = received(client, client.link(700303))
    assert (len(body), error) == (100_000, None)


def test_half_of_a_file_is_sent_unless_told_otherwise(client: Client) -> None:
    client.civitai.faults.next("storage", Fault.TRUNCATED_WITHOUT_LENGTH)
    body, _ = received(client, client.link(700303))
    assert len(body) == LORA_BYTES // 2


def test_a_transfer_stalls(client: Client) -> None:
    client.civitai.faults.next("storage", Fault.STALL, after=1000)
    body, error = received(client, client.link(700303), patience=0.5)
    assert len(body) == 1000
    assert isinstance(error, ReadTimedOut)


def test_a_link_may_expire_midway(client: Client) -> None:
    link = client.link(700303)
    client.civitai.faults.next("storage", Fault.EXPIRE_MIDWAY, after=50_000)
    body, error = received(client, link)
    assert isinstance(error, ConnectionLost)
    assert client.fetch(link, range=f"bytes={len(body)}-").status == 403
    rest = client.fetch(client.link(700303), range=f"bytes={len(body)}-")
    assert (rest.status, len(body) + len(rest.body)) == (206, LORA_BYTES)


def test_an_expired_link_stays_expired(client: Client) -> None:
    link = client.link(700303)
    client.civitai.faults.next("storage", Fault.EXPIRED)
    assert [client.fetch(link).status for _ in range(2)] == [403, 403]


# Files that are not what they should be


def test_ranges_may_be_ignored(client: Client) -> None:
    client.civitai.faults.next("storage", Fault.RANGE_IGNORED)
    answer = client.fetch(client.link(700303), range="bytes=5-")
    assert (answer.status, len(answer.body)) == (200, LORA_BYTES)
    assert "accept-ranges" not in answer.headers


def test_the_name_of_the_bytes_may_change(client: Client) -> None:
    link = client.link(700303)
    etag = client.fetch(link).headers["etag"]
    client.civitai.faults.next("storage", Fault.ETAG_CHANGED)
    answer = client.fetch(link, range="bytes=5-", if_range=etag)
    assert (answer.status, len(answer.body)) == (200, LORA_BYTES)
    assert answer.headers["etag"] != etag


def test_bytes_may_be_wrong_once(client: Client) -> None:
    link = client.link(700303)
    right = client.fetch(link).body
    client.civitai.faults.next("storage", Fault.WRONG_BYTES)
    wrong = client.fetch(link).body
    assert [i for i, (a, b) in enumerate(zip(right, wrong, strict=True)) if a != b] == [
        len(right) - 1
    ]
    assert client.fetch(link).body == right


def test_bytes_may_be_wrong_always_in_the_same_way(client: Client) -> None:
    link = client.link(700303)
    client.civitai.faults.next("storage", Fault.WRONG_BYTES, times=None)
    first, second = client.fetch(link).body, client.fetch(link).body
    rest = client.fetch(link, range="bytes=1000-").body
    assert first == second == first[:1000] + rest


def test_a_wrong_byte_may_be_anywhere(client: Client) -> None:
    link = client.link(700303)
    right = client.fetch(link).body
    client.civitai.faults.next("storage", Fault.WRONG_BYTES, after=3)
    wrong = client.fetch(link).body
    assert (wrong[:3], wrong[3] ^ 0xFF, wrong[4:]) == (right[:3], right[3], right[4:])


# Drops


def test_a_file_may_drip(client: Client) -> None:
    drops: list[None] = []
    client.civitai.faults.next("cdn", Fault.SLOW_DRIP, pause=lambda: drops.append(None))
    picture = client.ask("/api/v1/model-versions/700303").json()["images"][0]["url"]
    body, _ = received(client, picture)
    assert len(drops) == len(body) == 40


def test_a_drip_waits_for_the_test(client: Client) -> None:
    """So a transfer can be held while something else is looked at."""
    gate = threading.Semaphore(2)
    client.civitai.faults.next("cdn", Fault.SLOW_DRIP, piece=10, pause=gate.acquire)
    picture = client.ask("/api/v1/model-versions/700303").json()["images"][0]["url"]
    with client.transport.stream(Request(method="GET", url=picture)) as streamed:
        chunks = streamed.chunks()
        first = b""
        while len(first) < 20:
            first += next(chunks)
        gate.release(2)
        assert len(first + b"".join(chunks)) == 40


def test_a_drip_may_be_slower_than_patience(client: Client) -> None:
    client.civitai.faults.next("cdn", Fault.SLOW_DRIP, pause=30)
    picture = client.ask("/api/v1/model-versions/700303").json()["images"][0]["url"]
    _, error = received(client, picture, patience=0.5)
    assert isinstance(error, ReadTimedOut)


# Redirects


def test_a_redirect_leads_in_a_circle(client: Client) -> None:
    client.civitai.faults.next("download", Fault.REDIRECT_LOOP, times=None)
    link = client.link(700303)
    assert urlsplit(link).path == "/api/download/models/700303"
    assert client.ask(link).headers["location"] == link


def test_a_redirect_leads_anywhere(client: Client) -> None:
    client.civitai.faults.next("download", Fault.REDIRECT, to="http://169.254.169.254/latest")
    assert client.link(700303) == "http://169.254.169.254/latest"


def test_faults_of_downloads_leave_the_refusals_alone(client: Client) -> None:
    for fault in (Fault.REDIRECT_LOOP, Fault.REDIRECT_TO_PRIVATE, Fault.REDIRECT_TO_HTTP):
        client.civitai.faults.next("download", fault)
        assert client.ask("/api/download/models/700401").status == 410
