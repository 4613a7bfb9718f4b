"""Scanning the model folders over HTTP, and how far that is."""

from __future__ import annotations

from typing import Any

from tests.worlds import LORAS, World

from stablequeue_core.testing.model_files import sdxl_lora

STATUS = [
    "phase",
    "running",
    "done",
    "total",
    "bytes_done",
    "bytes_total",
    "current",
    "unhashed",
    "last",
    "error",
]
REPORT = [
    "started_at",
    "finished_at",
    "files",
    "added",
    "changed",
    "moved",
    "missing",
    "unchanged",
    "problems",
]


def status(gallery: Any) -> Any:
    answer = gallery.get("/api/v1/models/scan/status")
    assert answer.status_code == 200
    return answer.json


def test_a_scan_is_accepted_and_runs_behind_the_answer(gallery: Any, shelf: World) -> None:
    """Whoever asks again and again until it is not running any more finds what it has found."""
    sdxl_lora().write(shelf.folder.parent / "models" / LORAS / "new.safetensors")
    answer = gallery.post("/api/v1/models/scan")
    assert answer.status_code == 202
    assert list(answer.json) == ["success", "message", "status"]
    assert answer.json["success"] is True
    assert list(answer.json["status"]) == STATUS
    shelf.until(lambda: not status(gallery)["running"])
    assert status(gallery)["last"]["added"] == 1
    assert gallery.get("/api/v1/models?q=new").json["count"] == 1


def test_the_status_tells_what_the_last_scan_has_found(gallery: Any) -> None:
    body = status(gallery)
    assert list(body) == ["success", *STATUS]
    assert body["phase"] == "idle"
    assert body["running"] is False
    assert body["unhashed"] == 0
    assert body["error"] is None
    assert list(body["last"]) == REPORT
    assert body["last"]["files"] == 5


def test_a_folder_that_is_not_there_is_a_problem_of_the_scan_not_its_end(
    gallery: Any, shelf: World
) -> None:
    loras = shelf.folder.parent / "models" / LORAS
    loras.rename(loras.with_name("unmounted"))
    shelf.queue.models.scan()
    body = status(gallery)
    assert body["error"] is None
    (problem,) = body["last"]["problems"]
    assert problem["code"] == "root_missing"
    assert problem["path"] == LORAS
    assert body["last"]["missing"] == 1
    assert body["last"]["files"] == 4


def test_without_folders_there_is_nothing_to_scan(client: Any) -> None:
    answer = client.post("/api/v1/models/scan")
    assert answer.status_code == 409
    assert answer.json["error"] == "no_model_folders"
    assert "--checkpoints" in answer.json["message"]
    assert status(client)["last"] is None


def test_a_page_of_another_site_can_not_start_one(gallery: Any) -> None:
    answer = gallery.post("/api/v1/models/scan", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_a_model_may_be_called_like_a_route(gallery: Any, shelf: World) -> None:
    sdxl_lora().write(shelf.folder.parent / "models" / LORAS / "scan" / "status.safetensors")
    shelf.queue.models.scan()
    answer = gallery.get("/api/v1/models/scan/status.safetensors/info?type=lora")
    assert answer.json["model"]["path"] == "scan/status.safetensors"
    assert status(gallery)["phase"] in ("idle", "hashing")
