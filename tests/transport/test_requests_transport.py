"""RequestsTransport keeps the contract, and a few promises of its own."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from stablequeue_core.errors import ConnectFailed, PrivateAddress, TransferAborted
from stablequeue_core.testing.contracts.transport import TransportContract
from stablequeue_core.testing.scripted_http import (
    Exchange,
    ScriptedHttp,
    answer,
    hang_until,
)
from stablequeue_core.transport import (
    Abort,
    Request,
    Response,
    Timeouts,
    Transport,
    interruptible,
)
from stablequeue_core.transport.requests_transport import RequestsTransport

CERTIFICATE = Path(__file__).with_name("localhost.pem")
FOR_EVER = Timeouts(connect=None, read=None)


class TestRequestsTransport(TransportContract):
    def make_transport(self) -> Transport:
        return RequestsTransport()


@pytest.fixture
def transport() -> Iterator[Transport]:
    with closing(RequestsTransport()) as transport:
        yield transport


@pytest.fixture
def server() -> Iterator[ScriptedHttp]:
    with ScriptedHttp() as server:
        yield server


@pytest.fixture
def secure_server() -> Iterator[ScriptedHttp]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with ScriptedHttp(context) as server:
        yield server


@contextmanager
def full_backlog() -> Iterator[str]:
    """The address of a server that neither accepts nor refuses connections."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            sock = socket.socket()
            sock.setblocking(False)
            with suppress(BlockingIOError):
                sock.connect(listener.getsockname())
            waiting.append(sock)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            for sock in waiting:
                sock.close()


def aborted_while(transport: Transport, request: Request, ready: Callable[[], None]) -> float:
    """How long a call took to come back after its switch was pulled."""
    abort = Abort()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(transport.send, request, abort=abort)
        ready()
        pulled_at = time.monotonic()
        abort.pull()
        with pytest.raises(TransferAborted):
            future.result(timeout=5)
    return time.monotonic() - pulled_at


def test_an_idle_connection_is_used_again(transport: Transport, server: ScriptedHttp) -> None:
    server.on("/", answer())
    for _ in range(3):
        transport.send(Request(method="POST", url=server.url + "/", json={}))
    assert {each.connection for each in server.received} == {1}


def test_a_connection_that_was_idle_for_long_is_not_used_again(
    transport: Transport, server: ScriptedHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on("/", answer())
    monkeypatch.setattr(interruptible, "_IDLE_LIMIT_SECONDS", 0.0)
    for _ in range(2):
        transport.send(Request(method="POST", url=server.url + "/", json={}))
    assert [each.connection for each in server.received] == [1, 2]


class LateAbort(Abort):
    """A switch that is pulled at the very moment when the answer is complete."""

    @contextmanager
    def reaction(self, react: Callable[[], None]) -> Iterator[None]:
        self.pull_late = react
        yield


def test_a_switch_pulled_too_late_does_not_hit_the_next_request(
    transport: Transport, server: ScriptedHttp
) -> None:
    released = threading.Event()
    server.on("/", answer())
    server.on("/slow", hang_until(released, answer(b"unharmed")))
    late = LateAbort()
    transport.send(Request(method="GET", url=server.url + "/"), abort=late)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(transport.send, Request(method="POST", url=server.url + "/slow"))
        server.wait_for_requests(2)
        late.pull_late()
        released.set()
        assert slow.result().body == b"unharmed"
    assert {each.connection for each in server.received} == {1}


def test_a_connection_that_was_shut_too_late_is_not_used_again(
    transport: Transport, server: ScriptedHttp
) -> None:
    server.on("/", answer(b"fine"))
    late = LateAbort()
    transport.send(Request(method="GET", url=server.url + "/"), abort=late)
    late.pull_late()
    response = transport.send(Request(method="POST", url=server.url + "/", json={}))
    assert response.body == b"fine"


@pytest.mark.skipif(sys.platform != "linux", reason="a full backlog is silent on Linux only")
def test_connecting_has_its_own_limit(transport: Transport) -> None:
    with full_backlog() as url, pytest.raises(ConnectFailed, match=r"within 0\.1 s"):
        transport.send(Request(method="GET", url=url, timeouts=Timeouts(connect=0.1, read=None)))


@pytest.mark.skipif(sys.platform != "linux", reason="a full backlog is silent on Linux only")
def test_an_abort_interrupts_connecting(transport: Transport) -> None:
    with full_backlog() as url:
        request = Request(method="GET", url=url, timeouts=FOR_EVER)
        assert aborted_while(transport, request, lambda: time.sleep(0.1)) < 0.5


@pytest.mark.skipif(sys.platform == "win32", reason="bounded by the connect time-out, there")
def test_an_abort_interrupts_the_tls_handshake(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        peers = []

        def hello() -> None:
            peer, _ = silent.accept()
            peers.append(peer)
            assert peer.recv(1)  # the handshake has begun

        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        request = Request(method="GET", url=url, timeouts=FOR_EVER)
        assert aborted_while(transport, request, hello) < 0.5
        peers[0].close()


def test_an_abort_interrupts_sending(transport: Transport, server: ScriptedHttp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        peers = []

        def accept() -> None:
            peer, _ = deaf.accept()
            peers.append(peer)
            assert peer.recv(1)

        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        request = Request(method="POST", url=url, json="x" * 30_000_000, timeouts=FOR_EVER)
        assert aborted_while(transport, request, accept) < 0.5
        peers[0].close()


def test_a_slow_upload_is_not_silence(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        size = 12_000_000

        def read_slowly() -> None:
            peer, _ = listener.accept()
            with peer:
                left = size
                while left > 0:
                    time.sleep(0.05)
                    wanted = left - max(0, left - 1_000_000)
                    while wanted > 0:
                        got = len(peer.recv(min(wanted, 65536)))
                        wanted -= got
                        left -= got
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        reader = threading.Thread(target=read_slowly)
        reader.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        started = time.monotonic()
        request = Request(
            method="POST", url=url, json="x" * size, timeouts=Timeouts(connect=0.4, read=0.4)
        )
        assert transport.send(request).status == 200
        assert time.monotonic() - started > 0.4
        reader.join()


def test_a_trusted_certificate_is_accepted(secure_server: ScriptedHttp) -> None:
    secure_server.on("/", answer(b"secure"))
    with closing(RequestsTransport(verify=str(CERTIFICATE))) as transport:
        for fresh in (False, False, True):
            request = Request(method="GET", url=secure_server.url + "/", fresh_connection=fresh)
            assert transport.send(request).body == b"secure"
    assert [each.connection for each in secure_server.received] == [1, 1, 2]


def test_an_unknown_certificate_is_refused(
    transport: Transport, secure_server: ScriptedHttp
) -> None:
    with pytest.raises(ConnectFailed, match="CERTIFICATE_VERIFY_FAILED"):
        transport.send(Request(method="POST", url=secure_server.url + "/", json={}))
    assert secure_server.received == ()


def test_an_abort_interrupts_reading_over_tls(secure_server: ScriptedHttp) -> None:
    secure_server.on("/", hang_until(threading.Event()))
    with closing(RequestsTransport(verify=str(CERTIFICATE))) as transport:
        request = Request(method="GET", url=secure_server.url + "/", timeouts=FOR_EVER)
        ready = lambda: secure_server.wait_for_requests(1)  # noqa: E731
        assert aborted_while(transport, request, ready) < 0.5


def test_a_proxy_is_used_when_it_is_named(server: ScriptedHttp) -> None:
    server.on("http://far.invalid/x", answer(b"by proxy"))
    with closing(RequestsTransport(proxies={"http": server.url})) as transport:
        request = Request(method="GET", url="http://far.invalid/x", auth=("me", "secret"))
        assert transport.send(request).body == b"by proxy"


def test_a_proxy_on_this_machine_may_carry_a_request_for_the_public(server: ScriptedHttp) -> None:
    server.on("http://far.invalid/x", answer(b"by proxy"))
    with closing(RequestsTransport(proxies={"http": server.url})) as transport:
        request = Request(method="GET", url="http://far.invalid/x", public_only=True)
        assert transport.send(request).body == b"by proxy"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "2130706433", "[::1]"])
def test_a_proxy_is_not_asked_for_what_is_written_as_a_private_address(
    server: ScriptedHttp, host: str
) -> None:
    with closing(RequestsTransport(proxies={"http": server.url})) as transport:
        request = Request(method="GET", url=f"http://{host}:8080/x", public_only=True)
        with pytest.raises(PrivateAddress):
            transport.send(request)
    assert server.received == ()


def test_a_name_that_stands_for_a_private_address_too_is_refused(
    transport: Transport, server: ScriptedHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def both(host: str, port: int, **how: object) -> list[object]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("8.8.8.8", "127.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    url = f"http://rebound.example:{server.port}/"
    with pytest.raises(PrivateAddress, match=r"rebound\.example"):
        transport.send(Request(method="GET", url=url, public_only=True))
    assert server.received == ()


def test_no_repr_shows_a_signed_link_or_a_key() -> None:
    request = Request(
        method="GET",
        url="https://b2.example/x.safetensors?signature=secret",
        headers={"Authorization": "Bearer secret"},
    )
    response = Response(status=307, headers={"location": "https://b2.example/x?signature=secret"})
    assert "secret" not in f"{request!r} {response!r}"
    assert "https://b2.example/x.safetensors" in repr(request)


def test_a_proxy_that_would_be_passed_by_is_refused() -> None:
    with pytest.raises(ValueError, match="SOCKS"):
        RequestsTransport(proxies={"https": "socks5://127.0.0.1:1080"})


def test_pieces_of_the_request_arrive_without_delay(
    transport: Transport, server: ScriptedHttp
) -> None:
    def script(exchange: Exchange) -> None:
        answer(exchange.request.body)(exchange)

    server.on("/", script)
    request = Request(method="POST", url=server.url + "/", json={"prompt": "x" * 5000})
    transport.send(request)
    started = time.monotonic()
    for _ in range(20):
        transport.send(request)
    assert time.monotonic() - started < 20 * 0.04  # what Nagle and a delayed ack would cost


def test_importing_it_imports_no_other_heavy_library() -> None:
    code = (
        "import sys, requests; before = set(sys.modules); "
        "import stablequeue_core.transport.requests_transport; "
        "new = {name.split('.')[0] for name in set(sys.modules) - before}; "
        "print(*sorted(new - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"stablequeue_core", "attr", "attrs"}
