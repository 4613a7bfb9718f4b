"""What is here of a file is read on from its last byte: after resets, expiries and restarts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.downloads.errands import CONTENT, FILENAME, SIZE, Errand, Links, fetcher_of, run, wanted

from stablequeue_core.downloads import Download
from stablequeue_core.downloads.fetching.answers import strong
from stablequeue_core.downloads.fetching.part_file import part_path
from stablequeue_core.downloads.fetching.receiving import MOST_BARREN_LINKS
from stablequeue_core.errors import ConnectionLost, LinkExpired, StorageHostFailed
from stablequeue_core.models import NO_HASHES, Hashes
from stablequeue_core.testing.civitai_simulator import Fault, generated_model
from stablequeue_core.testing.scripted_http import (
    Exchange,
    Script,
    ScriptedHttp,
    answer,
)
from stablequeue_core.transport.requests_transport import RequestsTransport

HALF = 123_457


@pytest.fixture(params=["same process", "after a restart"])
def broken_off(request: pytest.FixtureRequest, tmp_path: Path) -> Errand:
    """An errand whose connection was reset in the middle of the file."""
    errand = Errand(tmp_path)
    errand.civitai.faults.next("storage", Fault.RESET, after=HALF)
    assert isinstance(errand.failure(), ConnectionLost)
    assert errand.part.read_bytes() == CONTENT[:HALF]
    if request.param == "after a restart":
        errand.restart()
    return errand


def test_it_is_read_on_from_the_byte_that_is_missing(broken_off: Errand) -> None:
    errand = broken_off
    assert errand.fetch().file.read_bytes() == CONTENT
    last = errand.at_storage[-1].headers
    assert (last["range"], last["if-range"]) == (f"bytes={HALF}-", errand.download.etag)
    assert errand.names == [FILENAME]


def test_a_storage_that_ignores_the_range_is_read_from_the_beginning(broken_off: Errand) -> None:
    errand = broken_off
    errand.civitai.faults.next("storage", Fault.RANGE_IGNORED, times=None)
    assert errand.fetch().file.read_bytes() == CONTENT


def test_a_file_that_was_replaced_meanwhile_is_read_from_the_beginning(broken_off: Errand) -> None:
    errand = broken_off
    other = generated_model(SIZE, seed=1).read()
    errand.offer(other)
    errand.download = evolve(errand.download, hashes=NO_HASHES)
    assert errand.fetch().file.read_bytes() == other


def test_the_same_bytes_under_another_etag_are_read_from_the_beginning(broken_off: Errand) -> None:
    errand = broken_off
    errand.civitai.faults.next("storage", Fault.ETAG_CHANGED, times=None)
    assert errand.fetch().file.read_bytes() == CONTENT


def test_a_part_that_is_whole_is_not_asked_for_again(broken_off: Errand) -> None:
    errand = broken_off
    errand.part.write_bytes(CONTENT)
    count = len(errand.civitai.requests)
    assert errand.fetch().file.read_bytes() == CONTENT
    assert len(errand.civitai.requests) == count


def test_a_part_that_is_longer_than_the_file_is_given_up(broken_off: Errand) -> None:
    errand = broken_off
    errand.part.write_bytes(CONTENT + b"more")
    assert errand.fetch().file.read_bytes() == CONTENT


def test_a_part_of_which_nobody_knows_the_end_may_be_whole(broken_off: Errand) -> None:
    errand = broken_off
    errand.part.write_bytes(CONTENT)
    errand.download = evolve(errand.download, total=None)
    assert errand.fetch().file.read_bytes() == CONTENT
    assert errand.at_storage[-1].headers["range"] == f"bytes={SIZE}-"


def test_a_part_that_somebody_has_touched_is_hashed_anew(broken_off: Errand) -> None:
    errand = broken_off
    errand.part.write_bytes(CONTENT[:1000] + b"!" + CONTENT[1001:HALF])
    error = errand.failure()
    assert error.code == "wrong_checksum"
    assert errand.fetch().file.read_bytes() == CONTENT


def test_an_expired_link_is_replaced_at_once_and_read_on(broken_off: Errand) -> None:
    errand = broken_off
    made = errand.civitai.storage.links_made
    errand.civitai.faults.next("storage", Fault.EXPIRED)
    assert errand.fetch().file.read_bytes() == CONTENT
    assert errand.civitai.storage.links_made == made + 2
    assert errand.at_storage[-1].headers["range"] == f"bytes={HALF}-"


def test_a_link_that_expires_midway_costs_nothing_that_is_here(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    errand.civitai.faults.next("storage", Fault.EXPIRE_MIDWAY, after=HALF)
    assert isinstance(errand.failure(), ConnectionLost)
    assert errand.fetch().file.read_bytes() == CONTENT
    assert errand.at_storage[-1].headers["range"] == f"bytes={HALF}-"


def test_links_that_always_expire_are_not_asked_for_without_end(tmp_path: Path) -> None:
    with ScriptedHttp() as server:
        server.on("/x", answer(b"<Error/>", status=403))
        links = Links(server.url + "/x")
        with pytest.raises(LinkExpired):
            run(fetcher_of(RequestsTransport(), links), wanted(tmp_path))
        assert links.asked == MOST_BARREN_LINKS


def test_links_that_bring_something_each_may_expire_as_often_as_they_like(tmp_path: Path) -> None:
    with ScriptedHttp() as server:
        pieces = 8
        urls = [f"{server.url}/{number}" for number in range(pieces)]
        for number in range(pieces):
            server.on(f"/{number}", _pieces(SIZE // pieces + 1))
        links = Links(*urls)
        done = run(fetcher_of(RequestsTransport(), links), _of_content(tmp_path))
        assert done.file.read_bytes() == CONTENT
        assert links.asked == pieces


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_whatever_the_storage_says_of_an_old_link_a_new_one_is_asked_for(
    tmp_path: Path, status: int
) -> None:
    with ScriptedHttp() as server:
        server.on("/old", answer(status=status))
        server.on("/new", answer(CONTENT))
        links = Links(server.url + "/old", server.url + "/new")
        run(fetcher_of(RequestsTransport(), links), _of_content(tmp_path))
        assert links.asked == 2


def test_a_storage_that_knows_no_etag_is_read_on_if_the_hash_will_tell(tmp_path: Path) -> None:
    assert _second_range(tmp_path, {}, is_hash_told=True) == f"bytes={HALF}-"


def test_a_weak_etag_is_not_sent_back(tmp_path: Path) -> None:
    assert _second_range(tmp_path, {"ETag": 'W/"x"'}, is_hash_told=True) == f"bytes={HALF}-"


def test_without_etag_and_hash_it_is_read_from_the_beginning(tmp_path: Path) -> None:
    assert _second_range(tmp_path, {}, is_hash_told=False) is None


def test_a_storage_that_answers_and_brings_nothing_is_not_asked_without_end(
    tmp_path: Path,
) -> None:
    with ScriptedHttp() as server:
        server.on("/x", _chunked_nothing)
        download = _of_content(tmp_path, etag='"x"', total=SIZE)
        part_path(download).parent.mkdir()
        part_path(download).write_bytes(CONTENT[:HALF])
        with pytest.raises(StorageHostFailed):
            run(fetcher_of(RequestsTransport(), Links(server.url + "/x")), download)
        assert part_path(download).read_bytes() == CONTENT[:HALF]


ACCIDENTS = st.sampled_from(
    [
        Fault.RESET,
        Fault.EXPIRE_MIDWAY,
        Fault.EXPIRED,
        Fault.RANGE_IGNORED,
        Fault.TRUNCATED,
        Fault.ETAG_CHANGED,
        Fault.BUSY,
    ]
)


@given(
    story=st.lists(st.tuples(ACCIDENTS, st.integers(0, SIZE)), max_size=12),
    restarts=st.lists(st.booleans(), max_size=12),
    is_hash_told=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_whatever_happens_the_file_ends_byte_identical(
    tmp_path_factory: pytest.TempPathFactory,
    story: list[tuple[Fault, int]],
    restarts: list[bool],
    is_hash_told: bool,
) -> None:
    errand = Errand(tmp_path_factory.mktemp("models"), is_hash_told=is_hash_told)
    for fault, after in story:
        errand.civitai.faults.next("storage", fault, after=after)
    assert errand.fetch_stubbornly(restarts).file.read_bytes() == CONTENT
    assert errand.names == [FILENAME]
    assert not errand.civitai.leaks


@given(st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_a_small_file_is_read_on_from_every_byte(
    tmp_path_factory: pytest.TempPathFactory, here: int
) -> None:
    content = generated_model(400).read()
    errand = Errand(tmp_path_factory.mktemp("models"), content=content)
    errand.part.parent.mkdir()
    errand.part.write_bytes(content[:here])
    assert errand.fetch().file.read_bytes() == content


def test_a_download_that_was_stopped_is_read_on_by_the_same_process(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    for stop in range(50_000, SIZE, 50_000):
        errand.stop_at(stop)
    errand.on_bytes = lambda done: None
    assert errand.fetch().file.read_bytes() == CONTENT


def _of_content(root: Path, *, is_hash_told: bool = True, **fields: Any) -> Download:
    sha256 = hashlib.sha256(CONTENT).hexdigest() if is_hash_told else None
    return wanted(root, size=SIZE, hashes=Hashes(sha256=sha256), **fields)


def _second_range(root: Path, etag: Mapping[str, str], *, is_hash_told: bool) -> str | None:
    """Which part a host with such an ETag is asked for after the connection was reset."""
    with ScriptedHttp() as server:
        server.on("/x", _first_half(etag))
        fetcher = fetcher_of(RequestsTransport(), Links(server.url + "/x"))
        download = _of_content(root, is_hash_told=is_hash_told, etag=strong(etag.get("ETag")))
        with pytest.raises(ConnectionLost):
            run(fetcher, download)
        server.on("/x", answer(CONTENT))
        run(fetcher, download)
        last = server.received[-1].headers
        assert "if-range" not in last
        return last.get("range")


def _first_half(headers: Mapping[str, str]) -> Script:
    """Promise all of it, and hang up in the middle."""

    def script(exchange: Exchange) -> None:
        lines = (f"{name}: {text}\r\n" for name, text in headers.items())
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n{''.join(lines)}\r\n"
        exchange.send(head.encode() + CONTENT[:HALF])
        exchange.hang_up()

    return script


def _pieces(size: int) -> Script:
    """At most so many bytes from where it was asked for; then the link is spent."""
    spent = False

    def script(exchange: Exchange) -> None:
        nonlocal spent
        if spent:
            answer(status=403)(exchange)
            return
        spent = True
        start = int(exchange.request.headers.get("range", "bytes=0-")[6:-1])
        stop = min(SIZE, start + size)
        headers = {"Content-Range": f"bytes {start}-{stop - 1}/{SIZE}"}
        answer(CONTENT[start:stop], status=206, headers=headers)(exchange)

    return script


def _chunked_nothing(exchange: Exchange) -> None:
    answer_head = f"HTTP/1.1 206 Part\r\nContent-Range: bytes {HALF}-{SIZE - 1}/{SIZE}\r\n"
    exchange.send(f"{answer_head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode())
