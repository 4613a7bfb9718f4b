"""The simulator as a Transport: its own promises are those of the port."""

from __future__ import annotations

import pytest
from tests.testing.forge_client import CAT, Client, recorded_forge

from stablequeue_core.errors import (
    AnswerTooLarge,
    ConnectFailed,
    ConnectionLost,
    ReadTimedOut,
    TransferAborted,
)
from stablequeue_core.testing.forge_simulator import Fault, ForgeSimulator, SimulatedForge
from stablequeue_core.transport import CHUNK_BYTES, Abort, Request, Timeouts

LAPTOP, DESKTOP = "http://laptop:7860", "http://desktop:7860"


def models(base: str) -> Request:
    return Request(method="GET", url=f"{base}/sdapi/v1/sd-models")


def test_each_address_has_its_own_server() -> None:
    laptop, desktop = recorded_forge(), SimulatedForge.with_sample_models()
    transport = ForgeSimulator({LAPTOP: laptop, f"{DESKTOP}/": desktop})
    transport.send(models(LAPTOP))
    transport.send(models(DESKTOP))
    transport.send(models(DESKTOP.upper().replace("HTTP", "http")))
    assert (len(laptop.requests), len(desktop.requests)) == (1, 2)


def test_nobody_answers_elsewhere() -> None:
    transport = ForgeSimulator({LAPTOP: recorded_forge()})
    for base in (DESKTOP, "http://laptop:7861", "https://laptop:7860"):
        with pytest.raises(ConnectFailed):
            transport.send(models(base))


def test_giving_a_request_up_leaves_its_job_running_to_the_end() -> None:
    client = Client(recorded_forge())
    abort = Abort()
    with client.forge.held(step=3):
        job = client.start(abort=abort, force_task_id="orphan")
        client.forge.wait_until(lambda forge: forge.sampling_step == 3)
        abort.pull()
        with pytest.raises(TransferAborted):
            job.result()
        assert client.task("orphan")["active"]
    client.forge.wait_until(lambda forge: forge.rendered)
    assert client.forge.rendered[-1].finished
    client.forge.wait_until(lambda forge: forge.active_task is None)
    assert client.task("orphan")["completed"]


def test_a_request_given_up_in_the_queue_is_rendered_all_the_same() -> None:
    client = Client(recorded_forge())
    abort = Abort()
    with client.forge.held():
        client.start(force_task_id="first")
        client.forge.wait_until(lambda forge: forge.active_task == "first")
        waiting = client.start(abort=abort, force_task_id="second")
        client.forge.wait_until(lambda forge: forge.waiting_tasks == ["second"])
        abort.pull()
        with pytest.raises(TransferAborted):
            waiting.result()
    client.forge.wait_until(lambda forge: len(forge.rendered) == 2)


def test_a_pulled_abort_sends_nothing() -> None:
    client = Client(recorded_forge())
    abort = Abort()
    abort.pull()
    with pytest.raises(TransferAborted):
        client.send("GET", "/sdapi/v1/progress", abort=abort)
    assert not client.forge.requests


def test_impatience_leaves_the_job_running_too() -> None:
    client = Client(recorded_forge())
    with client.forge.held():
        with pytest.raises(ReadTimedOut):
            client.start(read=0.01).result()
        client.forge.wait_until(lambda forge: forge.active_task)
    client.forge.wait_until(lambda forge: forge.rendered)


def test_a_longer_answer_than_allowed_is_refused() -> None:
    forge = recorded_forge(picture_bytes=200_000)
    request = Request(
        method="POST", url=f"{LAPTOP}/sdapi/v1/txt2img", json=CAT, max_answer_bytes=100_000
    )
    with pytest.raises(AnswerTooLarge):
        ForgeSimulator(forge).send(request)


def test_a_streamed_answer_comes_in_chunks() -> None:
    forge = recorded_forge(picture_bytes=200_000)
    request = Request(method="POST", url=f"{LAPTOP}/sdapi/v1/txt2img", json=CAT)
    with ForgeSimulator(forge).stream(request) as streamed:
        sizes = [len(chunk) for chunk in streamed.chunks()]
    assert max(sizes) <= CHUNK_BYTES
    assert sum(sizes) == int(streamed.headers["content-length"])


def test_an_answer_can_be_given_up_in_the_middle() -> None:
    forge = recorded_forge()
    forge.faults.next("sd-models", Fault.SLOW_DRIP, pause=0.001)
    abort = Abort()
    with ForgeSimulator(forge).stream(models(LAPTOP), abort=abort) as streamed:
        chunks = streamed.chunks()
        next(chunks)
        abort.pull()
        with pytest.raises(TransferAborted):
            next(chunks)


def test_an_answer_can_break_off_in_the_middle() -> None:
    forge = recorded_forge()
    forge.faults.next("sd-models", Fault.RESET)
    with ForgeSimulator(forge).stream(models(LAPTOP)) as streamed:
        received: list[bytes] = []
        with pytest.raises(ConnectionLost):
            received.extend(streamed.chunks())
    assert 0 < sum(map(len, received)) < int(streamed.headers["content-length"])


def test_a_login_travels_with_its_request() -> None:
    forge = recorded_forge(api_auth=("user", "pass"))
    request = Request(
        method="GET",
        url=f"{LAPTOP}/sdapi/v1/progress",
        auth=("user", "pass"),
        fresh_connection=True,
    )
    transport = ForgeSimulator(forge)
    assert transport.send(request).status == 200
    assert transport.send(models(LAPTOP)).status == 401
    transport.close()


def test_a_closed_transport_serves_its_next_request() -> None:
    transport = ForgeSimulator(recorded_forge())
    transport.close()
    assert transport.send(models(LAPTOP)).status == 200


def test_a_redirect_is_an_answer() -> None:
    request = Request(
        method="GET", url=f"{LAPTOP}/sdapi/v1/sd-models/", timeouts=Timeouts(read=None)
    )
    response = ForgeSimulator(recorded_forge()).send(request)
    assert (response.status, response.body) == (307, b"")
