"""Where a file can be read from: the client asks Civitai for a link, and looks at it closely."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve
from tests.civitai.clients import Visitor, client_of, in_json, page, redirect, visitor

from stablequeue_core.civitai.client import CivitaiClient
from stablequeue_core.civitai.client.patience import ATTEMPTS
from stablequeue_core.downloads import Location
from stablequeue_core.errors import (
    AccessDenied,
    Archived,
    CivitaiGarbled,
    CivitaiNotFound,
    CivitaiRefused,
    CivitaiUnavailable,
    EarlyAccess,
    GenerationOnly,
    LoginNeeded,
    PaidAccess,
)
from stablequeue_core.settings import Settings
from stablequeue_core.testing.civitai_simulator import (
    BANNED_KEY,
    GOOD_KEY,
    RICH_KEY,
    Fault,
    SimulatedAccount,
    SimulatedFile,
    SimulatedModel,
    SimulatedVersion,
)
from stablequeue_core.testing.civitai_simulator.sample_world import OPENS
from stablequeue_core.testing.scripted_http import ScriptedHttp, fall_silent_after
from stablequeue_core.transport import Abort, Request, Response
from stablequeue_core.transport.requests_transport import RequestsTransport

STORAGE = "https://storage.civitai-files.example/"
FILE = Response(status=206, headers={"content-type": "application/octet-stream"}, body=b"x")


def locate(to: Visitor, version_id: int, file_id: int | None = None) -> Location:
    return to.client.locate(version_id, file_id, abort=Abort())


def located(
    answering: Callable[[Request], Response | Exception], *, key: str | None = "key"
) -> Location:
    return client_of(answering, key=key)[0].locate(7, None, abort=Abort())


def test_the_link_leads_to_the_storage_and_takes_no_key_along() -> None:
    to = visitor()
    location = locate(to, 700201)
    assert location.url.startswith(STORAGE)
    assert (location.headers, location.public_only) == ({}, True)
    assert to.asked == ["GET civitai.com/api/download/models/700201"]


def test_the_first_byte_is_asked_for_with_the_key_and_our_own_name() -> None:
    to = visitor()
    locate(to, 700201)
    headers = to.civitai.requests[0].headers
    assert headers["range"] == "bytes=0-0"
    assert headers["authorization"] == f"Bearer {GOOD_KEY}"
    assert headers["user-agent"].startswith("stablequeue/")


def test_a_file_is_chosen_by_its_number() -> None:
    to = visitor()
    assert "sdxl_vae" in locate(to, 700201, 900102).url
    assert to.civitai.requests[0].query == {"fileId": ["900102"]}


def test_a_link_is_never_shown_whole() -> None:
    location = locate(visitor(), 700201)
    assert location.url.partition("?")[2]
    assert location.url.partition("?")[2] not in repr(location)


def test_a_version_that_only_the_second_base_has_is_located_there() -> None:
    to = visitor()
    assert locate(to, 700801).url.startswith(STORAGE)
    assert to.asked == [
        "GET civitai.com/api/download/models/700801",
        "GET civitai.red/api/download/models/700801",
    ]


@pytest.mark.parametrize("file_id", [None, 1])
def test_a_file_that_is_nowhere_is_named(file_id: int | None) -> None:
    with pytest.raises(CivitaiNotFound, match="of version 7"):
        locate(visitor(), 7, file_id)


@pytest.mark.parametrize(
    ("version_id", "expected"),
    [
        (700304, EarlyAccess),
        (700401, Archived),
        (700501, PaidAccess),
        (700601, GenerationOnly),
    ],
)
def test_what_cannot_be_had_is_refused_with_its_reason(
    version_id: int, expected: type[CivitaiRefused]
) -> None:
    with pytest.raises(CivitaiRefused) as refused:
        locate(visitor(), version_id)
    assert type(refused.value) is expected


def test_early_access_tells_when_it_opens() -> None:
    with pytest.raises(EarlyAccess) as refused:
        locate(visitor(), 700304)
    assert refused.value.until == OPENS


@pytest.mark.parametrize("version_id", [700304, 700501])
def test_who_has_bought_it_gets_it_whatever_its_flags_say(version_id: int) -> None:
    assert locate(visitor(key=RICH_KEY), version_id).url.startswith(STORAGE)


def test_a_refusal_without_words_is_explained_by_what_the_version_says() -> None:
    to = visitor()
    file = SimulatedFile(id=700, name="x.safetensors", content=b"x")
    secret = SimulatedVersion(id=70, files=(file,), is_private=True, usage_control="Generation")
    to.civitai.world.add(SimulatedModel(id=7, name="x", versions=(secret,)))
    with pytest.raises(GenerationOnly):
        locate(to, 70)
    to.civitai.world.add(
        SimulatedModel(id=7, name="x", versions=(evolve(secret, usage_control="Download"),))
    )
    with pytest.raises(AccessDenied, match="do not have access"):
        locate(to, 70)


def test_a_blocked_account_is_told_so() -> None:
    to = visitor(key="blocked")
    to.civitai.world.add(SimulatedAccount(key="blocked", is_blocked=True))
    with pytest.raises(AccessDenied, match="Forbidden"):
        locate(to, 700201)


def test_without_a_key_a_login_is_needed() -> None:
    with pytest.raises(LoginNeeded, match="Make an API key") as refused:
        locate(visitor(key=None), 700201)
    assert not refused.value.details["key_was_sent"]


@pytest.mark.parametrize("key", [BANNED_KEY, "nonsense"])
def test_a_bad_key_is_told_from_a_missing_right_by_asking_whose_it_is(key: str) -> None:
    to = visitor(key=key)
    with pytest.raises(LoginNeeded, match="does not accept the API key"):
        locate(to, 700201)
    assert to.civitai.counts["GET /api/v1/me"] == 1


def test_a_good_key_that_is_asked_to_log_in_lacks_a_right() -> None:
    def answering(request: Request) -> Response:
        if request.url.endswith("/me"):
            return in_json({"id": 1, "username": "x"})
        return in_json({"error": "Unauthorized"}, 401)

    with pytest.raises(AccessDenied):
        located(answering)


def test_nobody_is_asked_whose_key_it_is_when_none_was_sent() -> None:
    client, anybody = client_of(lambda request: in_json({"error": "Unauthorized"}, 401), key=None)
    with pytest.raises(LoginNeeded):
        client.locate(7, None, abort=Abort())
    assert len(anybody.requests) == 1


@pytest.mark.parametrize(
    "target",
    [
        "/login?returnUrl=%2Fmodels%2F7&reason=download-auth",
        "https://civitai.com/login",
        "https://www.civitai.red/login?x",
    ],
)
def test_a_redirect_to_the_login_page_is_not_taken_for_a_file(target: str) -> None:
    with pytest.raises(LoginNeeded):
        located(lambda request: redirect(target), key=None)


def test_a_redirect_to_the_page_of_blocked_regions_is_a_refusal() -> None:
    with pytest.raises(CivitaiRefused, match="region"):
        located(lambda request: redirect("https://civitai.com/region-blocked"))


@pytest.mark.parametrize("target", ["/models/7", "https://civitai.com/", "https://civitai.red/x"])
def test_a_redirect_to_another_page_is_garbled(target: str) -> None:
    with pytest.raises(CivitaiGarbled, match="page for people"):
        located(lambda request: redirect(target))


@pytest.mark.parametrize(
    "target",
    [
        "",
        "ftp://storage.example/a",
        "file:///etc/passwd",
        "https://user:word@storage.example/a",
        "https://storage.example\\@civitai.com/a",
        "https://",
    ],
)
def test_a_redirect_that_leads_nowhere_is_garbled(target: str) -> None:
    with pytest.raises(CivitaiGarbled):
        located(lambda request: redirect(target))


def test_a_redirect_to_another_of_civitais_hosts_is_asked_there_without_the_key() -> None:
    def answering(request: Request) -> Response:
        if "www." in request.url:
            return redirect("https://storage.example/a?signature=x")
        return redirect("https://www.civitai.com/api/download/models/7", 301)

    client, anybody = client_of(answering, key="key")
    assert client.locate(7, None, abort=Abort()).url.startswith("https://storage.example/")
    assert anybody.keys == ["Bearer key", None]


def test_redirects_in_a_circle_end() -> None:
    to = visitor()
    to.civitai.faults.next("download", Fault.REDIRECT_LOOP, times=None)
    with pytest.raises(CivitaiGarbled, match="again and again"):
        locate(to, 700201)


def test_a_link_into_the_users_network_may_not_be_followed_there() -> None:
    to = visitor()
    to.civitai.faults.next("download", Fault.REDIRECT_TO_PRIVATE)
    assert locate(to, 700201).public_only


def test_it_may_where_the_settings_allow_it_or_name_the_host() -> None:
    to = visitor(allow_private_downloads=True)
    assert not locate(to, 700201).public_only
    client, _ = client_of(
        lambda request: redirect("http://10.0.0.9:9000/file"),
        civitai_url="http://10.0.0.9:8000/api/v1",
    )
    assert not client.locate(7, None, abort=Abort()).public_only


@pytest.mark.parametrize("status", [200, 206])
def test_a_server_that_answers_with_the_file_itself_is_asked_with_the_key_again(
    status: int,
) -> None:
    client, _ = client_of(
        lambda request: evolve(FILE, status=status),
        key="key",
        civitai_url="http://mirror.example/civitai/api/v1",
    )
    location = client.locate(7, 70, abort=Abort())
    assert location.url == "http://mirror.example/civitai/api/download/models/7?fileId=70"
    assert location.headers["Authorization"] == "Bearer key"
    assert not location.public_only
    assert "key" not in repr(location).replace("mirror", "")


def test_a_whole_file_is_not_read_to_find_out_where_it_is() -> None:
    with ScriptedHttp() as server:
        server.on("/api/download/models/7", fall_silent_after(b"\0" * 100_000))
        settings = Settings(civitai_url=f"{server.url}/api/v1", civitai_second_url=None)
        client = CivitaiClient(RequestsTransport(), settings)
        location = client.locate(7, None, abort=Abort())
        assert location.url == f"{server.url}/api/download/models/7"


@pytest.mark.parametrize(
    "answer",
    [
        page(),
        in_json({"error": "x"}),
        Response(status=200, headers={}, body=b"<!DOCTYPE html>"),
        Response(status=206, headers={"content-type": "text/html"}, body=b"<"),
    ],
)
def test_a_page_or_json_is_no_file(answer: Response) -> None:
    with pytest.raises(CivitaiGarbled):
        located(lambda request: answer)


def test_trouble_is_asked_again_and_a_limit_of_the_account_is_not() -> None:
    to = visitor()
    to.civitai.faults.next("download", Fault.EDGE_ERROR, times=ATTEMPTS - 1)
    assert locate(to, 700201).url.startswith(STORAGE)
    to.civitai.faults.next("download", Fault.TOO_MANY_DOWNLOADS, times=None)
    before = len(to.asked)
    with pytest.raises(CivitaiUnavailable, match="come back later"):
        locate(to, 700201)
    assert len(to.asked) == before + 1


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://mirror.example/api/v1", "https://mirror.example/api/download/models/7"),
        ("https://mirror.example/api/v2", "https://mirror.example/api/download/models/7"),
        ("https://mirror.example/civitai", "https://mirror.example/civitai/download/models/7"),
    ],
)
def test_downloads_lie_beside_the_version_of_the_api(base: str, expected: str) -> None:
    client, anybody = client_of(
        lambda request: redirect("https://storage.example/a"), civitai_url=base
    )
    client.locate(7, None, abort=Abort())
    assert anybody.urls == [expected]
