"""POST /models/:id/refresh-metadata: Civitai is asked what a file is, and it is written beside."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.worlds import CHECKPOINTS, LORAS, World

from stablequeue_core.testing.civitai_simulator import GOOD_KEY, Fault, SimulatedCivitai
from stablequeue_core.testing.model_files import sdxl_lora

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
DOCUMENTED = ["filename", "civitai_id", "modelVersionId", "previews", "update_timestamp"]
CHECKPOINT = "harbor.safetensors"
LORA = "ink.safetensors"


def file_of(civitai: SimulatedCivitai, file_id: int) -> bytes:
    file = civitai.world.file(file_id)
    assert file is not None
    return file.content.read()


@pytest.fixture
def stocked(harbor: World, civitai: SimulatedCivitai, tmp_path: Path) -> Path:
    """The model folders, with a checkpoint and a LoRA that Civitai knows, scanned."""
    models = tmp_path / "models"
    (models / CHECKPOINTS / CHECKPOINT).write_bytes(file_of(civitai, 900101))
    (models / LORAS / LORA).write_bytes(file_of(civitai, 900303))
    harbor.queue.models.scan(hashes=True)
    return models


def refresh(sailor: Any, name: str = CHECKPOINT, query: str = "", **more: Any) -> Any:
    return sailor.post(f"/api/v1/models/{name}/refresh-metadata{query}", **more)


@pytest.mark.usefixtures("stocked")
def test_the_answer_has_the_documented_fields_in_their_order_then_ours(sailor: Any) -> None:
    answer = refresh(sailor)
    assert answer.status_code == 200, answer.json
    assert list(answer.json) == ["success", "message", "model"]
    assert answer.json["success"] is True
    assert answer.json["message"] == "Metadata refreshed successfully"
    model = answer.json["model"]
    assert list(model)[: len(DOCUMENTED)] == DOCUMENTED
    assert (model["filename"], model["civitai_id"]) == (CHECKPOINT, 600101)
    assert model["modelVersionId"] == 700201
    assert MOMENT.fullmatch(model["update_timestamp"])


def test_what_civitai_tells_is_written_as_forge_reads_it(stocked: Path, sailor: Any) -> None:
    previews = refresh(sailor).json["model"]["previews"]
    folder = stocked / CHECKPOINTS
    assert previews
    for name in previews:
        assert (folder / name).is_file()
    told = json.loads((folder / "harbor.json").read_text(encoding="utf-8"))
    assert told["sd version"] == "SDXL"


@pytest.mark.usefixtures("stocked")
def test_the_model_tells_at_once_what_was_found(sailor: Any) -> None:
    refresh(sailor)
    model = sailor.get(f"/api/v1/models/{CHECKPOINT}/info").json["model"]
    assert model["metadata_source"] == "civitai_api"
    assert (model["civitai_id"], model["model_version_id"]) == (600101, 700201)
    assert model["civitai_name"] == "Harbor Mix XL"
    assert model["baseModel"] == "Illustrious"
    assert model["preview_images"]


@pytest.mark.usefixtures("stocked")
def test_a_lora_is_found_by_its_type(sailor: Any) -> None:
    assert refresh(sailor, LORA).status_code == 404
    model = refresh(sailor, LORA, "?type=lora").json["model"]
    assert (model["civitai_id"], model["modelVersionId"]) == (600102, 700303)
    assert refresh(sailor, LORA, "?type=all").status_code == 200


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize("more", [{}, {"json": {}}, {"json": {"unknown": 1}}, {"data": b" "}])
def test_a_body_may_be_there_or_not(sailor: Any, more: dict[str, Any]) -> None:
    assert refresh(sailor, **more).status_code == 200


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"json": []}, 400, "invalid_json"),
        ({"data": b"{", "content_type": "application/json"}, 400, "invalid_json"),
        ({"data": b"{}", "content_type": "text/plain"}, 415, "unsupported_media_type"),
    ],
)
def test_what_is_no_json_object_is_refused(
    sailor: Any, civitai: SimulatedCivitai, more: dict[str, Any], status: int, code: str
) -> None:
    answer = refresh(sailor, **more)
    assert (answer.status_code, answer.json["error"]) == (status, code)
    assert civitai.requests == []


def test_a_type_that_does_not_exist_is_400(sailor: Any) -> None:
    answer = refresh(sailor, query="?type=painting")
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


def test_a_model_that_is_not_here_is_404(sailor: Any, civitai: SimulatedCivitai) -> None:
    answer = refresh(sailor, "nothing.safetensors")
    assert (answer.status_code, answer.json["error"]) == (404, "model_not_found")
    assert civitai.requests == []


def test_a_model_that_civitai_does_not_know_is_404(
    harbor: World, sailor: Any, tmp_path: Path
) -> None:
    sdxl_lora(output_name="mine").write(tmp_path / "models" / LORAS / "only_mine.safetensors")
    harbor.queue.models.scan(hashes=True)
    answer = refresh(sailor, "only_mine.safetensors", "?type=lora")
    assert (answer.status_code, answer.json["error"]) == (404, "not_identified")


@pytest.mark.usefixtures("stocked")
def test_civitai_that_is_not_there_is_503_and_nothing_is_written(
    stocked: Path, sailor: Any, civitai: SimulatedCivitai
) -> None:
    civitai.faults.next("*", Fault.REFUSE_CONNECTION, times=None)
    answer = refresh(sailor)
    assert (answer.status_code, answer.json["error"]) == (503, "civitai_unavailable")
    assert [path.name for path in (stocked / CHECKPOINTS).iterdir()] == [CHECKPOINT]


@pytest.mark.usefixtures("stocked")
def test_no_answer_no_log_and_no_file_shows_the_key(
    stocked: Path, sailor: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    answer = refresh(sailor)
    assert GOOD_KEY not in answer.text
    assert GOOD_KEY not in caplog.text
    assert str(stocked) not in answer.text
    for file in (stocked / CHECKPOINTS).iterdir():
        assert GOOD_KEY.encode() not in file.read_bytes()
