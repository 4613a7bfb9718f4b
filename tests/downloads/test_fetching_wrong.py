"""What is not the file never gets its name: pages, messages, other sizes, other bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.downloads.errands import CONTENT, FILENAME, SIZE, Errand, Links, fetcher_of, run, wanted

from stablequeue_core.downloads.failures import judge
from stablequeue_core.errors import (
    ConnectionLost,
    PrivateAddress,
    ReadTimedOut,
    StorageHostFailed,
    TooSlow,
    WrongFile,
)
from stablequeue_core.models import Hashes
from stablequeue_core.testing.civitai_simulator import Fault, generated_model
from stablequeue_core.testing.scripted_http import (
    ScriptedHttp,
    answer,
    gzipped,
    redirect,
)
from stablequeue_core.transport.requests_transport import RequestsTransport

OTHER_HASH = Hashes(sha256="ab" * 32)
PAGE = b"<!DOCTYPE html><html><title>Sign in - Civitai</title></html>"
OCTETS = {"Content-Type": "application/octet-stream", "ETag": '"x"'}


def failure_of(
    root: Path, body: bytes, filename: str = FILENAME, **headers: str
) -> tuple[WrongFile, list[str]]:
    """What fetching such an answer fails with, and what it leaves behind."""
    with ScriptedHttp() as server:
        server.on("/x", answer(body, headers={**OCTETS, **headers}))
        download = wanted(root, filename=filename)
        with pytest.raises(WrongFile) as caught:
            run(fetcher_of(RequestsTransport(), Links(server.url + "/x")), download)
    return caught.value, sorted(path.name for path in download.file.parent.iterdir())


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_login_page_with_status_200_is_never_saved_as_a_model(tmp_path: Path, kind: str) -> None:
    error, left = failure_of(tmp_path, PAGE, **{"Content-Type": kind})
    assert (error.code, left) == ("login_page", [])
    assert "CIVITAI_API_KEY" in error.message


def test_a_login_page_is_not_asked_for_again(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    errand.civitai.faults.next("storage", Fault.LOGIN_PAGE)
    error = errand.failure()
    assert judge(error, errand.download, errand.settings, float).retry_after is None


def test_a_redirect_to_a_login_page_is_known_by_the_page(tmp_path: Path) -> None:
    with ScriptedHttp() as server:
        server.on("/x", redirect("/login?reason=download-auth", status=302))
        page = answer(PAGE, headers={"Content-Type": "text/html"})
        server.on("/login?reason=download-auth", page)
        with pytest.raises(WrongFile) as caught:
            run(fetcher_of(RequestsTransport(), Links(server.url + "/x")), wanted(tmp_path))
    assert caught.value.code == "login_page"


def test_a_login_page_costs_nothing_of_what_is_here(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    errand.stop_at(100_000)
    here = errand.part.read_bytes()
    errand.civitai.faults.next("storage", Fault.LOGIN_PAGE)
    assert errand.failure().code == "login_page"
    assert errand.part.read_bytes() == here
    assert errand.fetch().file.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("body", "filename"),
    [
        (b'{"error": "Unauthorized"}', FILENAME),
        (b"\xef\xbb\xbf [1, 2]", FILENAME),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab", FILENAME),
        (b"", FILENAME),
        (bytes(SIZE), FILENAME),
        (b"\xff" * SIZE, FILENAME),
        ((10**9).to_bytes(8, "little") + b"{" + bytes(SIZE), FILENAME),
        (SIZE.to_bytes(8, "little") + b"{" + bytes(1000), FILENAME),
        (b"PK\x03\x04" + bytes(SIZE), FILENAME),
        (CONTENT, "harbor.gguf"),
        (b"GGUF" + bytes(SIZE), FILENAME),
        (b"no pickle", "harbor.ckpt"),
    ],
    ids=[
        "json",
        "json with a mark",
        "git-lfs",
        "empty",
        "zeros",
        "noise",
        "huge header",
        "header beyond the end",
        "zip as safetensors",
        "safetensors as gguf",
        "gguf as safetensors",
        "text as ckpt",
    ],
)
def test_what_is_no_model_is_known_by_its_first_bytes(
    tmp_path: Path, body: bytes, filename: str
) -> None:
    error, left = failure_of(tmp_path, body, filename)
    assert (error.code, left) == ("not_a_model", [])


@pytest.mark.parametrize("kind", ["application/json", "application/xml"])
def test_a_message_is_no_model(tmp_path: Path, kind: str) -> None:
    error, left = failure_of(tmp_path, CONTENT, **{"Content-Type": kind})
    assert (error.code, left) == ("not_a_model", [])


def test_no_more_than_the_beginning_is_fetched_of_what_is_no_model(tmp_path: Path) -> None:
    errand = Errand(tmp_path, content=bytes(1000) + generated_model(SIZE).read())
    assert errand.failure().code == "not_a_model"
    assert max(done for done, _ in errand.told) < SIZE


@pytest.mark.parametrize(
    ("body", "filename"),
    [
        (b"PK\x03\x04" + bytes(1000), "easy.pt"),
        (b"\x80\x02}q\x00.", "easy.bin"),
        (CONTENT, "harbor.ckpt"),
        (b"GGUF" + bytes(1000), "harbor.bin"),
    ],
    ids=["zip", "pickle", "safetensors", "gguf"],
)
def test_a_pickle_is_known_by_its_first_bytes_and_never_opened(
    tmp_path: Path, body: bytes, filename: str
) -> None:
    with ScriptedHttp() as server:
        server.on("/x", answer(body, headers=OCTETS))
        sha256 = hashlib.sha256(body).hexdigest()
        download = wanted(tmp_path, filename=filename, hashes=Hashes(sha256=sha256))
        run(fetcher_of(RequestsTransport(), Links(server.url + "/x")), download)
    assert download.file.read_bytes() == body


def test_another_size_than_civitai_tells_is_refused_before_it_is_fetched(tmp_path: Path) -> None:
    errand = Errand(tmp_path, size=SIZE * 2)
    assert errand.failure().code == "wrong_size"
    assert errand.told[-1][0] == 0


def test_a_size_that_civitai_has_rounded_is_fine(tmp_path: Path) -> None:
    assert Errand(tmp_path, size=SIZE - 1023).fetch().total == SIZE


def test_a_body_without_an_end_is_stopped_by_the_size_that_civitai_tells(tmp_path: Path) -> None:
    with ScriptedHttp() as server:
        endless = b"%x\r\n%b\r\n" % (len(CONTENT), CONTENT)
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        server.on("/x", lambda exchange: exchange.send(head + endless * 400))
        download = wanted(tmp_path, size=SIZE)
        with pytest.raises(WrongFile) as caught:
            run(fetcher_of(RequestsTransport(), Links(server.url + "/x")), download)
    assert caught.value.code == "wrong_size"


def test_a_packed_answer_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with ScriptedHttp() as server:
        server.on("/x", gzipped(bytes(50_000_000)))
        download = wanted(tmp_path)
        with pytest.raises(StorageHostFailed, match="gzip"):
            run(fetcher_of(RequestsTransport(), Links(server.url + "/x")), download)
    assert list(download.file.parent.iterdir()) == []


def test_a_truncated_answer_is_noticed_and_read_on(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    errand.civitai.faults.next("storage", Fault.TRUNCATED, after=100_000)
    assert isinstance(errand.failure(), ConnectionLost)
    assert len(errand.part.read_bytes()) == 100_000


def test_a_truncated_answer_without_a_length_is_known_by_its_size(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    errand.civitai.faults.next("storage", Fault.TRUNCATED_WITHOUT_LENGTH, after=100_000)
    assert errand.failure().code == "wrong_size"
    assert errand.fetch().file.read_bytes() == CONTENT


def test_a_byte_a_second_is_too_slow(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    drip = lambda: errand.clock.advance(1)  # noqa: E731
    errand.civitai.faults.next("storage", Fault.SLOW_DRIP, pause=drip)
    error = errand.failure()
    assert isinstance(error, TooSlow)
    assert error.details["received"] <= error.details["seconds"] == 60
    assert errand.fetch().file.read_bytes() == CONTENT


def test_slow_is_not_too_slow(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    slowly = lambda: errand.clock.advance(1)  # noqa: E731
    errand.civitai.faults.next("storage", Fault.SLOW_DRIP, pause=slowly, piece=2000)
    assert errand.fetch().file.read_bytes() == CONTENT


def test_silence_is_given_up(tmp_path: Path) -> None:
    errand = Errand(tmp_path, settings={"download_stall": 0.1})
    errand.civitai.faults.next("storage", Fault.STALL, after=100_000)
    assert isinstance(errand.failure(), ReadTimedOut)
    assert len(errand.part.read_bytes()) == 100_000


@pytest.mark.parametrize(("status", "pause"), [(429, None), (429, 7), (500, None), (503, 2)])
def test_a_storage_that_is_too_busy_is_left_alone_for_a_while(
    tmp_path: Path, status: int, pause: int | None
) -> None:
    headers = {} if pause is None else {"Retry-After": str(pause)}
    with ScriptedHttp() as server:
        server.on("/x", answer(status=status, headers=headers))
        with pytest.raises(StorageHostFailed) as caught:
            run(fetcher_of(RequestsTransport(), Links(server.url + "/x")), wanted(tmp_path))
    assert caught.value.details == {"status": status} | ({"retry_after": pause} if pause else {})


def test_a_wrong_byte_makes_it_be_fetched_once_more_from_the_beginning(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    errand.civitai.faults.next("storage", Fault.WRONG_BYTES, after=200_000)
    error = errand.failure()
    assert (error.code, error.details["is_final"]) == ("wrong_checksum", False)
    assert errand.names == []
    assert judge(error, errand.download, errand.settings, float).retry_after == 0
    assert errand.download.wrong_sha256 == error.details["sha256"]
    assert errand.fetch().file.read_bytes() == CONTENT
    assert "range" not in errand.at_storage[-1].headers


def test_the_same_wrong_file_twice_is_kept_aside_and_civitai_is_doubted(tmp_path: Path) -> None:
    errand = Errand(tmp_path, hashes=OTHER_HASH)
    errand.failure()
    errand.restart()
    error = errand.failure()
    assert (error.code, error.details["is_final"]) == ("wrong_checksum", True)
    assert "very same bytes" in error.message
    assert "Civitai" in error.message
    assert judge(error, errand.download, errand.settings, float).retry_after is None
    assert errand.names == [f"{FILENAME}.rejected"]
    assert (errand.download.file.parent / error.details["kept_as"]).read_bytes() == CONTENT


def test_two_different_wrong_files_are_the_fault_of_the_way(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    for position in (1000, 2000):
        errand.civitai.faults.next("storage", Fault.WRONG_BYTES, after=position)
    errand.failure()
    error = errand.failure()
    assert error.details["is_same"] is False
    assert "damaged on their way" in error.message


def test_what_was_kept_aside_before_is_not_overwritten(tmp_path: Path) -> None:
    errand = Errand(tmp_path, hashes=OTHER_HASH)
    kept = [f"{FILENAME}.rejected", f"{FILENAME}.rejected.2", f"{FILENAME}.rejected.3"]
    for _ in range(4):
        errand.failure()
    assert errand.names == kept


def test_a_wrong_file_is_not_read_on(tmp_path: Path) -> None:
    errand = Errand(tmp_path, hashes=OTHER_HASH)
    errand.failure()
    assert (errand.download.etag, errand.download.total, errand.download.bytes_done) == (
        None,
        None,
        0,
    )


def test_without_a_told_hash_a_damaged_header_is_wrong(tmp_path: Path) -> None:
    damaged = CONTENT[:20] + b"!" + CONTENT[21:]
    errand = Errand(tmp_path, content=damaged, is_hash_told=False)
    assert errand.failure().code == "wrong_header"
    error = errand.failure()
    assert (error.code, errand.names) == ("wrong_header", [f"{FILENAME}.rejected"])
    assert "the file itself is" in error.message


def test_the_right_hash_counts_more_than_an_odd_header(tmp_path: Path) -> None:
    done = Errand(tmp_path, content=CONTENT + b"an appendix").fetch()
    assert done.file.exists()
    assert "servers may refuse" in done.notes[0]


def test_a_link_into_a_private_network_is_refused(tmp_path: Path) -> None:
    errand = Errand(tmp_path)
    errand.civitai.faults.next("download", Fault.REDIRECT_TO_PRIVATE)
    error = errand.failure()
    assert isinstance(error, PrivateAddress)
    assert judge(error, errand.download, errand.settings, float).retry_after is None


def test_a_link_into_a_private_network_is_followed_if_that_is_allowed(tmp_path: Path) -> None:
    errand = Errand(tmp_path, settings={"allow_private_downloads": True})
    errand.civitai.faults.next("download", Fault.REDIRECT_TO_PRIVATE)
    assert errand.fetch().file.read_bytes() == CONTENT


def test_no_error_shows_a_signed_link_or_a_path_of_the_machine(tmp_path: Path) -> None:
    for fault in (Fault.LOGIN_PAGE, Fault.BUSY, Fault.RESET, Fault.WRONG_BYTES, Fault.STALL):
        errand = Errand(tmp_path, settings={"download_stall": 0.05})
        errand.civitai.faults.next("storage", fault)
        error = errand.failure()
        shown = f"{error.message} {error.details} {error!r}"
        assert "Signature" not in shown
        assert str(tmp_path) not in shown
