"""Who may have which file, and what the storage does with a link; in-process and over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.testing.civitai_client import CARRIERS, Client, carried

from stablequeue_core.testing.civitai_simulator import (
    GOOD_KEY,
    RICH_KEY,
    SimulatedAccount,
    SimulatedCivitai,
    SimulatedFile,
    SimulatedModel,
    SimulatedVersion,
)
from stablequeue_core.testing.clock import FakeClock

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 11, 23, tzinfo=UTC))


@pytest.fixture
def civitai(clock: FakeClock) -> SimulatedCivitai:
    return SimulatedCivitai.with_sample_models(clock=clock)


@pytest.fixture(params=CARRIERS)
def client(request: pytest.FixtureRequest, civitai: SimulatedCivitai) -> Iterator[Client]:
    with carried(request.param, civitai) as client:
        yield client


def content(civitai: SimulatedCivitai, file_id: int) -> bytes:
    file = civitai.world.file(file_id)
    assert file is not None
    return file.content.read()


def refusal(
    client: Client, version_id: int, query: str = "", *, key: str | None = GOOD_KEY
) -> tuple[int, str]:
    answer = client.ask(f"/api/download/models/{version_id}{query}", key=key)
    return answer.status, answer.json()["error"]


# The gate


def test_a_link_leads_to_another_host_and_is_not_to_be_kept(client: Client) -> None:
    answer = client.ask("/api/download/models/700201")
    assert answer.status == 307
    assert answer.headers["cache-control"] == "no-store, max-age=0"
    link = urlsplit(answer.headers["location"])
    assert link.netloc != urlsplit(client.base).netloc
    query = parse_qs(link.query)
    assert query["response-content-disposition"] == [
        'attachment; filename="harborMixXL_v20.safetensors"'
    ]
    assert {"X-Amz-Expires", "X-Amz-Date", "X-Amz-Signature"} <= set(query)


def test_every_download_needs_a_key(client: Client) -> None:
    answer = client.ask("/api/download/models/700303", key=None)
    assert (answer.status, "logged in" in answer.json()["message"]) == (401, True)


def test_early_access_is_told_before_the_login_is_asked_for(client: Client) -> None:
    assert refusal(client, 700304, key=None) == (403, "Early Access")


def test_early_access_ends_and_who_paid_need_not_wait(
    civitai: SimulatedCivitai, clock: FakeClock, client: Client
) -> None:
    opens = datetime(2026, 11, 24, tzinfo=UTC)
    file = SimulatedFile(id=700, name="fox.safetensors", content=b"fox")
    versions = [SimulatedVersion(id=70, files=[file], early_access_until=opens)]
    civitai.world.add(
        SimulatedModel(id=7, name="Fox", versions=versions),
        SimulatedAccount(key="paid", bought=[70]),
    )
    assert refusal(client, 70) == (403, "Early Access")
    assert client.ask("/api/download/models/70", key="paid").status == 307
    clock.advance(86_400)
    assert client.ask("/api/download/models/70").status == 307


def test_what_is_sold_has_no_deadline(client: Client) -> None:
    answer = client.ask("/api/download/models/700501")
    assert (answer.status, "deadline" in answer.json()) == (403, False)
    assert client.ask("/api/download/models/700501", key=RICH_KEY).status == 307


def test_a_file_that_is_not_there_is_told_before_an_archived_model(client: Client) -> None:
    assert refusal(client, 700401) == (410, "Model archived, not available for download")
    assert refusal(client, 700401, "?fileId=5") == (404, "File not found")


def test_generation_only_is_told_last(client: Client) -> None:
    assert refusal(client, 700601)[0] == 401
    assert "disabled" in client.ask("/api/download/models/700601").json()["message"]


@pytest.mark.parametrize("version_id", ["x", "0", "99999999999"])
def test_a_bad_id_is_refused(client: Client, version_id: str) -> None:
    assert client.ask(f"/api/download/models/{version_id}").status == 400


def test_a_bad_parameter_is_told_before_an_unknown_version(client: Client) -> None:
    assert client.ask("/api/download/models/5?size=huge").status == 400
    assert client.ask("/api/download/models/5").status == 404


def test_a_file_id_is_the_sure_way_to_a_file_its_own_address_may_fail(client: Client) -> None:
    files = client.ask("/api/v1/model-versions/700201").json()["files"]
    own_address = files[1]["downloadUrl"]
    assert urlsplit(own_address).query == "type=VAE&format=SafeTensor"
    assert client.ask(own_address).status == 404
    sure = client.fetch(client.link(700201, f"?fileId={files[1]['id']}"))
    assert sure.body == content(client.civitai, 900102)


def test_a_kind_that_matches_no_file_is_not_found(client: Client) -> None:
    assert refusal(client, 700201, "?type=Config") == (404, "File not found")
    assert refusal(client, 700201, "?fp=fp32") == (404, "File not found")
    assert client.ask("/api/download/models/700201?size=huge").status == 400
    assert client.link(700201, "?type=Model&format=SafeTensor&size=pruned&fp=fp16")


def test_head_is_refused_whatever_the_key(client: Client) -> None:
    assert client.ask("/api/download/models/700201", method="HEAD").status == 401


@pytest.mark.parametrize("version_id", [700303, 700304])
def test_a_browser_is_led_to_the_login_which_ends_well(client: Client, version_id: int) -> None:
    answer = client.ask(f"/api/download/models/{version_id}", key=None, headers=BROWSER)
    assert answer.status == 307
    place = answer.headers["location"]
    assert "/login?returnUrl=" in place
    assert "reason=download-auth" in place
    page = client.ask(place, key=None)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_a_browser_gets_other_refusals_as_plain_text(client: Client) -> None:
    answer = client.ask("/api/download/models/700401", headers=BROWSER)
    assert (answer.status, answer.headers["content-type"]) == (410, "text/plain; charset=utf-8")


# The storage


def test_the_whole_file(client: Client) -> None:
    answer = client.fetch(client.link())
    assert answer.status == 200
    assert answer.body == content(client.civitai, 900101)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"] == (
        'attachment; filename="harborMixXL_v20.safetensors"'
    )


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=100-", slice(100, None)),
        ("bytes=100-199", slice(100, 200)),
        ("bytes=-10", slice(-10, None)),
        ("bytes=9863519-99999999", slice(9863519, None)),
    ],
)
def test_a_part_of_the_file(client: Client, asked: str, part: slice) -> None:
    whole = content(client.civitai, 900101)
    answer = client.fetch(client.link(), range=asked)
    assert (answer.status, answer.body) == (206, whole[part])
    start, stop, _ = part.indices(len(whole))
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
    assert answer.headers["content-length"] == str(stop - start)


def test_a_part_behind_the_end_is_refused(client: Client) -> None:
    answer = client.fetch(client.link(), range="bytes=9863520-")
    assert answer.status == 416
    assert answer.headers["content-range"] == "bytes */9863520"


def test_a_part_is_only_given_of_the_very_bytes_that_were_meant(client: Client) -> None:
    link = client.link(700303)
    etag = client.fetch(link).headers["etag"]
    assert etag.startswith('"')
    assert client.fetch(link, range="bytes=5-", if_range=etag).status == 206
    assert client.fetch(link, range="bytes=5-", if_range='"another"').status == 200


def test_a_nonsensical_range_is_ignored(client: Client) -> None:
    link = client.link(700303)
    for asked in ("bytes=1-2,4-5", "lines=1-2", "bytes=-", "bytes=9-3"):
        assert client.fetch(link, range=asked).status == 200


def test_a_storage_refuses_a_key_in_one_of_two_ways(client: Client) -> None:
    link = client.link(700303)
    answer = client.ask(link)
    assert (answer.status, b"InvalidRequest" in answer.body) == (400, True)
    client.civitai.storage.refuses_with_403 = True
    assert client.ask(link).status == 403
    assert client.fetch(link).status == 200


def test_a_link_expires(clock: FakeClock, client: Client) -> None:
    client.civitai.storage.link_seconds = 60
    link = client.link(700303)
    clock.advance(59)
    assert client.fetch(link).status == 200
    clock.advance(1)
    answer = client.fetch(link)
    assert (answer.status, b"Request has expired" in answer.body) == (403, True)
    assert client.fetch(client.link(700303)).status == 200


def test_links_expire_by_command(client: Client) -> None:
    link = client.link(700303)
    client.civitai.expire_links()
    assert client.fetch(link).status == 403
    assert client.civitai.storage.links_made == 1


def test_a_link_that_was_changed_is_refused(client: Client) -> None:
    link = client.link(700303)
    assert client.fetch(link[:-1] + "x").status == 403
    assert client.fetch(link.replace("/model/", "/models/")).status == 403
    assert client.ask(link, key=None, method="HEAD").status == 403


@pytest.mark.parametrize(
    "name", ["..\\..\\x.safetensors", "CON", "a/b.safetensors", "x" * 300, "../../../etc/passwd"]
)
def test_names_may_be_hostile_in_the_api_and_at_the_storage(client: Client, name: str) -> None:
    file = SimulatedFile(id=700, name=name, content=b"fox")
    versions = [SimulatedVersion(id=70, files=[file])]
    client.civitai.world.add(SimulatedModel(id=7, name="Fox", versions=versions))
    assert client.ask("/api/v1/model-versions/70").json()["files"][0]["name"] == name
    answer = client.fetch(client.link(70))
    assert answer.body == b"fox"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'


def test_the_storage_may_call_a_file_otherwise_than_the_api(client: Client) -> None:
    file = SimulatedFile(id=700, name="fox.ckpt", content=b"fox", sent_name="..\\evil.exe")
    versions = [SimulatedVersion(id=70, files=[file])]
    client.civitai.world.add(SimulatedModel(id=7, name="Fox", versions=versions))
    answer = client.fetch(client.link(70))
    assert answer.headers["content-disposition"] == 'attachment; filename="..\\evil.exe"'


# What was seen


def test_requests_are_remembered_with_who_was_asked(client: Client) -> None:
    client.fetch(client.link(700303), range="bytes=0-0")
    gate, storage = client.civitai.requests
    assert (gate.method, gate.path) == ("GET", "/api/download/models/700303")
    assert gate.place is not None
    assert gate.place.is_api
    assert gate.headers["authorization"].startswith("Bearer ")
    assert storage.place is not None
    assert not storage.place.is_api
    assert storage.headers["range"] == "bytes=0-0"
    assert storage.host == urlsplit(storage.url).netloc != gate.host
    assert client.civitai.counts["GET /api/download/models/700303"] == 1


def test_a_key_that_went_astray_is_seen(client: Client) -> None:
    link = client.link(700303)
    client.fetch(link)
    assert client.civitai.leaks == []
    client.ask(link)
    assert [leak.path for leak in client.civitai.leaks] == [urlsplit(link).path]


def test_what_was_seen_shows_no_key(client: Client) -> None:
    client.ask(f"/api/v1/me?token={RICH_KEY}")
    shown = repr(client.civitai.requests) + repr(SimulatedAccount(key=RICH_KEY))
    assert RICH_KEY not in shown
    assert "Bearer" not in shown
