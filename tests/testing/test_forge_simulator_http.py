"""The simulated server on a real port."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.testing.forge_client import CAT, picture, recorded_forge, recording

from stablequeue_core.testing.forge_simulator import Fault, ForgeServer, Phase, SimulatedForge


@pytest.fixture
def server() -> Iterator[ForgeServer]:
    with ForgeServer(recorded_forge()) as running:
        yield running


def connect(server: ForgeServer) -> http.client.HTTPConnection:
    parts = urlsplit(server.url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: Any = None
) -> http.client.HTTPResponse:
    sent = None if body is None else json.dumps(body)
    connection.request(method, path, sent, {"Content-Type": "application/json"})
    return connection.getresponse()


def raw(server: ForgeServer, request: bytes) -> bytes:
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        received = b""
        while piece := client.recv(65536):
            received += piece
    return received


def test_many_requests_go_through_one_connection(server: ForgeServer) -> None:
    connection = connect(server)
    for _ in range(3):
        response = ask(connection, "POST", "/sdapi/v1/txt2img", CAT)
        assert response.status == 200
        assert picture(json.loads(response.read())["images"][0]).size == (64, 64)
        assert connection.sock is not None
    connection.close()


def test_headers_are_those_of_uvicorn(server: ForgeServer) -> None:
    connection = connect(server)
    response = ask(connection, "GET", "/sdapi/v1/nope")
    expected = recording("wrong_route")
    assert (response.status, json.loads(response.read())) == (404, expected["body"])
    assert [name.lower() for name, _ in response.getheaders()] == list(expected["headers"])
    connection.close()


def test_queries_and_escaped_paths_are_understood(server: ForgeServer) -> None:
    connection = connect(server)
    for path in ("/sdapi/v1/progress?skip_current_image=true", "/sdapi/v1/%70rogress"):
        response = ask(connection, "GET", path)
        assert json.loads(response.read())["progress"] == 0.0
    connection.close()


def test_a_client_that_hangs_up_leaves_its_job_running(server: ForgeServer) -> None:
    forge = server.forge
    with forge.held():
        connection = connect(server)
        connection.request("POST", "/sdapi/v1/txt2img", json.dumps(CAT | {"force_task_id": "x"}))
        forge.wait_until(lambda forge: forge.active_task == "x")
        connection.close()
    forge.wait_until(lambda forge: forge.rendered and forge.active_task is None)
    assert forge.rendered[0].finished


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.REFUSE_CONNECTION])
def test_a_lost_answer_is_a_real_reset(server: ForgeServer, fault: Fault) -> None:
    server.forge.faults.next("txt2img", fault)
    connection = connect(server)
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        ask(connection, "POST", "/sdapi/v1/txt2img", CAT)
    connection.close()
    assert len(server.forge.rendered) == (1 if fault is Fault.LOSE_ANSWER else 0)


def test_a_reset_in_the_middle_is_real_too(server: ForgeServer) -> None:
    server.forge.faults.next("txt2img", Fault.RESET)
    connection = connect(server)
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        ask(connection, "POST", "/sdapi/v1/txt2img", CAT).read()
    connection.close()


def test_a_dripped_answer_arrives_whole(server: ForgeServer) -> None:
    server.forge.faults.next("sd-models", Fault.SLOW_DRIP, pause=0.001)
    connection = connect(server)
    assert len(json.loads(ask(connection, "GET", "/sdapi/v1/sd-models").read())) == 2
    connection.close()


def test_a_heavy_picture_arrives_whole() -> None:
    with ForgeServer(recorded_forge(picture_bytes=2_000_000)) as server:
        connection = connect(server)
        body = json.loads(ask(connection, "POST", "/sdapi/v1/txt2img", CAT).read())
        connection.close()
    assert len(body["images"][0]) > 2_600_000


def test_while_the_process_is_down_the_port_is_closed(server: ForgeServer) -> None:
    url = server.url
    idle = connect(server)
    ask(idle, "GET", "/").read()
    server.forge.phase = Phase.DOWN
    with pytest.raises(ConnectionRefusedError):
        ask(connect(server), "GET", "/")
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        ask(idle, "GET", "/")
    server.forge.phase = Phase.READY
    assert server.url == url
    connection = connect(server)
    assert ask(connection, "GET", "/sdapi/v1/progress").status == 200
    connection.close()


def test_a_dying_process_breaks_off_its_answers(server: ForgeServer) -> None:
    connection = connect(server)
    with server.forge.held():
        connection.request("POST", "/sdapi/v1/txt2img", json.dumps(CAT))
        server.forge.wait_until(lambda forge: forge.active_task)
        server.forge.phase = Phase.DOWN
        with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
            connection.getresponse()
    assert not server.forge.rendered


def test_an_unplugged_server_finishes_its_job(server: ForgeServer) -> None:
    connection = connect(server)
    with server.forge.held():
        connection.request("POST", "/sdapi/v1/txt2img", json.dumps(CAT))
        server.forge.wait_until(lambda forge: forge.active_task)
        with server.forge.unplugged():
            with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
                connection.getresponse()
            with pytest.raises(ConnectionRefusedError):
                ask(connect(server), "GET", "/")
    server.forge.wait_until(lambda forge: forge.rendered)


def test_a_server_for_a_dead_process_opens_its_port_when_that_starts() -> None:
    forge = SimulatedForge()
    forge.phase = Phase.DOWN
    with ForgeServer(forge) as server:
        with pytest.raises(ConnectionRefusedError):
            ask(connect(server), "GET", "/")
        forge.phase = Phase.OPENING
        connection = connect(server)
        assert ask(connection, "GET", "/sdapi/v1/progress").status == 404
        connection.close()


def test_stopping_twice_is_harmless(server: ForgeServer) -> None:
    server.stop()
    server.stop()


def test_a_request_that_is_no_http_is_refused(server: ForgeServer) -> None:
    for nonsense in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"):
        assert raw(server, nonsense).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_client_can_ask_for_the_connection_to_be_closed(server: ForgeServer) -> None:
    request = b"GET /internal/ping HTTP/1.1\r\nConnection: close\r\n\r\n"
    assert raw(server, request).endswith(b"\r\n\r\n{}")
    assert raw(server, b"GET /internal/ping HTTP/1.0\r\n\r\n").endswith(b"{}")


def test_a_head_has_no_body(server: ForgeServer) -> None:
    answer = raw(server, b"HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")


def test_clients_are_served_side_by_side(server: ForgeServer) -> None:
    forge = server.forge
    with forge.held():
        waiting = connect(server)
        waiting.request("POST", "/sdapi/v1/txt2img", json.dumps(CAT))
        forge.wait_until(lambda forge: forge.active_task)
        other = connect(server)
        assert ask(other, "GET", "/sdapi/v1/progress").status == 200
        other.close()
    assert waiting.getresponse().status == 200
    waiting.close()


def test_an_idle_connection_is_closed() -> None:
    with ForgeServer(recorded_forge(), idle_seconds=0.01) as server:
        parts = urlsplit(server.url)
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5) as idle:
            assert idle.recv(1) == b""


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    for _ in range(3):
        with ForgeServer(recorded_forge()) as server:
            connection = connect(server)
            ask(connection, "GET", "/internal/ping").read()
            connection.close()
    listeners = [thread for thread in threading.enumerate() if thread.name == "forge-server"]
    assert not listeners
    assert threading.active_count() <= before + 3
