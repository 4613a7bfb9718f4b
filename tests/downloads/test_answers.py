"""What the head of a storage's answer means for the part that is here."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.downloads.fetching.answers import Head, Meaning, read_head, strong
from stablequeue_core.errors import StorageHostFailed, WrongFile

ETAG = '"9f90c59f3a-1"'


def head(
    status: int = 206,
    *,
    here: int = 100,
    total: int | None = 1000,
    etag: str | None = ETAG,
    **headers: str,
) -> Head:
    named: Mapping[str, str] = {name.replace("_", "-"): text for name, text in headers.items()}
    return read_head(status, named, here=here, total=total, etag=etag)


def test_the_part_that_was_asked_for_goes_on() -> None:
    found = head(content_range="bytes 100-999/1000", content_length="900", etag_="x")
    assert found == Head(meaning=Meaning.GOES_ON, total=1000, etag=ETAG)


def test_a_shorter_part_goes_on_too() -> None:
    assert head(content_range="bytes 100-199/1000").meaning is Meaning.GOES_ON


def test_an_unknown_total_stays_what_it_was() -> None:
    assert head(content_range="bytes 100-999/*").total == 1000


def test_all_of_it_begins_anew() -> None:
    found = read_head(
        200, {"content-length": "1000", "etag": '"other"'}, here=100, total=1000, etag=ETAG
    )
    assert found == Head(meaning=Meaning.BEGINS, total=1000, etag='"other"')


def test_another_total_or_etag_is_another_file() -> None:
    assert head(content_range="bytes 100-1999/2000").meaning is Meaning.START_OVER
    found = read_head(
        206,
        {"content-range": "bytes 100-999/1000", "etag": '"other"'},
        here=100,
        total=1000,
        etag=ETAG,
    )
    assert found.meaning is Meaning.START_OVER


def test_behind_the_end_there_is_nothing_more_or_another_file() -> None:
    assert head(416, here=1000, content_range="bytes */1000").meaning is Meaning.NOTHING_MORE
    assert head(416, here=1001, content_range="bytes */1000").meaning is Meaning.START_OVER
    assert head(416, here=1000).meaning is Meaning.START_OVER


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refused_link_has_expired(status: int) -> None:
    assert head(status, content_type="application/xml").meaning is Meaning.EXPIRED


def test_a_400_in_xml_is_a_link_that_has_expired() -> None:
    assert head(400, content_type="application/xml").meaning is Meaning.EXPIRED
    with pytest.raises(StorageHostFailed):
        head(400, content_type="text/plain")


@pytest.mark.parametrize(
    "content_range",
    [
        "",
        "bytes 0-999/1000",
        "bytes 101-999/1000",
        "bytes 100-99/1000",
        "bytes 100-1000/1000",
        "bytes 100-999",
        "bytes x-y/z",
        "100-999/1000",
    ],
)
def test_a_part_that_was_not_asked_for_is_not_used(content_range: str) -> None:
    with pytest.raises(StorageHostFailed):
        head(content_range=content_range)


def test_a_length_that_does_not_fit_its_part_is_not_used() -> None:
    with pytest.raises(StorageHostFailed):
        head(content_range="bytes 100-999/1000", content_length="1000")


def test_several_parts_at_once_are_not_used() -> None:
    with pytest.raises(StorageHostFailed):
        head(content_type="multipart/byteranges; boundary=x")


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
def test_packed_answers_are_not_used(encoding: str) -> None:
    with pytest.raises(StorageHostFailed):
        head(content_range="bytes 100-999/1000", content_encoding=encoding)


def test_an_answer_that_is_said_not_to_be_packed_is_used() -> None:
    found = head(content_range="bytes 100-999/1000", content_encoding="identity")
    assert found.meaning is Meaning.GOES_ON


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("text/html", "login_page"),
        ("Text/HTML; charset=utf-8", "login_page"),
        ("application/json", "not_a_model"),
        ("application/xml", "not_a_model"),
    ],
)
def test_pages_and_messages_are_no_file(kind: str, code: str) -> None:
    with pytest.raises(WrongFile) as caught:
        head(200, content_type=kind)
    assert caught.value.code == code


@pytest.mark.parametrize("status", [201, 204, 304, 402, 418, 429, 500, 503, 522])
def test_any_other_status_is_the_hosts_trouble(status: int) -> None:
    with pytest.raises(StorageHostFailed) as caught:
        head(status)
    assert caught.value.details["status"] == status


def test_a_416_for_all_of_it_is_the_hosts_trouble() -> None:
    with pytest.raises(StorageHostFailed):
        head(416, here=0)


@pytest.mark.parametrize("etag", [None, "", '"', '""', "x", 'W/"x"', '"ü"', '"a\n"', "'x'"])
def test_only_a_strong_etag_is_relied_on(etag: str | None) -> None:
    assert strong(etag) is None


@given(
    st.sampled_from([200, 206, 400, 403, 416, 429, 500]),
    st.dictionaries(
        st.sampled_from(["content-range", "content-length", "content-type", "etag", "retry-after"]),
        st.one_of(st.text(max_size=30), st.integers().map("bytes 5-{}/9".format)),
    ),
    st.integers(0, 10),
)
def test_no_head_makes_it_stumble(status: int, headers: dict[str, str], here: int) -> None:
    try:
        found = read_head(status, headers, here=here, total=None, etag=None)
    except (StorageHostFailed, WrongFile):
        return
    assert isinstance(found.meaning, Meaning)
