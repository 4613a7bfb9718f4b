"""Forge's errors: three shapes, and 500 for bad requests as often as for its own faults."""

from __future__ import annotations

from typing import Any

import pytest
from tests.backends.forge.desk import SDXL, Desk, answering, overrides

from stablequeue_core.errors import (
    AnswerLost,
    BackendError,
    NotOnServer,
    OutOfMemory,
    RequestRefused,
    ServerFault,
    ServerStarting,
    ServerUnreachable,
    Unauthorized,
)
from stablequeue_core.testing.forge_simulator import Fault


def failing(status: int, body: object) -> Desk:
    """A desk whose server answers every txt2img like this."""
    return Desk(transport=answering("/txt2img", body, status))


def python_error(name: str, message: str) -> dict[str, str]:
    """What Forge makes of a Python exception in a job."""
    return {"error": name, "detail": "", "body": "", "message": message}


def test_a_field_of_a_wrong_type_is_refused_with_its_path(desk: Desk) -> None:
    """422 with ``detail`` as a list."""
    with pytest.raises(RequestRefused, match="tiling: Input should be a valid boolean") as caught:
        desk.run(tiling="purple")
    assert caught.value.details["status"] == 422


def test_an_unknown_script_is_refused_with_its_name(desk: Desk) -> None:
    """422 with ``detail`` as text."""
    with pytest.raises(RequestRefused, match=r"Script 'ADetailer' not found\.$"):
        desk.run(alwayson_scripts={"ADetailer": {"args": []}})


def test_an_unknown_option_is_refused_although_the_server_says_500(desk: Desk) -> None:
    """500 with ``error`` and ``message``: trying again cannot help."""
    with pytest.raises(RequestRefused, match="KeyError: 'no_such_option'"):
        desk.run(**overrides(no_such_option=1))


@pytest.mark.parametrize(
    "body",
    [
        python_error("ZeroDivisionError", "integer division or modulo by zero"),
        python_error("IndexError", "list index out of range"),
        python_error("TypeError", "unsupported operand type(s)"),
        python_error("KeyError", "'nope'"),
        python_error("ValueError", "invalid literal for int()"),
        python_error("AssertionError", ""),
        python_error("Exception", "Could not find checkpoint with name nope"),
        python_error("Exception", "could not find upscaler named nope"),
    ],
)
def test_a_500_that_is_a_bad_request_is_never_tried_again(body: Any) -> None:
    with pytest.raises(RequestRefused, match=r"cannot run the request") as caught:
        failing(500, body).run()
    assert not isinstance(caught.value, NotOnServer)


@pytest.mark.parametrize(
    "body",
    [
        b"Internal Server Error",
        b"",
        b"[]",
        python_error("RuntimeError", "CUDA error: an illegal memory access was encountered"),
        python_error("OSError", "broken pipe"),
        {"error": 5, "message": None, "detail": {}},
    ],
)
def test_any_other_500_is_the_servers_fault(body: Any) -> None:
    with pytest.raises(ServerFault) as caught:
        failing(500, body).run()
    assert caught.value.code == "server_fault"


def test_a_full_memory_is_told_from_other_faults(desk: Desk) -> None:
    desk.forge.faults.next("txt2img", Fault.OUT_OF_MEMORY)
    with pytest.raises(OutOfMemory, match="fewer pixels"):
        desk.run()
    for body in (
        python_error("RuntimeError", "CUDA out of memory. Tried to allocate 2 GiB"),
        {"error": "OutOfMemoryError", "errors": "CUDA out of memory"},
        {"errors": "CUDA Out of Memory"},
    ):
        with pytest.raises(OutOfMemory):
            failing(500, body).run()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b"bad", RequestRefused),
        (401, {"detail": "Not authenticated"}, Unauthorized),
        (404, {"detail": "Init image not there"}, RequestRefused),
        (404, b"<h1>no such tunnel</h1>", ServerUnreachable),
        (413, b"<h1>Request Entity Too Large</h1>", RequestRefused),
        (302, b"", ServerUnreachable),
        (307, b"", ServerUnreachable),
        (429, b"slow down", ServerFault),
        (502, b"<h1>Bad Gateway</h1>", AnswerLost),
        (503, b"<h1>Service Unavailable</h1>", ServerStarting),
        (504, b"<h1>Gateway Time-out</h1>", AnswerLost),
        (520, b"", AnswerLost),
        (522, b"", ServerUnreachable),
        (524, b"a timeout occurred", AnswerLost),
        (530, b"", ServerUnreachable),
    ],
)
def test_what_stands_before_a_server_is_understood(
    status: int, body: object, error: type[BackendError]
) -> None:
    """A gateway that gave up waiting says nothing of the job; one that found nobody does."""
    with pytest.raises(error) as caught:
        failing(status, body).run()
    assert isinstance(caught.value, RequestRefused) == (error is RequestRefused)
    assert "'Laptop'" in caught.value.message


@pytest.mark.parametrize(
    "detail",
    [None, [], [5], [{}], [{"loc": 5, "msg": 5}], {"a": 1}, 5, [{"loc": []}], "x" * 10_000],
)
def test_odd_details_still_make_a_sentence(detail: Any) -> None:
    with pytest.raises(RequestRefused) as caught:
        failing(422, {"detail": detail}).run()
    assert len(caught.value.message) < 500


def test_a_damaged_checkpoint_is_the_jobs_own_trouble(desk: Desk) -> None:
    desk.forge.disk.break_checkpoint(SDXL)
    with pytest.raises(RequestRefused, match=r"damaged or still being copied") as caught:
        desk.run(checkpoint_name=SDXL)
    assert caught.value.code == "checkpoint_unreadable"
