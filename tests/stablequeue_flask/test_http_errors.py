"""Errors: one shape for all, a status for each class, and nothing in them that must not leave."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask import abort
from tests.worlds import World

from stablequeue_core import StableQueue, StableQueueError, errors
from stablequeue_flask import create_app
from stablequeue_flask.answers import json_bytes
from stablequeue_flask.errors import STATUS, error_body, status_of

SHAPE = ["success", "error", "message", "details"]


def family(kind: type[StableQueueError]) -> Iterator[type[StableQueueError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)


def check_shape(answer: Any, status: int, code: str) -> None:
    assert answer.status_code == status
    assert answer.mimetype == "application/json"
    assert list(answer.json) == SHAPE
    assert answer.json["success"] is False
    assert answer.json["error"] == code
    assert answer.json["message"].endswith(".")
    assert isinstance(answer.json["details"], dict)


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1", "/api/v1/", "/api/v2/x", "/"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_an_unknown_route_is_404_in_our_shape(client: Any, method: str, path: str) -> None:
    check_shape(client.open(path, method=method), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/v1/generate", "POST"),
        ("POST", "/api/v1/queue/jobs", "GET"),
        ("PATCH", "/api/v1/servers", "GET"),
        ("DELETE", "/outputs/x.png", "GET"),
        ("BREW", "/api/v1/status", "GET"),
    ],
)
def test_a_wrong_method_is_405_and_names_the_right_ones(
    client: Any, method: str, path: str, allowed: str
) -> None:
    answer = client.open(path, method=method)
    check_shape(answer, 405, "method_not_allowed")
    assert allowed in answer.headers["Allow"]
    assert allowed in answer.json["details"]["allowed"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "bad_request"),
        (403, "forbidden"),
        (413, "request_entity_too_large"),
        (415, "unsupported_media_type"),
        (422, "unprocessable_entity"),
        (429, "too_many_requests"),
        (500, "internal_server_error"),
        (503, "service_unavailable"),
    ],
)
def test_every_http_error_has_our_shape(
    client: Any, queue: StableQueue, monkeypatch: pytest.MonkeyPatch, status: int, code: str
) -> None:
    monkeypatch.setattr(queue, "status", lambda: abort(status))
    check_shape(client.get("/api/v1/status"), status, code)


def test_whatever_breaks_is_500_without_a_trace_of_the_machine(
    client: Any,
    queue: StableQueue,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> None:
        raise RuntimeError("/home/me/queue.sqlite3: password=hunter2")

    monkeypatch.setattr(queue, "status", broken)
    answer = client.get("/api/v1/status")
    check_shape(answer, 500, "internal_error")
    assert "hunter2" not in answer.text
    assert "/home" not in answer.text
    assert "Traceback" not in answer.text
    assert "hunter2" in caplog.text, "the log must say what broke"


def test_debug_and_testing_do_not_change_the_shape(
    queue: StableQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(queue)
    app.config.update(TESTING=True, DEBUG=True, PROPAGATE_EXCEPTIONS=True)
    monkeypatch.setattr(queue, "status", lambda: 1 / 0)
    check_shape(app.test_client().get("/api/v1/status"), 500, "internal_error")


def test_a_closed_queue_is_503(client: Any, queue: StableQueue) -> None:
    queue.close()
    check_shape(client.get("/api/v1/status"), 503, "queue_closed")


def test_every_class_of_error_has_a_status() -> None:
    for kind in family(StableQueueError):
        error = kind.__new__(kind)
        assert 400 <= status_of(error) <= 599


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidParams([errors.FieldProblem("a", "b")]), 400),
        (errors.JobNotFound("x"), 404),
        (errors.ImageNotFound("x"), 404),
        (errors.JobStillRunning("x"), 409),
        (errors.StaleJob("x"), 409),
        (errors.WaitTimedOut("x", 1.0, "pending"), 504),
        (errors.StorageBusy("Busy."), 503),
        (errors.StorageFull("Full."), 507),
        (errors.StorageCorrupt("Broken."), 500),
        (errors.DiskFull(), 507),
        (errors.ServerUnreachable("Gone."), 502),
        (errors.ConnectFailed("Gone."), 502),
        (errors.PrivateAddress("intranet"), 502),
        (errors.InvalidCivitaiLink("x"), 400),
        (errors.InvalidDownload([errors.FieldProblem("a", "b")]), 400),
        (errors.CivitaiNotFound("version 5"), 404),
        (errors.CivitaiUnavailable("Busy."), 503),
        (errors.CivitaiGarbled("A page."), 502),
        (errors.LoginNeeded(key_was_sent=False), 403),
        (errors.EarlyAccess(None), 403),
        (errors.PaidAccess(), 403),
        (errors.GenerationOnly(), 403),
        (errors.AccessDenied("no"), 403),
        (errors.Archived(), 410),
        (errors.DownloadNotFound("x"), 404),
        (errors.IllegalDownloadTransition("x", "paused", "paused"), 409),
        (errors.StaleDownload("x"), 409),
        (errors.NoFolderForKind("vae", "--model-dir vae=DIR"), 409),
        (errors.ModelFileExists("x", is_same=True), 409),
        (errors.ModelNotSupplied(["x"], "Nobody has it."), 409),
        (errors.DownloadTimedOut("x", 1.0, "queued"), 504),
        (errors.LinkExpired(), 502),
        (errors.StorageHostFailed("Broken."), 502),
        (errors.TooSlow(60.0, 1), 502),
        (errors.WrongFile("wrong_size", "Too short."), 502),
        (errors.NotEnoughSpace(2, 1), 507),
        (errors.FileNotPlaced("It may not be written."), 500),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_an_error_of_the_core_keeps_its_code_and_sentence(
    client: Any,
    queue: StableQueue,
    monkeypatch: pytest.MonkeyPatch,
    error: StableQueueError,
    status: int,
) -> None:
    def broken() -> None:
        raise error

    monkeypatch.setattr(queue, "status", broken)
    answer = client.get("/api/v1/status")
    assert answer.status_code == status
    assert answer.json == error_body(error.code, error.message, error.details)


def test_the_table_lists_no_class_without_need() -> None:
    for kind, status in STATUS.items():
        parents = [STATUS[parent] for parent in kind.__mro__[1:] if parent in STATUS]
        assert not parents or parents[0] != status


def test_an_error_may_say_half_of_a_character(client: Any) -> None:
    answer = client.get("/api/v1/queue/jobs/%ed%a0%80/status")
    check_shape(answer, 404, "job_not_found")


@pytest.mark.parametrize("value", ["\ud800", "\\\udfff", "é😀", "\x00\x7f\u2028"], ids=ascii)
def test_every_text_can_be_written_and_read_again(value: str) -> None:
    assert json.loads(json_bytes({value: [value]}).decode()) == {value: [value]}


def test_numbers_that_json_does_not_know_become_null() -> None:
    inf = float("inf")
    assert json_bytes({"a": [inf, -inf, (float("nan"), 1.5)]}) == b'{"a":[null,null,[null,1.5]]}'


def test_an_error_of_ours_logs_no_body(client: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        client.post("/api/v1/servers", json={"alias": "a", "apiUrl": "x", "password": "hunter2"})
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        errors.ServerUnreachable("Gone."),
        errors.ConnectFailed("Gone."),
        errors.StorageBusy("Busy."),
        errors.DiskFull(),
        errors.WaitTimedOut("x", 1.0, "pending"),
        errors.CivitaiUnavailable("Busy."),
        errors.CivitaiGarbled("A page."),
        errors.NotEnoughSpace(2, 1),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_no_defect_of_ours_takes_one_line_of_the_log(
    client: Any,
    queue: StableQueue,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: StableQueueError,
) -> None:
    def broken() -> None:
        raise error from OSError("a cause that nobody needs")

    monkeypatch.setattr(queue, "status", broken)
    client.get("/api/v1/status")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"GET /api/v1/status: {error.message}"
    assert record.exc_info is None


def test_a_defect_of_ours_is_logged_with_its_traceback(
    client: Any,
    queue: StableQueue,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> None:
        raise errors.InternalError(ZeroDivisionError())

    monkeypatch.setattr(queue, "status", broken)
    client.get("/api/v1/status")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None


def test_a_server_that_is_off_takes_one_line_of_the_log(
    gallery: Any, shelf: World, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.queue.servers.add("Attic", "http://attic:1")
    query = {"checkpoint_path": "x", "server_alias": "Attic"}
    answer = gallery.get("/api/v1/debug/verify-checkpoint", query_string=query)
    assert answer.status_code == 502
    assert len(caplog.text.splitlines()) == 1
    assert "Traceback" not in caplog.text
