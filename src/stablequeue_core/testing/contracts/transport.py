"""What every transport must do. Subclass it, say how yours is made, and run pytest."""

from __future__ import annotations

import base64
import gc
import json
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from stablequeue_core.errors import (
    AnswerTooLarge,
    ConnectFailed,
    ConnectionLost,
    PrivateAddress,
    ReadTimedOut,
    TransferAborted,
    TransportError,
)
from stablequeue_core.testing.scripted_http import (
    Exchange,
    Script,
    ScriptedHttp,
    answer,
    answer_then_hang_up,
    chunked,
    drip,
    fall_silent_after,
    gzipped,
    half_an_answer,
    hang_until,
    hang_up,
    redirect,
    reset,
    until_we_hang_up,
)
from stablequeue_core.transport import (
    CHUNK_BYTES,
    Abort,
    Request,
    StreamedResponse,
    Timeouts,
    Transport,
)

_PROMPT = 1.0  # seconds within which an aborted call must be back
_BIG = bytes(range(256)) * 4096  # a megabyte


class TransportContract(ABC):
    """The promises of :class:`~stablequeue_core.transport.Transport`, as tests.

    Example::

        class TestMyTransport(TransportContract):
            def make_transport(self) -> Transport:
                return MyTransport()
    """

    @abstractmethod
    def make_transport(self) -> Transport:
        """The transport to examine; the suite closes it."""

    @pytest.fixture
    def server(self) -> Iterator[ScriptedHttp]:
        """A server that does as it is told."""
        with ScriptedHttp() as server:
            yield server

    @pytest.fixture
    def transport(self) -> Iterator[Transport]:
        """The transport; nothing of it may be left open in the end."""
        gc.freeze()  # what was there before the test need not be looked through after it
        with closing(self.make_transport()) as transport:
            yield transport
        gc.collect()  # an unclosed socket shows itself as a warning here, not in a later test
        gc.unfreeze()

    def test_an_answer_comes_back_whole(self, transport: Transport, server: ScriptedHttp) -> None:
        """Status, headers in lower case, and every byte of the body."""
        server.on("/", answer(_BIG, status=203, headers={"X-Mixed-Case": "Kept"}))
        response = transport.send(_get(server))
        assert response.status == 203
        assert response.headers["x-mixed-case"] == "Kept"
        assert response.body == _BIG

    @pytest.mark.parametrize("status", [204, 304, 401, 404, 500, 503])
    def test_every_status_is_an_answer(
        self, transport: Transport, server: ScriptedHttp, status: int
    ) -> None:
        """This seam never judges."""
        server.on("/", answer(status=status))
        assert transport.send(_get(server)).status == status

    def test_a_json_body_is_compact_utf8(self, transport: Transport, server: ScriptedHttp) -> None:
        """No escapes, no blanks, its type and its length."""
        server.on("/", answer())
        transport.send(_post(server, json={"prompt": "a räv, 狐", "steps": 20}))
        (received,) = server.received
        assert received.body == '{"prompt":"a räv, 狐","steps":20}'.encode()
        assert received.headers["content-type"] == "application/json"
        assert received.method == "POST"

    def test_headers_are_sent_as_they_are(self, transport: Transport, server: ScriptedHttp) -> None:
        """Ours win over what the library would send."""
        server.on("/", answer())
        headers = {"Range": "bytes=5-", "User-Agent": "mine", "Authorization": "Bearer key"}
        transport.send(_get(server, headers=headers))
        sent = server.received[0].headers
        assert (sent["range"], sent["user-agent"]) == ("bytes=5-", "mine")
        assert sent["authorization"] == "Bearer key"

    @pytest.mark.parametrize("body", [{"cfg": float("nan")}, {"prompt": object()}, "\ud800"])
    def test_what_is_no_json_is_not_sent(
        self, transport: Transport, server: ScriptedHttp, body: Any
    ) -> None:
        """Not even its beginning."""
        with pytest.raises(TransportError):
            transport.send(_post(server, json=body))
        assert server.received == ()

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_returned_and_not_followed(
        self, transport: Transport, server: ScriptedHttp, status: int
    ) -> None:
        """Whoever asked decides; credentials never travel on by themselves."""
        with ScriptedHttp() as elsewhere:
            server.on("/", redirect(elsewhere.url + "/stolen", status=status))
            response = transport.send(_get(server, auth=("me", "secret")))
            assert response.status == status
            assert response.headers["location"] == elsewhere.url + "/stolen"
            assert elsewhere.received == ()

    def test_credentials_are_sent_when_given(
        self, transport: Transport, server: ScriptedHttp
    ) -> None:
        """As HTTP Basic, in UTF-8."""
        server.on("/", answer())
        transport.send(_get(server, auth=("me", "pässword")))
        scheme, _, token = server.received[0].headers["authorization"].partition(" ")
        assert scheme == "Basic"
        assert base64.b64decode(token).decode() == "me:pässword"

    def test_nothing_comes_from_the_environment(
        self,
        transport: Transport,
        server: ScriptedHttp,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """No credentials from a .netrc file, no proxy from a variable."""
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login me password secret\n")
        monkeypatch.setenv("NETRC", str(netrc))
        with ScriptedHttp() as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("http_proxy", proxy.url)
            monkeypatch.setenv("NO_PROXY", "")
            monkeypatch.setenv("no_proxy", "")
            server.on("/", answer())
            transport.send(_get(server))
            assert proxy.received == ()
        assert "authorization" not in server.received[0].headers

    def test_no_cookie_is_kept(self, transport: Transport, server: ScriptedHttp) -> None:
        """A session of one request is not carried to the next."""
        server.on("/", answer(headers={"Set-Cookie": "session=1; Path=/"}))
        transport.send(_get(server))
        transport.send(_get(server))
        assert "cookie" not in server.received[1].headers

    def test_chunks_are_joined(self, transport: Transport, server: ScriptedHttp) -> None:
        """The body is the same however it was cut."""
        server.on("/", chunked(b"one ", b"two ", b"three"))
        assert transport.send(_get(server)).body == b"one two three"

    def test_gzip_is_unpacked(self, transport: Transport, server: ScriptedHttp) -> None:
        """The body is the same however it was packed."""
        server.on("/", gzipped(_BIG))
        assert transport.send(_get(server)).body == _BIG

    def test_an_answer_that_is_too_long_is_refused(
        self, transport: Transport, server: ScriptedHttp
    ) -> None:
        """Counted after unpacking: a small answer can unpack to a huge one."""
        server.on("/", gzipped(_BIG))
        with pytest.raises(AnswerTooLarge):
            transport.send(_get(server, max_answer_bytes=len(_BIG) - 1))

    def test_a_refused_connection_means_that_nothing_was_sent(self, transport: Transport) -> None:
        """And the error names the place."""
        port = _unused_port()
        with pytest.raises(ConnectFailed, match=f"127.0.0.1:{port}"):
            transport.send(Request(method="POST", url=f"http://127.0.0.1:{port}/", json={}))

    @pytest.mark.parametrize(
        "url", ["", "no address", "ftp://127.0.0.1/", "http://", "http://[::1", "http://a:b/", "/x"]
    )
    def test_an_address_that_is_none_means_that_nothing_was_sent(
        self, transport: Transport, url: str
    ) -> None:
        """No foreign error escapes."""
        with pytest.raises(ConnectFailed):
            transport.send(Request(method="GET", url=url))

    def test_a_name_that_cannot_exist_means_that_nothing_was_sent(
        self, transport: Transport
    ) -> None:
        """No name may have a part this long, so no network is asked."""
        with pytest.raises(ConnectFailed):
            transport.send(Request(method="GET", url=f"http://{'a' * 70}.invalid/"))

    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.1.1"]
    )
    def test_a_request_for_the_public_goes_to_no_private_address(
        self, transport: Transport, server: ScriptedHttp, host: str
    ) -> None:
        """However the address is written; the error names the host."""
        server.on("/", answer())
        with pytest.raises(PrivateAddress) as caught:
            transport.send(
                Request(method="GET", url=f"http://{host}:{server.port}/", public_only=True)
            )
        assert caught.value.details["host"] == host.strip("[]")
        assert server.received == ()

    @pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "017700000001"])
    def test_an_odd_spelling_of_a_private_address_changes_nothing(
        self, transport: Transport, server: ScriptedHttp, host: str
    ) -> None:
        """Some systems understand these, others do not; either way nothing is sent."""
        server.on("/", answer())
        url = f"http://{host}:{server.port}/"
        with pytest.raises(ConnectFailed):
            transport.send(Request(method="GET", url=url, public_only=True))
        assert server.received == ()

    def test_an_idle_connection_to_a_private_address_is_no_way_round(
        self, transport: Transport, server: ScriptedHttp
    ) -> None:
        """Another request, which may go there, has left it behind."""
        server.on("/", answer(b"fine"))
        transport.send(_get(server))
        with pytest.raises(PrivateAddress):
            transport.send(_get(server, public_only=True))
        assert transport.send(_get(server)).body == b"fine"
        assert len(server.received) == 2

    def test_a_server_without_tls_means_that_nothing_was_sent(
        self, transport: Transport, server: ScriptedHttp
    ) -> None:
        """https:// where http:// was meant."""
        with pytest.raises(ConnectFailed):
            transport.send(Request(method="POST", url=f"https://127.0.0.1:{server.port}/", json={}))
        assert server.received == ()

    @pytest.mark.parametrize(
        "script",
        [
            reset,
            hang_up,
            half_an_answer(b"half"),
            half_an_answer(_BIG),
            chunked(b"one", cut=True),
            gzipped(b"", damaged=True),
            lambda exchange: _say(exchange, b"this is no HTTP\r\n\r\n"),
        ],
        ids=["reset", "hang up", "half", "half of much", "cut chunks", "no gzip", "no http"],
    )
    def test_a_broken_answer_is_a_lost_connection(
        self, transport: Transport, server: ScriptedHttp, script: Script
    ) -> None:
        """The server may have acted, so the request is sent once."""
        server.on("/", script)
        with pytest.raises(ConnectionLost, match=f"127.0.0.1:{server.port}"):
            transport.send(_post(server, json={}))
        assert len(server.received) == 1

    def test_silence_times_out(self, transport: Transport, server: ScriptedHttp) -> None:
        """Before the head."""
        server.on("/", hang_until(threading.Event()))
        with pytest.raises(ReadTimedOut, match=f"127.0.0.1:{server.port}"):
            transport.send(_get(server, timeouts=Timeouts(read=0.1)))

    def test_silence_in_the_middle_times_out(
        self, transport: Transport, server: ScriptedHttp
    ) -> None:
        """After the head."""
        server.on("/", fall_silent_after(b"abc"))
        with pytest.raises(ReadTimedOut):
            transport.send(_get(server, timeouts=Timeouts(read=0.1)))

    def test_a_slow_answer_is_not_silence(self, transport: Transport, server: ScriptedHttp) -> None:
        """The limit is for each pause, not for the whole."""
        server.on("/", drip(b"0123456789", 0.05))
        response = transport.send(_get(server, timeouts=Timeouts(read=0.4)))
        assert response.body == b"0123456789"

    def test_no_read_limit_waits(self, transport: Transport, server: ScriptedHttp) -> None:
        """While a picture is made."""
        released = threading.Event()
        server.on("/", hang_until(released, answer(b"done")))
        request = _get(server, timeouts=Timeouts(connect=0.1, read=None))
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(transport.send, request)
            server.wait_for_requests(1)
            released.set()
            assert future.result().body == b"done"

    @pytest.mark.parametrize("fresh", [False, True], ids=["pooled", "fresh"])
    @pytest.mark.parametrize(
        "script",
        [
            hang_until(threading.Event()),
            fall_silent_after(b"abc"),
            until_we_hang_up(b"abc"),
            lambda exchange: _say(exchange, b"HTTP/1.1 200 OK\r\nX-Half: a he", silent=True),
        ],
        ids=["head", "body", "body without length", "half a head"],
    )
    def test_an_abort_brings_the_call_back_at_once(
        self, transport: Transport, server: ScriptedHttp, script: Script, fresh: bool
    ) -> None:
        """Wherever it waits, and although it would wait for ever."""
        server.on("/", script)
        abort = Abort()
        request = _get(server, timeouts=Timeouts(read=None), fresh_connection=fresh)
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(transport.send, request, abort=abort)
            server.wait_for_requests(1)
            pulled_at = time.monotonic()
            abort.pull()
            with pytest.raises(TransferAborted):
                future.result(timeout=5)
        assert time.monotonic() - pulled_at < _PROMPT

    def test_an_abort_does_not_make_an_answer_of_half_a_head(
        self, transport: Transport, server: ScriptedHttp
    ) -> None:
        """To some libraries a head that breaks off looks complete."""
        server.on("/", lambda exchange: _say(exchange, b"HTTP/1.1 200 OK\r\nX-", silent=True))
        abort = Abort()
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(transport.stream, _get(server), abort=abort)
            server.wait_for_requests(1)
            abort.pull()
            with pytest.raises(TransferAborted):
                future.result(timeout=5)

    def test_an_abort_ends_a_stream(self, transport: Transport, server: ScriptedHttp) -> None:
        """Between two pieces as well as inside one."""
        server.on("/", fall_silent_after(_BIG))
        abort = Abort()
        request = _get(server, timeouts=Timeouts(read=None))
        with transport.stream(request, abort=abort) as streamed:
            pieces = streamed.chunks()
            next(pieces)
            abort.pull()
            with pytest.raises(TransferAborted):
                list(pieces)

    def test_an_abort_pulled_before_sends_nothing(
        self, transport: Transport, server: ScriptedHttp
    ) -> None:
        """Not even a connection is needed."""
        abort = Abort()
        abort.pull()
        with pytest.raises(TransferAborted):
            transport.send(_get(server), abort=abort)
        assert server.received == ()

    def test_an_abort_pulled_afterwards_harms_nobody(
        self, transport: Transport, server: ScriptedHttp
    ) -> None:
        """The connection may belong to another request by then."""
        server.on("/", answer(b"fine"))
        released = threading.Event()
        server.on("/slow", hang_until(released, answer(b"fine too")))
        abort = Abort()
        transport.send(_get(server), abort=abort)
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(transport.send, _get(server, "/slow"))
            server.wait_for_requests(2)
            abort.pull()
            released.set()
            assert future.result().body == b"fine too"

    def test_a_get_survives_an_idle_connection_that_died(
        self, transport: Transport, server: ScriptedHttp
    ) -> None:
        """Servers close idle connections without a word."""
        server.on("/", answer_then_hang_up)
        for _ in range(5):
            assert transport.send(_get(server)).body == b"before"

    def test_a_get_survives_an_idle_connection_that_dies_under_it(
        self, transport: Transport, server: ScriptedHttp
    ) -> None:
        """The server closes it while the request is on its way."""
        server.on("/", _answer_once_a_connection())
        for _ in range(3):
            assert transport.send(_get(server)).body == b"fine"

    def test_a_post_on_an_idle_connection_that_dies_under_it_is_lost(
        self, transport: Transport, server: ScriptedHttp
    ) -> None:
        """The server may have read it."""
        server.on("/", _answer_once_a_connection())
        transport.send(_get(server))
        count = len(server.received)
        with suppress(ConnectionLost):  # unless it did not use that connection
            transport.send(_post(server, json={}))
        assert len(server.received) == count + 1

    def test_a_post_is_never_sent_twice(self, transport: Transport, server: ScriptedHttp) -> None:
        """Not even on a connection that worked before."""
        server.on("/", answer())
        server.on("/broken", hang_up)
        transport.send(_get(server))
        with pytest.raises(ConnectionLost):
            transport.send(_post(server, "/broken", json={}))
        assert [each.path for each in server.received] == ["/", "/broken"]

    def test_a_fresh_connection_is_a_new_one(
        self, transport: Transport, server: ScriptedHttp
    ) -> None:
        """It is never one of the idle ones, though it may become one of them."""
        server.on("/", answer(b"fine"))
        transport.send(_get(server))
        for _ in range(2):
            transport.send(_get(server, fresh_connection=True))
        assert len({each.connection for each in server.received}) == 3

    def test_pieces_of_a_stream_are_small(self, transport: Transport, server: ScriptedHttp) -> None:
        """So that a download of gigabytes needs no more memory than one of bytes."""
        server.on("/", answer(_BIG))
        with transport.stream(_get(server)) as streamed:
            pieces = list(streamed.chunks())
        assert b"".join(pieces) == _BIG
        assert max(map(len, pieces)) <= CHUNK_BYTES

    def test_a_body_is_read_into_a_buffer(self, transport: Transport, server: ScriptedHttp) -> None:
        """The same bytes, whatever the size of the buffer; at its end there are none, for good."""
        server.on("/", answer(_BIG))
        server.on("/next", answer(b"next"))
        for size in (1000, CHUNK_BYTES, len(_BIG) + 1):
            with transport.stream(_get(server)) as streamed:
                assert _read_all(streamed, size) == _BIG
                assert streamed.readinto(memoryview(bytearray(size))) == 0
            assert transport.send(_get(server, "/next")).body == b"next"

    @pytest.mark.parametrize(
        "script",
        [gzipped(_BIG), chunked(_BIG[:-9], _BIG[-9:]), answer(status=204), answer(b"")],
        ids=["gzip", "chunks", "no body", "empty"],
    )
    def test_reading_into_a_buffer_and_in_pieces_gives_the_same(
        self, transport: Transport, server: ScriptedHttp, script: Script
    ) -> None:
        """However it was packed or cut."""
        server.on("/", script)
        with transport.stream(_get(server)) as streamed:
            body = _read_all(streamed, 70_000)
        assert body == transport.send(_get(server)).body

    def test_what_has_arrived_is_handed_out(
        self, transport: Transport, server: ScriptedHttp
    ) -> None:
        """Who waited for a full buffer from a server that drips would wait for hours."""
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
        server.on("/", lambda exchange: _say(exchange, head + b"abc", silent=True))
        buffer = memoryview(bytearray(CHUNK_BYTES))
        with transport.stream(_get(server)) as streamed:
            assert bytes(buffer[: streamed.readinto(buffer)]) == b"abc"
        with transport.stream(_get(server)) as streamed:
            assert next(streamed.chunks()) == b"abc"

    @pytest.mark.parametrize(
        ("script", "error"),
        [
            (half_an_answer(b"half"), ConnectionLost),
            (half_an_answer(_BIG), ConnectionLost),
            (chunked(b"one", cut=True), ConnectionLost),
            (fall_silent_after(b"abc"), ReadTimedOut),
        ],
        ids=["half", "half of much", "cut chunks", "silence"],
    )
    def test_a_body_that_breaks_off_is_noticed_while_it_is_read_into_a_buffer(
        self,
        transport: Transport,
        server: ScriptedHttp,
        script: Script,
        error: type[TransportError],
    ) -> None:
        """As it is when it is read in pieces."""
        server.on("/", script)
        request = _get(server, timeouts=Timeouts(read=0.1))
        with transport.stream(request) as streamed, pytest.raises(error):
            _read_all(streamed, 70_000)

    @pytest.mark.parametrize(
        "script", [fall_silent_after(_BIG), until_we_hang_up(_BIG)], ids=["length", "no length"]
    )
    def test_an_abort_ends_reading_into_a_buffer(
        self, transport: Transport, server: ScriptedHttp, script: Script
    ) -> None:
        """Although it would wait for ever."""
        server.on("/", script)
        abort = Abort()
        request = _get(server, timeouts=Timeouts(read=None))
        with (
            transport.stream(request, abort=abort) as streamed,
            ThreadPoolExecutor(1) as pool,
        ):
            assert streamed.readinto(memoryview(bytearray(1000)))
            future = pool.submit(_read_all, streamed, 70_000)
            abort.pull()
            with pytest.raises(TransferAborted):
                future.result(timeout=5)

    def test_a_stream_can_be_left_early(self, transport: Transport, server: ScriptedHttp) -> None:
        """What was not read does not get into the next answer; closing again is harmless."""
        server.on("/", answer(_BIG))
        server.on("/next", answer(b"next"))
        with transport.stream(_get(server)) as streamed:
            next(streamed.chunks())
        streamed.close()
        assert transport.send(_get(server, "/next")).body == b"next"

    def test_threads_do_not_mix_their_answers(
        self, transport: Transport, server: ScriptedHttp
    ) -> None:
        """One transport for all lanes, monitors and downloads."""
        server.on("/", _echo)

        def ask(number: int) -> bool:
            response = transport.send(_post(server, json={"number": number, "pad": "x" * 10_000}))
            return bool(response.json()["number"] == number)

        with ThreadPoolExecutor(16) as pool:
            assert all(pool.map(ask, range(200)))

    @pytest.mark.parametrize(
        "fail",
        [
            lambda server: f"http://me:secret@127.0.0.1:{_unused_port()}/?token=secret",
            lambda server: server.url.replace("//", "//me:secret@") + "/lost?token=secret",
            lambda server: "http://me:secret@[::1/?token=secret",
            lambda server: server.url + "/long?token=secret",
            lambda server: server.url.replace("//", "//me:secret@") + "/private?token=secret",
        ],
        ids=["refused", "lost", "no address", "too long", "private"],
    )
    def test_no_error_shows_credentials(
        self, transport: Transport, server: ScriptedHttp, fail: Callable[[ScriptedHttp], str]
    ) -> None:
        """Messages end up in logs, in answers and in bug reports."""
        server.on("/lost?token=secret", hang_up)
        server.on("/long?token=secret", answer(_BIG))
        request = Request(
            method="POST",
            url=fail(server),
            auth=("me", "secret"),
            headers={"X-Api-Key": "secret"},
            json={"prompt": "secret"},
            max_answer_bytes=1000,
            public_only="private" in fail(server),
        )
        with pytest.raises(TransportError) as caught:
            transport.send(request)
        assert "secret" not in f"{caught.value} {caught.value.details}"

    def test_a_header_that_cannot_be_sent_is_not_shown(
        self, transport: Transport, server: ScriptedHttp
    ) -> None:
        """A line break in a pasted key is the usual case."""
        for value in ("secret\nkey", "secret 🔑"):
            with pytest.raises(TransportError) as caught:
                transport.send(_get(server, headers={"Authorization": value}))
            assert "secret" not in str(caught.value)
        assert server.received == ()

    def test_it_can_be_closed_twice_and_used_again(
        self, transport: Transport, server: ScriptedHttp
    ) -> None:
        """Closing drops idle connections, no more."""
        server.on("/", answer(b"fine"))
        transport.send(_get(server))
        transport.close()
        transport.close()
        server.wait_until_left()
        assert transport.send(_get(server)).body == b"fine"


def _get(server: ScriptedHttp, path: str = "/", **how: Any) -> Request:
    return Request(method="GET", url=server.url + path, **how)


def _read_all(streamed: StreamedResponse, size: int) -> bytes:
    buffer = memoryview(bytearray(size))
    body = bytearray()
    while count := streamed.readinto(buffer):
        body += buffer[:count]
    return bytes(body)


def _post(server: ScriptedHttp, path: str = "/", **how: Any) -> Request:
    return Request(method="POST", url=server.url + path, **how)


def _echo(exchange: Exchange) -> None:
    answer(json.dumps(json.loads(exchange.request.body)).encode())(exchange)


def _answer_once_a_connection() -> Script:
    """A second request on the same connection is read, and the connection closed."""
    answered: set[int] = set()

    def script(exchange: Exchange) -> None:
        if exchange.request.connection in answered:
            exchange.hang_up()
        else:
            answered.add(exchange.request.connection)
            answer(b"fine")(exchange)

    return script


def _say(exchange: Exchange, data: bytes, *, silent: bool = False) -> None:
    exchange.send(data)
    if silent:
        exchange.wait(10)
    exchange.hang_up()


def _unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])
