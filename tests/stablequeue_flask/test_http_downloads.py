"""Downloads over HTTP: ask for a model, see how far it is, change one's mind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.stablequeue_flask.test_download_bodies import FIELDS
from tests.worlds import CHECKPOINTS, LORAS, World

from stablequeue_core.downloads import DownloadStatus
from stablequeue_core.testing.civitai_simulator import GOOD_KEY, Fault, SimulatedCivitai

URL = "/api/v1/civitai/download-model"
LORA, CHECKPOINT = 700303, 700201
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def order(sailor: Any, version: object = LORA, **fields: object) -> Any:
    """Ask for a version; the answer."""
    return sailor.post(URL, json={"civitaiModelVersionId": version, **fields})


def ordered(sailor: Any, version: object = LORA, **fields: object) -> str:
    """Ask for a version; the id of its download."""
    answer = order(sailor, version, **fields)
    assert answer.status_code == 202, answer.json
    return str(answer.json["downloadId"])


def shown(sailor: Any, download_id: str) -> Any:
    answer = sailor.get(f"/api/v1/downloads/{download_id}")
    assert answer.status_code == 200, answer.json
    assert list(answer.json) == ["success", "download"]
    return answer.json["download"]


def fetched(harbor: World, sailor: Any, download_id: str) -> Any:
    """Fetch what is queued; the download when it has ended."""
    harbor.queue.downloads.start()
    harbor.queue.downloads.wait(download_id, timeout=10)
    return shown(sailor, download_id)


def file_of(civitai: SimulatedCivitai, file_id: int) -> bytes:
    file = civitai.world.file(file_id)
    assert file is not None
    return file.content.read()


def test_an_order_is_answered_with_the_documented_fields_in_their_order(sailor: Any) -> None:
    answer = order(sailor, targetType="lora", subfolder="styles", priority=3)
    assert answer.status_code == 202
    assert list(answer.json) == [
        "success",
        "downloadId",
        "message",
        "modelName",
        "type",
        "filename",
    ]
    assert answer.json["success"] is True
    assert UUID.fullmatch(answer.json["downloadId"])
    assert answer.json["modelName"] == "Ink Wash Style"
    assert answer.json["type"] == "lora"
    assert answer.json["filename"] == "inkWash_v3.safetensors"


def test_the_file_comes_whole_into_the_folder_of_its_kind(
    harbor: World, sailor: Any, civitai: SimulatedCivitai, tmp_path: Path
) -> None:
    download = fetched(harbor, sailor, ordered(sailor, str(CHECKPOINT), subfolder="XL\\Harbor"))
    assert list(download) == FIELDS
    assert download["status"] == "completed", download
    assert download["subfolder"] == "XL/Harbor"
    assert (download["fraction"], download["error"]) == (1.0, None)
    file = tmp_path / "models" / CHECKPOINTS / "XL" / "Harbor" / download["filename"]
    assert file.read_bytes() == file_of(civitai, 900101)
    assert download["bytesDone"] == download["bytesTotal"] == file.stat().st_size
    assert not civitai.leaks


def test_a_download_becomes_a_model_with_all_that_civitai_knows_of_it(
    harbor: World, sailor: Any
) -> None:
    fetched(harbor, sailor, ordered(sailor))
    answer = sailor.get("/api/v1/models/inkWash_v3.safetensors/info?type=lora")
    model = answer.json["model"]
    assert (model["civitai_id"], model["model_version_id"]) == (600102, LORA)
    assert model["civitai_name"] == "Ink Wash Style"
    assert "sumi-e" in model["trigger_words"]
    assert model["metadata_source"] == "civitai_api"
    assert model["preview_url"] is not None


def test_a_file_may_get_a_name_of_ones_own(harbor: World, sailor: Any, tmp_path: Path) -> None:
    download = fetched(harbor, sailor, ordered(sailor, filenameOverride="mine.safetensors"))
    assert download["filename"] == "mine.safetensors"
    assert (tmp_path / "models" / LORAS / "mine.safetensors").exists()


def test_another_file_of_a_version_is_chosen_by_its_number(sailor: Any) -> None:
    answer = order(sailor, CHECKPOINT, fileId=900102, targetType="checkpoint")
    assert answer.json["filename"] == "sdxl_vae.safetensors"


@pytest.mark.parametrize(
    "link",
    [
        "https://civitai.com/models/600102/ink-wash?modelVersionId=700303",
        "https://civitai.red/models/600102?modelVersionId=700303",
        "https://civitai.com/api/download/models/700303",
        "urn:air:sdxl:lora:civitai:600102@700303",
        "700303",
    ],
)
def test_a_model_may_be_named_by_whatever_people_copy(sailor: Any, link: str) -> None:
    answer = sailor.post(URL, json={"link": link})
    assert answer.status_code == 202, answer.json
    assert answer.json["filename"] == "inkWash_v3.safetensors"


def test_who_asks_twice_gets_the_same_download(sailor: Any) -> None:
    assert ordered(sailor) == ordered(sailor)
    assert sailor.get("/api/v1/downloads").json["total"] == 1


def test_every_bad_field_is_told_at_once_and_nobody_is_asked(
    sailor: Any, civitai: SimulatedCivitai
) -> None:
    answer = order(sailor, "abc", targetType="painting", subfolder="..\\x", priority="high")
    assert answer.status_code == 400
    assert answer.json["error"] == "invalid_download"
    assert [problem["path"] for problem in answer.json["details"]["fields"]] == [
        "civitaiModelVersionId",
        "targetType",
        "subfolder",
        "priority",
    ]
    assert civitai.requests == []


@pytest.mark.parametrize(
    "link",
    ["https://example.org/models/1", "http://127.0.0.1:8080/models/1", "file:///etc/passwd", "x"],
)
def test_a_link_of_another_host_is_400_and_no_request_leaves(
    sailor: Any, civitai: SimulatedCivitai, link: str
) -> None:
    answer = sailor.post(URL, json={"link": link})
    assert answer.status_code == 400
    assert answer.json["details"]["fields"][0]["path"] == "link"
    assert civitai.requests == []


@pytest.mark.parametrize(
    ("version", "status", "code"),
    [
        (799999, 404, "civitai_not_found"),
        (700401, 410, "archived"),
    ],
)
def test_what_civitai_does_not_give_is_told_at_once(
    sailor: Any, version: int, status: int, code: str
) -> None:
    answer = order(sailor, version)
    assert (answer.status_code, answer.json["error"]) == (status, code)
    assert sailor.get("/api/v1/downloads").json["total"] == 0


@pytest.mark.parametrize(
    ("version", "code"),
    [(700304, "early_access"), (700501, "paid_access"), (700601, "generation_only")],
)
def test_what_civitai_refuses_to_give_is_a_failed_download_that_says_why(
    harbor: World, sailor: Any, version: int, code: str
) -> None:
    answer = order(sailor, version)
    if answer.status_code == 403:  # it said so before
        assert answer.json["error"] == code
        return
    download = fetched(harbor, sailor, answer.json["downloadId"])
    assert download["status"] == "failed"
    assert download["error"]["code"] == code
    assert download["error"]["message"].endswith(".")


def test_a_kind_without_a_folder_is_409(sailor: Any) -> None:
    answer = order(sailor, CHECKPOINT, fileId=900102)
    assert (answer.status_code, answer.json["error"]) == (409, "no_folder_for_kind")
    assert "--model-dir vae=DIR" in answer.json["message"]


def test_a_file_that_is_there_is_409(harbor: World, sailor: Any) -> None:
    fetched(harbor, sailor, ordered(sailor))
    harbor.queue.models.scan(hashes=True)
    answer = order(sailor)
    assert (answer.status_code, answer.json["error"]) == (409, "model_file_exists")
    assert answer.json["details"] == {"path": "inkWash_v3.safetensors", "is_same": True}


def test_civitai_that_is_not_there_is_503(sailor: Any, civitai: SimulatedCivitai) -> None:
    civitai.faults.next("*", Fault.REFUSE_CONNECTION, times=None)
    answer = order(sailor)
    assert (answer.status_code, answer.json["error"]) == (503, "civitai_unavailable")


def test_the_list_is_newest_first_in_pages(sailor: Any) -> None:
    first, second = ordered(sailor), ordered(sailor, CHECKPOINT)
    body = sailor.get("/api/v1/downloads").json
    assert list(body) == ["success", "total", "downloads"]
    assert [download["downloadId"] for download in body["downloads"]] == [second, first]
    assert list(body["downloads"][0]) == FIELDS
    page = sailor.get("/api/v1/downloads?limit=1&offset=1&unknown=x").json
    assert (page["total"], len(page["downloads"])) == (2, 1)
    assert page["downloads"][0]["downloadId"] == first


def test_the_list_can_be_narrowed_to_a_status(sailor: Any) -> None:
    paused, queued = ordered(sailor), ordered(sailor, CHECKPOINT)
    sailor.post(f"/api/v1/downloads/{paused}/pause")
    for status, ids in (("paused", [paused]), ("queued", [queued]), ("completed", [])):
        body = sailor.get(f"/api/v1/downloads?status={status}").json
        assert [download["downloadId"] for download in body["downloads"]] == ids


def test_every_status_can_be_asked_for(sailor: Any) -> None:
    for status in DownloadStatus:
        assert sailor.get(f"/api/v1/downloads?status={status}").status_code == 200


def test_bad_query_parameters_are_told_all_at_once(sailor: Any) -> None:
    answer = sailor.get("/api/v1/downloads?status=foo&limit=abc&offset=-1")
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert [problem["path"] for problem in answer.json["details"]["fields"]] == [
        "status",
        "limit",
        "offset",
    ]


@pytest.mark.parametrize("name", ["no-such", "067c2def-0b3b-4ef1-8eb8-8ce087f4a3cf", "%ed%a0%80"])
def test_a_download_that_is_not_there_is_404(sailor: Any, name: str) -> None:
    answers = [sailor.get(f"/api/v1/downloads/{name}")]
    answers += [
        sailor.post(f"/api/v1/downloads/{name}/{verb}")
        for verb in ("cancel", "retry", "pause", "resume")
    ]
    for answer in answers:
        assert (answer.status_code, answer.json["error"]) == (404, "download_not_found")


def test_a_download_can_wait_and_go_on_and_be_given_up_and_tried_again(sailor: Any) -> None:
    url = f"/api/v1/downloads/{ordered(sailor)}"
    for verb, status, became in (
        ("pause", 200, "paused"),
        ("resume", 202, "queued"),
        ("cancel", 200, "cancelled"),
        ("retry", 202, "queued"),
    ):
        answer = sailor.post(f"{url}/{verb}")
        assert answer.status_code == status
        assert list(answer.json) == ["success", "message", "download"]
        assert answer.json["download"]["status"] == became


def test_what_its_status_forbids_is_409(harbor: World, sailor: Any) -> None:
    url = f"/api/v1/downloads/{ordered(sailor)}"
    for verb in ("resume", "retry"):
        answer = sailor.post(f"{url}/{verb}")
        assert (answer.status_code, answer.json["error"]) == (409, "illegal_download_transition")
    fetched(harbor, sailor, url.rpartition("/")[2])
    for verb in ("cancel", "pause", "resume", "retry"):
        assert sailor.post(f"{url}/{verb}").status_code == 409


def test_while_it_comes_it_tells_how_far_it_is(
    harbor: World, sailor: Any, civitai: SimulatedCivitai
) -> None:
    file = file_of(civitai, LORA + 200_000)
    civitai.faults.next("storage", Fault.STALL, after=len(file) // 2)
    download_id = ordered(sailor)
    harbor.queue.downloads.start()
    harbor.until(lambda: (shown(sailor, download_id)["fraction"] or 0) > 0.4)
    download = shown(sailor, download_id)
    assert download["status"] == "downloading"
    assert 0.4 < download["fraction"] <= 0.5
    assert download["bytesTotal"] == len(file)
    assert download["startedAt"] is not None
    answer = sailor.post(f"/api/v1/downloads/{download_id}/pause")
    assert answer.json["download"]["status"] == "paused"
    (listed,) = sailor.get("/api/v1/downloads").json["downloads"]
    assert 0.4 < listed["fraction"] <= 0.5  # what is here stays
    answer = sailor.post(f"/api/v1/downloads/{download_id}/cancel")
    assert (answer.json["download"]["status"], answer.json["download"]["bytesDone"]) == (
        "cancelled",
        0,
    )


def test_nothing_that_is_told_of_a_download_shows_the_key_the_link_or_this_machine(
    harbor: World, sailor: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    download_id = ordered(sailor)
    fetched(harbor, sailor, download_id)
    told = [
        sailor.get(f"/api/v1/downloads/{download_id}").text,
        sailor.get("/api/v1/downloads").text,
        order(sailor, 799999).text,
        str(harbor.queue.events()),
        caplog.text,
    ]
    for text in told:
        assert GOOD_KEY not in text
        assert "X-Amz" not in text
    for text in told[:3]:
        assert str(tmp_path) not in text
