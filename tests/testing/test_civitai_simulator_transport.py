"""The simulator as a Transport: which hosts it knows, what it lets through, what it saw."""

from __future__ import annotations

import pytest
from tests.testing.civitai_client import Client

from stablequeue_core.errors import ConnectFailed, PrivateAddress, TransferAborted
from stablequeue_core.testing.civitai_simulator import (
    GOOD_KEY,
    CivitaiSimulator,
    Fault,
    Origins,
    Place,
    SimulatedCivitai,
)
from stablequeue_core.testing.forge_simulator import ForgeSimulator, SimulatedForge
from stablequeue_core.transport import Abort, Request


@pytest.fixture
def civitai() -> SimulatedCivitai:
    return SimulatedCivitai.with_sample_models()


def get(url: str, *, public_only: bool = False) -> Request:
    headers = {"Authorization": f"Bearer {GOOD_KEY}"}
    return Request(method="GET", url=url, headers=headers, public_only=public_only)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://civitai.com/api/v1/me", Place.API),
        ("https://CIVITAI.red/api/v1/me", Place.SECOND),
        ("https://image.civitai.com/x", Place.CDN),
        ("https://storage.civitai-files.example/x", Place.STORAGE),
        ("http://10.11.12.13/x", Place.INTRANET),
    ],
)
def test_each_host_is_asked_at_its_own_address(
    civitai: SimulatedCivitai, url: str, place: Place
) -> None:
    CivitaiSimulator(civitai).send(get(url))
    assert [request.place for request in civitai.requests] == [place]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/api/v1/me",
        "http://civitai.com/api/v1/me",
        "https://civitai.com.evil.example/api/v1/me",
        "https://civitai.com:8443/api/v1/me",
        "https://civitai.com@evil.example/api/v1/me",
    ],
)
def test_nobody_answers_elsewhere_but_it_is_seen(civitai: SimulatedCivitai, url: str) -> None:
    with pytest.raises(ConnectFailed):
        CivitaiSimulator(civitai).send(get(url))
    assert [leak.url for leak in civitai.leaks] == [url]


@pytest.mark.parametrize(
    "host",
    [
        "10.11.12.13",
        "127.0.0.1",
        "192.168.1.7",
        "169.254.169.254",
        "[::1]",
        "localhost",
        "nas.home",
    ],
)
def test_a_request_for_the_public_goes_to_no_private_address(
    civitai: SimulatedCivitai, host: str
) -> None:
    transport = CivitaiSimulator(civitai, private_hosts=["NAS.home"])
    with pytest.raises(PrivateAddress):
        transport.send(get(f"http://{host}/x", public_only=True))
    assert civitai.requests == []


def test_public_addresses_are_open_to_requests_for_the_public(civitai: SimulatedCivitai) -> None:
    answer = CivitaiSimulator(civitai).send(get("https://civitai.com/api/v1/me", public_only=True))
    assert answer.status == 200


def test_a_redirect_to_a_private_address_leads_to_the_file_for_who_dares(
    civitai: SimulatedCivitai,
) -> None:
    civitai.faults.next("download", Fault.REDIRECT_TO_PRIVATE)
    client = Client(civitai)
    link = client.link(700303)
    assert link.startswith("http://10.11.12.13/model/")
    assert client.fetch(link).status == 200
    with pytest.raises(PrivateAddress):
        client.transport.send(Request(method="GET", url=link, public_only=True))


def test_a_redirect_without_encryption_leads_to_nobody(civitai: SimulatedCivitai) -> None:
    civitai.faults.next("download", Fault.REDIRECT_TO_HTTP)
    client = Client(civitai)
    link = client.link(700303)
    assert link.startswith("http://storage.")
    with pytest.raises(ConnectFailed):
        client.fetch(link)


def test_other_hosts_may_be_carried_by_another_transport(civitai: SimulatedCivitai) -> None:
    forge = SimulatedForge.with_sample_models()
    transport = CivitaiSimulator(civitai, elsewhere=ForgeSimulator({"http://laptop:7860": forge}))
    models = transport.send(get("http://laptop:7860/sdapi/v1/sd-models"))
    assert models.status == 200
    assert transport.send(get("https://civitai.com/api/v1/me")).json()["status"] == "active"
    with pytest.raises(ConnectFailed):
        transport.send(get("http://tower:7860/sdapi/v1/sd-models"))
    assert [request.host for request in civitai.requests] == [
        "laptop:7860",
        "civitai.com",
        "tower:7860",
    ]
    transport.close()


def test_a_password_for_another_server_is_no_leak_but_one_for_the_storage_is(
    civitai: SimulatedCivitai,
) -> None:
    forge = ForgeSimulator({"http://laptop:7860": SimulatedForge.with_sample_models()})
    transport = CivitaiSimulator(civitai, elsewhere=forge)
    for url in ("http://laptop:7860/config", "https://storage.civitai-files.example/x"):
        transport.send(Request(method="GET", url=url, auth=("me", "secret")))
    assert [leak.place for leak in civitai.leaks] == [Place.STORAGE]


def test_hosts_may_be_elsewhere(civitai: SimulatedCivitai) -> None:
    origins = Origins(api="http://mirror.example:8080")
    transport = CivitaiSimulator(civitai, origins=origins)
    told = transport.send(get("http://mirror.example:8080/api/v1/model-versions/700201")).json()
    assert told["downloadUrl"] == "http://mirror.example:8080/api/download/models/700201"
    with pytest.raises(ConnectFailed):
        transport.send(get("https://civitai.com/api/v1/me"))


def test_an_abort_ends_a_transfer(civitai: SimulatedCivitai) -> None:
    client = Client(civitai)
    abort = Abort()
    with client.transport.stream(get(client.link(700303)), abort=abort) as streamed:
        assert streamed.status == 400  # the key was sent along
    request = Request(method="GET", url=client.link(700201))
    with client.transport.stream(request, abort=abort) as streamed:
        chunks = streamed.chunks()
        next(chunks)
        abort.pull()
        with pytest.raises(TransferAborted):
            next(chunks)


def test_somebody_may_wait_for_a_request(civitai: SimulatedCivitai) -> None:
    with pytest.raises(TimeoutError):
        civitai.wait_until(lambda civitai: civitai.requests, timeout=0.01)
    CivitaiSimulator(civitai).send(get("https://civitai.com/api/v1/me"))
    civitai.wait_until(lambda civitai: civitai.counts["GET /api/v1/me"] == 1)


def test_only_the_latest_requests_are_remembered() -> None:
    civitai = SimulatedCivitai(remember=2)
    client = Client(civitai)
    for number in range(3):
        client.ask(f"/api/v1/models/{number + 1}")
    assert [request.path for request in civitai.requests] == [
        "/api/v1/models/2",
        "/api/v1/models/3",
    ]
