"""What an answer without a value means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.civitai.recorded import ERRORS, recorded, recorded_error

from stablequeue_core.civitai.client.answers import (
    Asked,
    error_of,
    is_rate_limit,
    may_pass,
    value_of,
)
from stablequeue_core.civitai.client.refusals import closed, explained
from stablequeue_core.civitai.client.saying import SAID_CHARS, said_in
from stablequeue_core.civitai.reading.models import version_in
from stablequeue_core.civitai.records import CivitaiVersion
from stablequeue_core.errors import (
    AccessDenied,
    Archived,
    CivitaiError,
    CivitaiGarbled,
    CivitaiNotFound,
    CivitaiRefused,
    CivitaiUnavailable,
    EarlyAccess,
    GenerationOnly,
    LoginNeeded,
    PaidAccess,
    StableQueueError,
)
from stablequeue_core.transport import Response

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "the-key-that-nobody-may-see"
ASKED = Asked(what="version 700201", host="civitai.com", now=NOW, key_was_sent=True, secret=KEY)

EXPECTED: dict[str, type[StableQueueError]] = {
    "error_200_login_page.html": CivitaiGarbled,
    "error_400_bad_cursor.json": CivitaiRefused,
    "error_400_bad_id.json": CivitaiRefused,
    "error_400_bulk_hash.json": CivitaiRefused,
    "error_400_list_validation.json": CivitaiRefused,
    "error_400_query_with_page.json": CivitaiRefused,
    "error_400_storage_auth_forwarded.xml": CivitaiGarbled,
    "error_401_download_disabled.json": GenerationOnly,
    "error_401_download_login.json": LoginNeeded,
    "error_401_unauthorized.json": LoginNeeded,
    "error_403_challenge.html": CivitaiRefused,
    "error_403_early_access.json": EarlyAccess,
    "error_403_forbidden.json": AccessDenied,
    "error_403_no_access.json": AccessDenied,
    "error_404_download.json": CivitaiNotFound,
    "error_404_missing_file.json": CivitaiNotFound,
    "error_404_model.json": CivitaiNotFound,
    "error_404_version_or_hash.json": CivitaiNotFound,
    "error_405_method.json": CivitaiRefused,
    "error_410_archived.json": Archived,
    "error_429_downloads.json": CivitaiUnavailable,
    "error_429_retry_after.json": CivitaiUnavailable,
    "error_429_too_many_pages.json": CivitaiRefused,
    "error_500_generic.json": CivitaiUnavailable,
    "error_500_version.json": CivitaiUnavailable,
    "error_502_edge.html": CivitaiUnavailable,
    "error_503_images.json": CivitaiUnavailable,
    "error_503_internal_code.json": CivitaiUnavailable,
    "error_503_search.json": CivitaiUnavailable,
}

PASSING = {
    "error_429_retry_after.json",
    "error_500_generic.json",
    "error_500_version.json",
    "error_502_edge.html",
    "error_503_images.json",
    "error_503_internal_code.json",
    "error_503_search.json",
}


def answer(status: int, body: bytes, kind: str = "application/json") -> Response:
    return Response(status=status, headers={"content-type": kind}, body=body)


def meant(response: Response) -> StableQueueError:
    with pytest.raises((CivitaiError, CivitaiNotFound)) as raised:
        value_of(response, ASKED)
    return raised.value


def version(**changes: Any) -> CivitaiVersion:
    read = version_in(recorded("model_version.json") | changes)
    assert read is not None
    return read


def test_there_is_an_expectation_for_every_recorded_error() -> None:
    assert set(EXPECTED) == set(ERRORS)


@pytest.mark.parametrize("name", ERRORS)
def test_every_recorded_error_has_its_type(name: str) -> None:
    assert type(meant(recorded_error(name))) is EXPECTED[name]


@pytest.mark.parametrize("name", ERRORS)
def test_only_what_can_heal_is_worth_asking_again(name: str) -> None:
    assert may_pass(recorded_error(name)) is (name in PASSING)


def test_too_many_pages_is_no_rate_limit() -> None:
    assert not is_rate_limit(recorded_error("error_429_too_many_pages.json"))
    assert is_rate_limit(recorded_error("error_429_retry_after.json"))


def test_a_limit_of_the_account_is_not_over_in_a_moment() -> None:
    assert not may_pass(recorded_error("error_429_downloads.json"))


def test_early_access_tells_when_it_opens() -> None:
    error = meant(recorded_error("error_403_early_access.json"))
    assert isinstance(error, EarlyAccess)
    assert error.until == datetime(2026, 12, 1, tzinfo=UTC)
    assert "1 December 2026" in error.message.replace("01 ", "1 ")


def test_early_access_without_a_deadline_is_for_those_who_pay() -> None:
    assert isinstance(meant(answer(403, b'{"error": "Early Access"}')), PaidAccess)


def test_early_access_whose_deadline_is_over_is_early_access_all_the_same() -> None:
    body = b'{"error": "Early Access", "deadline": "2020-01-01T00:00:00.000Z"}'
    error = meant(answer(403, body))
    assert isinstance(error, EarlyAccess)
    assert error.until is None


def test_what_is_not_found_is_named() -> None:
    assert "version 700201" in meant(recorded_error("error_404_model.json")).message


def test_a_challenge_is_explained() -> None:
    message = meant(recorded_error("error_403_challenge.html")).message
    assert "region" in message
    assert "firewall" in message


@pytest.mark.parametrize("status", [500, 502, 503, 504, *range(520, 527)])
def test_a_page_with_a_status_of_trouble_is_trouble(status: int) -> None:
    page = recorded_error("error_502_edge.html")
    error = meant(Response(status=status, headers=page.headers, body=page.body))
    assert isinstance(error, CivitaiUnavailable)
    assert "<" not in error.message


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<!DOCTYPE html><html></html>", "application/json"),
        (b"\xef\xbb\xbf \n<html>", ""),
        (b'{"id": 700201}', "text/html; charset=utf-8"),
        (b"<?xml version='1.0'?><Error/>", "text/plain"),
        (b"", "application/json"),
        (b"hello", "application/json"),
        (b'{"id": 700201, "modelId": 6001', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"1" * 10_000, "application/json"),
        (b"\xff\xfe\xff", "application/json"),
    ],
)
def test_a_200_that_is_no_json_is_garbled(body: bytes, kind: str) -> None:
    assert isinstance(meant(answer(200, body, kind)), CivitaiGarbled)


def test_a_404_with_a_page_means_that_there_is_no_api() -> None:
    error = meant(answer(404, b"<!DOCTYPE html>", "text/html"))
    assert isinstance(error, CivitaiGarbled)
    assert "STABLEQUEUE_CIVITAI_URL" in error.message


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("error_400_bad_cursor.json", "Invalid cursor: expected 3 value(s) for this sort"),
        ("error_400_bad_id.json", "✖ Invalid input: expected number, received NaN → at id"),
        ("error_400_bulk_hash.json", "Request must include an array of SHA256 Hashes."),
        ("error_400_list_validation.json", "sort: Invalid option"),
        ("error_401_download_disabled.json", "The creator of this asset has disabled downloads"),
        ("error_500_generic.json", "An unexpected error occurred: connect ETIMEDOUT"),
        ("error_503_internal_code.json", "Service temporarily unavailable"),
        ("error_502_edge.html", ""),
    ],
)
def test_an_error_is_told_in_civitais_words_in_whichever_shape(name: str, said: str) -> None:
    assert said_in(recorded_error(name), None).startswith(said)


def test_a_server_that_repeats_the_key_does_not_make_us_show_it() -> None:
    for status in (400, 401, 402, 403, 404, 410, 418, 429, 500, 503):
        for shape in ('{"error": "no: %s"}', '{"message": ["%s"], "error": {"message": "%s"}}'):
            body = shape.replace("%s", KEY).encode()
            error = error_of(answer(status, body), ASKED)
            assert KEY not in f"{error!r} {error} {error.details}"


def test_an_old_flag_stops_nobody_but_explains_a_refusal_without_words() -> None:
    vague = meant(recorded_error("error_403_no_access.json"))
    assert isinstance(vague, CivitaiRefused)
    soon = (NOW + timedelta(days=1)).isoformat()
    told: list[tuple[dict[str, Any], type[CivitaiRefused]]] = [
        ({"usageControl": "Generation"}, GenerationOnly),
        ({"paidAccess": {"permanent": True}}, PaidAccess),
        ({"paidAccess": {"permanent": False, "endsAt": soon}}, EarlyAccess),
        ({"model": {"mode": "Archived"}}, Archived),
        ({}, AccessDenied),
    ]
    for changes, expected in told:
        assert type(explained(vague, version(**changes), NOW)) is expected


def test_early_access_without_a_deadline_takes_it_from_the_version() -> None:
    soon = (NOW + timedelta(days=1)).isoformat()
    told = version(paidAccess={"permanent": False, "endsAt": soon})
    error = explained(PaidAccess(), told, NOW)
    assert isinstance(error, EarlyAccess)
    assert error.until == NOW + timedelta(days=1)


def test_a_refusal_that_says_why_needs_no_explanation() -> None:
    archived = version(model={"mode": "Archived"})
    for refusal in (GenerationOnly(), LoginNeeded(key_was_sent=False), EarlyAccess(None)):
        assert explained(refusal, archived, NOW) is refusal


def test_early_access_that_is_over_closes_nothing() -> None:
    over = version(paidAccess={"permanent": False, "endsAt": "2020-01-01T00:00:00Z"})
    assert closed(over, NOW) is None


@given(
    st.integers(100, 599),
    st.binary(max_size=40) | st.sampled_from([b"{}", b"[]", b"null", b'{"error": 7}', b"<x"]),
    st.sampled_from(["application/json", "text/html", "", "image/png"]),
    st.sampled_from(["", "7", "-1", "soon", "Thu, 01 Jan 2099 00:00:00 GMT", "9" * 400]),
)
def test_any_answer_is_a_value_or_one_of_our_errors(
    status: int, body: bytes, kind: str, retry_after: str
) -> None:
    headers = {"content-type": kind, "retry-after": retry_after}
    response = Response(status=status, headers=headers, body=body)
    try:
        value_of(response, ASKED)
    except (CivitaiError, CivitaiNotFound) as error:
        message = error.message
    else:
        message = ""
    assert len(message) < 3 * SAID_CHARS
    assert isinstance(may_pass(response), bool)
