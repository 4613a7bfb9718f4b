"""Accidents on order."""

from __future__ import annotations

import pytest
from tests.testing.forge_client import CAT, PONY, Client, recorded_forge

from stablequeue_core.errors import ConnectFailed, ConnectionLost, ReadTimedOut, TransferAborted
from stablequeue_core.testing.forge_simulator import Fault
from stablequeue_core.transport import Abort


def test_a_fault_strikes_as_often_as_ordered() -> None:
    client = Client(recorded_forge())
    client.forge.faults.next("txt2img", Fault.OUT_OF_MEMORY, times=2)
    assert [client.failure()[0] for _ in range(3)] == [500, 500, 200]
    assert client.forge.faults.pending == 0


def test_faults_strike_only_where_they_were_ordered() -> None:
    client = Client(recorded_forge())
    client.forge.faults.next("/sdapi/v1/progress", Fault.UNAVAILABLE, times=None)
    client.txt2img()
    assert client.send("GET", "/sdapi/v1/progress").status == 503
    assert client.send("POST", "/internal/progress", {"id_task": "x"}).status == 200
    client.forge.faults.clear()
    assert client.send("GET", "/sdapi/v1/progress").status == 200


def test_a_fault_for_everything_strikes_everything() -> None:
    client = Client(recorded_forge())
    client.forge.faults.next("*", Fault.INTERNAL_ERROR, times=2)
    assert client.send("GET", "/config").status == 500
    assert client.send("POST", "/sdapi/v1/interrupt").status == 500


@pytest.mark.parametrize(
    ("fault", "status", "content_type"),
    [
        (Fault.INTERNAL_ERROR, 500, "text/plain; charset=utf-8"),
        (Fault.BAD_GATEWAY, 502, "text/html; charset=utf-8"),
        (Fault.UNAVAILABLE, 503, "text/html; charset=utf-8"),
        (Fault.GARBAGE, 200, "application/json"),
    ],
)
def test_some_faults_answer_no_json_and_run_nothing(
    fault: Fault, status: int, content_type: str
) -> None:
    client = Client(recorded_forge())
    client.forge.faults.next("txt2img", fault)
    response = client.send("POST", "/sdapi/v1/txt2img", CAT)
    assert (response.status, response.headers["content-type"]) == (status, content_type)
    with pytest.raises(ValueError):
        response.json()
    assert not client.forge.rendered


def test_out_of_memory_fails_the_job_as_torch_does() -> None:
    client = Client(recorded_forge())
    client.forge.faults.next("txt2img", Fault.OUT_OF_MEMORY, at_step=3)
    status, body = client.failure(steps=5, force_task_id="big")
    assert (status, body["error"]) == (500, "OutOfMemoryError")
    assert body["message"].startswith("CUDA out of memory. ")
    assert client.task("big")["active"]


def test_routes_without_a_job_can_run_out_of_memory_too() -> None:
    client = Client(recorded_forge())
    client.forge.faults.next("progress", Fault.OUT_OF_MEMORY)
    assert client.get("progress")["error"] == "OutOfMemoryError"


def test_a_refused_connection_runs_nothing() -> None:
    client = Client(recorded_forge())
    client.forge.faults.next("txt2img", Fault.REFUSE_CONNECTION)
    with pytest.raises(ConnectFailed):
        client.txt2img()
    assert not client.forge.rendered


def test_a_hanging_request_comes_back_when_released() -> None:
    client = Client(recorded_forge())
    client.forge.faults.next("txt2img", Fault.HANG)
    job = client.start()
    client.forge.wait_until(lambda forge: forge.faults.pending == 0)
    assert not job.done
    client.forge.faults.release()
    with pytest.raises(ConnectionLost):
        job.result()
    assert not client.forge.rendered


def test_a_hanging_request_can_be_given_up() -> None:
    client = Client(recorded_forge())
    client.forge.faults.next("txt2img", Fault.HANG, times=2)
    abort = Abort()
    job = client.start(abort=abort)
    client.forge.wait_until(lambda forge: forge.requests)
    abort.pull()
    with pytest.raises(TransferAborted):
        job.result()
    with pytest.raises(ReadTimedOut):
        client.start(read=0.01).result()


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.RESET])
def test_a_lost_answer_was_a_picture(fault: Fault) -> None:
    client = Client(recorded_forge())
    client.forge.faults.next("txt2img", fault)
    with pytest.raises(ConnectionLost):
        client.txt2img(force_task_id="made")
    assert [one.task_id for one in client.forge.rendered] == ["made"]
    assert client.task("made")["completed"]


def test_a_truncated_answer_is_half_a_json_text() -> None:
    client = Client(recorded_forge())
    client.forge.faults.next("txt2img", Fault.TRUNCATED_JSON)
    response = client.send("POST", "/sdapi/v1/txt2img", CAT)
    assert response.status == 200
    with pytest.raises(ValueError):
        response.json()
    assert int(response.headers["content-length"]) == len(response.body)


def test_a_dripped_answer_is_whole_in_the_end() -> None:
    client = Client(recorded_forge())
    client.forge.faults.next("txt2img", Fault.SLOW_DRIP, pause=0.001)
    assert len(client.txt2img()["images"]) == 1


def test_a_dripped_answer_can_be_too_slow() -> None:
    client = Client(recorded_forge())
    client.forge.faults.next("txt2img", Fault.SLOW_DRIP, pause=10)
    with pytest.raises(ReadTimedOut):
        client.start(read=0.01).result()


def test_a_lying_server_paints_with_the_model_it_has() -> None:
    client = Client(recorded_forge())
    client.txt2img()
    client.forge.faults.next("txt2img", Fault.WRONG_MODEL)
    assert client.model_for(PONY) == "forgetest"
    assert client.model_for(PONY) == "ponytest"


def test_a_foreign_interrupt_strikes_at_its_step() -> None:
    client = Client(recorded_forge())
    client.forge.faults.next("txt2img", Fault.FOREIGN_INTERRUPT, at_step=4)
    with client.forge.held(step=3):
        job = client.start()
        client.forge.wait_until(lambda forge: forge.sampling_step == 3)
        assert not client.get("progress")["state"]["interrupted"]
    assert len(job.result().json()["images"]) == 1
    assert not client.forge.rendered[-1].finished
    assert client.get("progress")["state"]["interrupted"]
