"""The same over real sockets: what only a network can do to a request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attrs import evolve
from tests.backends.forge.desk import PATIENCE, PONY, SMALL

from stablequeue_core.backends import Generation
from stablequeue_core.backends.forge import ForgeBackend
from stablequeue_core.errors import AnswerLost, GarbledAnswer, ServerUnreachable, Unauthorized
from stablequeue_core.generation import ParamLimits, parse_params
from stablequeue_core.servers import ServerStatus, check_server
from stablequeue_core.testing.forge_simulator import (
    Fault,
    ForgeServer,
    SimulatedForge,
    sample_disk,
)
from stablequeue_core.transport import Abort, Request, StreamedResponse, Transport
from stablequeue_core.transport.requests_transport import RequestsTransport


@pytest.fixture
def transport() -> Iterator[Transport]:
    carrier = RequestsTransport()
    yield carrier
    carrier.close()


@pytest.fixture
def forge() -> SimulatedForge:
    return SimulatedForge.with_sample_models()


@pytest.fixture
def server(forge: SimulatedForge) -> Iterator[ForgeServer]:
    with ForgeServer(forge) as listening:
        yield listening


def backend_at(url: str, transport: Transport, **fields: str) -> ForgeBackend:
    described = check_server({"alias": "Laptop", "api_url": url, **fields})
    return ForgeBackend(described, transport, PATIENCE)


def run(backend: ForgeBackend, **params: str) -> Generation:
    request = parse_params({**SMALL, **params}, ParamLimits())
    prepared = backend.prepare(request, backend.inventory())
    return backend.generate(prepared, task_id="task(ours)", abort=Abort())


def test_a_picture_is_made_by_the_model_that_was_asked_for(
    server: ForgeServer, transport: Transport
) -> None:
    backend = backend_at(server.url + "/", transport)
    generation = run(backend, checkpoint_name=PONY.replace("/", "\\"))
    assert generation.proof["checkpoint"]["got"] == "cyberrealisticPony_v8 [9f90c59f3a]"
    assert backend.task("task(ours)").state == "completed"
    assert backend.probe().status is ServerStatus.ONLINE


def test_a_connection_that_died_idle_loses_no_job(
    forge: SimulatedForge, server: ForgeServer, transport: Transport
) -> None:
    """Forge closes idle connections after five seconds; a job goes out on a new one."""
    backend = backend_at(server.url, transport)
    request = parse_params(SMALL, ParamLimits())
    prepared = backend.prepare(request, backend.inventory())
    with forge.unplugged():
        pass

    generation = backend.generate(prepared, task_id="task(ours)", abort=Abort())

    assert generation.pictures
    assert len(forge.rendered) == 1


def test_a_reset_in_the_middle_of_the_answer_loses_it(
    forge: SimulatedForge, server: ForgeServer, transport: Transport
) -> None:
    backend = backend_at(server.url, transport)
    for fault in (Fault.RESET, Fault.LOSE_ANSWER):
        forge.faults.next("txt2img", fault)
        with pytest.raises(AnswerLost):
            run(backend)
    forge.faults.next("txt2img", Fault.TRUNCATED_JSON)
    with pytest.raises(GarbledAnswer):
        run(backend)
    assert len(forge.rendered) == 3


def test_nobody_at_the_port_means_that_nothing_ran(
    forge: SimulatedForge, server: ForgeServer, transport: Transport
) -> None:
    backend = backend_at(server.url, transport)
    with forge.unplugged():
        assert backend.probe().status is ServerStatus.OFFLINE
        with pytest.raises(ServerUnreachable):
            backend.inventory()


def test_basic_authentication_is_spoken(transport: Transport) -> None:
    password = "pä ss/word?"
    forge = SimulatedForge(sample_disk(), api_auth=("me", password))
    with ForgeServer(forge) as server:
        assert run(backend_at(server.url, transport, username="me", password=password)).pictures
        with pytest.raises(Unauthorized):
            run(backend_at(server.url, transport, username="me", password="wrong"))


class _BehindPrefix(Transport):
    """A reverse proxy that serves Forge below a path, and nothing else."""

    def __init__(self, inner: Transport, prefix: str) -> None:
        self._inner = inner
        self._prefix = prefix

    def _send(self, request: Request, abort: Abort) -> StreamedResponse:
        assert f"{self._prefix}/" in request.url, "asked for beside the path"
        bare = evolve(request, url=request.url.replace(self._prefix, "", 1))
        return self._inner.stream(bare, abort=abort)

    def close(self) -> None:
        self._inner.close()


def test_an_address_with_a_path_of_its_own_is_kept(
    server: ForgeServer, transport: Transport
) -> None:
    proxy = _BehindPrefix(transport, "/studio/forge")
    assert run(backend_at(f"{server.url}/studio/forge/", proxy)).pictures
