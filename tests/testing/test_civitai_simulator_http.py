"""The simulated hosts on real ports."""

from __future__ import annotations

import hashlib
import http.client
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.testing.civitai_client import Client

from stablequeue_core.testing.civitai_simulator import (
    GOOD_KEY,
    CivitaiServer,
    SimulatedAccount,
    SimulatedCivitai,
    SimulatedFile,
    SimulatedModel,
    SimulatedVersion,
    generated_model,
)
from stablequeue_core.testing.simulated_http import Content
from stablequeue_core.transport import Request
from stablequeue_core.transport.requests_transport import RequestsTransport

BIG = 64 * 1024 * 1024


@pytest.fixture
def civitai() -> SimulatedCivitai:
    return SimulatedCivitai.with_sample_models()


@pytest.fixture
def server(civitai: SimulatedCivitai) -> Iterator[CivitaiServer]:
    with CivitaiServer(civitai) as running:
        yield running


@pytest.fixture
def client(server: CivitaiServer) -> Iterator[Client]:
    with closing(RequestsTransport()) as transport:
        yield Client(server.civitai, transport, server.origins)


def offered(civitai: SimulatedCivitai, content: Content | Path) -> None:
    """Offer one large file as version 70."""
    told = {"SHA256": "AB" * 32}
    file = SimulatedFile(id=700, name="big.safetensors", content=content, told_hashes=told)
    versions = [SimulatedVersion(id=70, files=[file])]
    civitai.world.add(
        SimulatedAccount(key=GOOD_KEY), SimulatedModel(id=7, name="Big", versions=versions)
    )


def test_each_host_has_a_port_of_its_own(server: CivitaiServer) -> None:
    origins = server.origins
    ports = {
        urlsplit(url).port for url in (origins.api, origins.second, origins.storage, origins.cdn)
    }
    assert len(ports) == 4
    assert server.url == f"{origins.api}/api/v1"
    assert server.second_url == f"{origins.second}/api/v1"


def test_every_address_in_an_answer_leads_to_one_of_these_ports(
    server: CivitaiServer, client: Client
) -> None:
    told = client.ask("/api/v1/model-versions/700303").json()
    assert told["downloadUrl"].startswith(server.origins.api)
    assert client.fetch(told["images"][0]["url"]).headers["content-type"] == "video/mp4"
    link = client.ask(told["downloadUrl"]).headers["location"]
    assert link.startswith(server.origins.storage)
    assert client.fetch(link).status == 200


def test_the_second_host_is_another(server: CivitaiServer, client: Client) -> None:
    assert client.ask("/api/v1/models/600107").status == 404
    assert client.ask(f"{server.second_url}/models/600107").status == 200


def test_many_requests_go_through_one_connection(server: CivitaiServer) -> None:
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    with closing(connection):
        for path in ("/api/v1/models", "/api/v1/images", "/api/v1/me"):
            connection.request("GET", path)
            connection.getresponse().read()
            assert connection.sock is not None


def test_a_stopped_server_answers_nobody_and_may_be_started_again(
    civitai: SimulatedCivitai,
) -> None:
    server = CivitaiServer(civitai)
    with server:
        first = server.url
    server.stop()
    with server, closing(RequestsTransport()) as transport:
        assert server.url == first
        client = Client(civitai, transport, server.origins)
        assert client.ask("/api/v1/me").status == 200


def test_a_generated_file_takes_no_memory(civitai: SimulatedCivitai, client: Client) -> None:
    content = generated_model(BIG)
    offered(civitai, content)
    expected = hashlib.sha256()
    for piece in content.pieces(0, BIG):
        expected.update(piece)
    link = client.link(70)
    tracemalloc.start()
    try:
        assert fetched_sha256(client, link) == expected.hexdigest()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 16 * 1024 * 1024


def test_a_file_on_disk_is_sent_from_there(
    civitai: SimulatedCivitai, client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "big.safetensors"
    with path.open("wb") as file:
        for piece in generated_model(BIG).pieces(0, BIG):
            file.write(piece)
    offered(civitai, path)
    link = client.link(70)
    with path.open("rb") as file:
        assert fetched_sha256(client, link) == hashlib.file_digest(file, "sha256").hexdigest()
    answer = client.fetch(link, range=f"bytes={BIG - 7}-")
    assert (answer.status, answer.body) == (206, path.read_bytes()[-7:])


def fetched_sha256(client: Client, link: str) -> str:
    digest = hashlib.sha256()
    with client.transport.stream(Request(method="GET", url=link)) as streamed:
        assert streamed.headers["content-length"] == str(BIG)
        for chunk in streamed.chunks():
            digest.update(chunk)
    return digest.hexdigest()
