"""The shapes of downloads, for values that are hard to come by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from stablequeue_core.downloads import Download, DownloadFailure, DownloadStatus
from stablequeue_core.models import ModelKind
from stablequeue_flask.download_bodies import (
    download_body,
    fraction_of,
    ordered_body,
    waited_for_body,
)

AT = datetime(2026, 5, 14, 2, 34, 48, 985000, tzinfo=UTC)
FIELDS = [
    "downloadId",
    "status",
    "filename",
    "type",
    "modelName",
    "versionName",
    "civitaiModelId",
    "civitaiModelVersionId",
    "fileId",
    "subfolder",
    "sha256",
    "priority",
    "bytesDone",
    "bytesTotal",
    "fraction",
    "bytesPerSecond",
    "secondsLeft",
    "createdAt",
    "updatedAt",
    "startedAt",
    "endedAt",
    "notBefore",
    "failures",
    "waitingReason",
    "error",
    "notes",
    "servers",
]


def download(**fields: Any) -> Download:
    usual: dict[str, Any] = {
        "id": "067c2def-0b3b-4ef1-8eb8-8ce087f4a3cf",
        "version_id": 700201,
        "file_id": None,
        "kind": ModelKind.LORA,
        "root": "/home/ada/models/Lora",
        "filename": "inkWash_v3.safetensors",
        "created_at": AT,
        "updated_at": AT,
        "etag": '"secret-of-the-host"',
    }
    return Download(**{**usual, **fields})


def test_every_field_is_there_in_its_order_and_null_where_nobody_knows() -> None:
    body = download_body(download())
    assert list(body) == FIELDS
    assert body["createdAt"] == "2026-05-14T02:34:48.985Z"
    for name in ("civitaiModelId", "fileId", "sha256", "bytesTotal", "fraction", "endedAt"):
        assert body[name] is None
    assert (body["subfolder"], body["notes"], body["servers"]) == ("", [], {})


def test_nothing_in_it_tells_of_this_machine_or_of_the_host_of_the_file() -> None:
    for body in (download_body(download()), ordered_body(download())):
        assert "ada" not in str(body)
        assert "secret" not in str(body)


def test_a_failed_one_says_why() -> None:
    failure = DownloadFailure(code="paid_access", message="It is sold.", details={"a": 1})
    body = download_body(download(status=DownloadStatus.FAILED, failure=failure))
    assert body["error"] == {"code": "paid_access", "message": "It is sold.", "details": {"a": 1}}


def test_an_accepted_one_has_the_documented_fields_in_their_order() -> None:
    body = ordered_body(download(title="Ink Wash Style"))
    assert list(body) == ["success", "downloadId", "message", "modelName", "type", "filename"]
    assert body["success"] is True
    assert (body["modelName"], body["type"]) == ("Ink Wash Style", "lora")


@pytest.mark.parametrize(
    ("fields", "fraction"),
    [
        ({}, None),
        ({"size": 0}, None),
        ({"size": 200, "bytes_done": 50}, 0.25),
        ({"size": 200, "total": 100, "bytes_done": 50}, 0.5),
        ({"size": 200, "bytes_done": 201}, 1.0),  # what Civitai tells may be a little off
        ({"size": 200, "bytes_done": 199, "status": DownloadStatus.COMPLETED}, 1.0),
    ],
)
def test_the_fraction_is_that_of_the_size_that_is_known_best(
    fields: dict[str, Any], fraction: float | None
) -> None:
    assert fraction_of(download(**fields), None) == fraction


def test_a_job_shows_what_it_waits_for_in_four_words() -> None:
    body = waited_for_body(download(size=200, bytes_done=50), None)
    assert body == {
        "downloadId": "067c2def-0b3b-4ef1-8eb8-8ce087f4a3cf",
        "status": "queued",
        "filename": "inkWash_v3.safetensors",
        "fraction": 0.25,
    }
