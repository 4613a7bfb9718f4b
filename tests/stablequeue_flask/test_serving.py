"""The HTTP server itself: real sockets, bad HTTP, and a clean end."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from stablequeue_core import Settings, StableQueue
from stablequeue_flask import create_app
from stablequeue_flask.listening import CannotListen, is_loopback, listening, url_of
from stablequeue_flask.serving import WebServer

JOB = {"target_server_alias": "Laptop", "generation_params": {"positive_prompt": "a cat"}}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def settings() -> Settings:
    return Settings(max_body_bytes=10_000)


@pytest.fixture
def url(queue: StableQueue) -> Iterator[str]:
    with (
        listening("127.0.0.1", 0) as sockets,
        WebServer(create_app(queue), sockets, threads=4, largest_body=10_000) as server,
    ):
        thread = threading.Thread(target=server.run)
        thread.start()
        yield url_of("127.0.0.1", sockets[0].getsockname()[1])
        server.stop()
        thread.join()


def raw(url: str, request: bytes) -> tuple[int, dict[str, Any]]:
    """Send bytes as they are; the status and the body of the answer."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_a_job_can_be_submitted_and_read_over_a_socket(url: str) -> None:
    with requests.Session() as session:
        answer = session.post(f"{url}/api/v1/generate", json=JOB)
        assert answer.status_code == 202
        job_id = answer.json()["stablequeue_job_id"]
        answer = session.get(f"{url}/api/v1/queue/jobs/{job_id}/status")
        assert answer.json()["status"] == "pending"


def test_a_body_in_chunks_is_read(url: str) -> None:
    text = json.dumps(JOB).encode()
    chunks = (text[start : start + 7] for start in range(0, len(text), 7))
    answer = requests.post(f"{url}/api/v1/generate", data=chunks, headers=JSON)
    assert answer.status_code == 202


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_above_our_limit_gets_our_413(url: str, chunked: bool) -> None:
    text = b" " * 20_000
    data: Any = iter([text[:10_000], text[10_000:]]) if chunked else text
    answer = requests.post(f"{url}/api/v1/generate", data=data, headers=JSON)
    assert answer.status_code == 413
    assert answer.json()["error"] == "request_entity_too_large"
    assert "10,000 bytes" in answer.json()["message"]


def test_a_body_above_every_limit_gets_413_before_it_is_sent(url: str) -> None:
    head = b"POST /api/v1/generate HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n"
    status, body = raw(url, head)
    assert status == 413
    assert body["success"] is False
    assert body["error"] == "request_entity_too_large"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"POST /api/v1/generate HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n\r\n",
    ],
    ids=["no request", "no header", "no length", "no chunk"],
)
def test_what_is_no_http_is_answered_in_our_shape_too(url: str, request_bytes: bytes) -> None:
    status, body = raw(url, request_bytes)
    assert status == 400
    assert list(body) == ["success", "error", "message", "details"]
    assert body["error"] == "bad_request"


def test_headers_without_end_are_431(url: str) -> None:
    status, body = raw(url, b"GET / HTTP/1.1\r\nX: ".ljust(256 * 1024, b"a"))
    assert status == 431
    assert body["error"] == "request_header_fields_too_large"


def test_a_request_under_way_is_answered_before_the_server_stops() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def app(environ: Any, start_response: Any) -> list[bytes]:
        begun.set()
        go_on.wait(10)
        start_response("200 OK", [("Content-Length", "4")])
        return [b"done"]

    answers: list[bytes] = []
    with listening("127.0.0.1", 0) as sockets, WebServer(app, sockets) as server:
        url = url_of("127.0.0.1", sockets[0].getsockname()[1])
        serving = threading.Thread(target=server.run)
        asking = threading.Thread(target=lambda: answers.append(requests.get(url).content))
        serving.start()
        asking.start()
        assert begun.wait(10)
        server.stop()
        go_on.set()
        asking.join()
        serving.join()
    assert answers == [b"done"]


def test_an_idle_server_stops_at_once() -> None:
    with listening("127.0.0.1", 0) as sockets, WebServer(lambda *_: [], sockets) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        began = time.monotonic()
        server.stop()
        thread.join()
        assert time.monotonic() - began < 1.0


def test_localhost_listens_on_each_of_its_addresses() -> None:
    with listening("127.0.0.1", 0) as first:
        free = first[0].getsockname()[1]
    with listening("localhost", free) as sockets:
        wanted = {info[4][0] for info in socket.getaddrinfo("localhost", free)}
        assert {each.getsockname()[0] for each in sockets} == wanted


def test_a_port_in_use_is_refused_with_a_sentence() -> None:
    with listening("127.0.0.1", 0) as sockets:
        port = sockets[0].getsockname()[1]
        with pytest.raises(CannotListen, match=f"Port {port} on 127.0.0.1 is in use"):
            listening("127.0.0.1", port).__enter__()


def test_a_host_that_nobody_knows_is_refused_with_a_sentence() -> None:
    with pytest.raises(CannotListen, match="not known"):
        listening("no such host", 0).__enter__()


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("pc", False)],
)
def test_it_is_known_who_can_reach_a_host(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_an_address_is_written_as_clients_write_it() -> None:
    assert url_of("127.0.0.1", 80) == "http://127.0.0.1:80"
    assert url_of("::1", 80) == "http://[::1]:80"
