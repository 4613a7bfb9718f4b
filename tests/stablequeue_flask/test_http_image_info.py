"""GET and POST /civitai/image-info: how a picture at Civitai was made, ready to be made again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.worlds import LORAS, World

from stablequeue_core.testing.civitai_simulator import Fault, SimulatedCivitai

URL = "/api/v1/civitai/image-info"
RESOURCE = [
    "type",
    "name",
    "civitaiModelId",
    "civitaiModelVersionId",
    "weight",
    "isLocal",
    "downloadUrl",
    "fileSizeKB",
]
"""As decided; ours come behind."""


def info(sailor: Any, image_id: int = 51001) -> Any:
    answer = sailor.get(f"{URL}?imageId={image_id}")
    assert answer.status_code == 200, answer.json
    return answer.json


def test_the_fields_are_those_that_were_decided_then_ours(sailor: Any) -> None:
    body = info(sailor)
    assert list(body)[:3] == ["success", "generationParams", "resources"]
    assert body["success"] is True
    for resource in body["resources"]:
        assert list(resource)[: len(RESOURCE)] == RESOURCE
    assert (body["imageId"], body["source"]) == (51001, "meta")
    assert isinstance(body["leftOut"], list)


def test_its_parameters_are_ours(sailor: Any) -> None:
    params = info(sailor)["generationParams"]
    assert "a lighthouse on a cliff" in params["positive_prompt"]
    assert params["negative_prompt"] == "blurry, lowres"
    assert (params["width"], params["height"], params["steps"]) == (832, 1216, 24)
    assert params["seed"] == 1234567890


def test_its_models_are_named_with_their_numbers(sailor: Any, civitai: SimulatedCivitai) -> None:
    resources = {each["type"]: each for each in info(sailor)["resources"]}
    checkpoint, lora = resources["checkpoint"], resources["lora"]
    assert (checkpoint["civitaiModelId"], checkpoint["civitaiModelVersionId"]) == (600101, 700201)
    assert (lora["civitaiModelId"], lora["civitaiModelVersionId"]) == (600102, 700303)
    assert lora["weight"] == 0.8
    assert not lora["isLocal"]
    assert "700303" in lora["downloadUrl"]
    file = civitai.world.file(900303)
    assert file is not None
    assert lora["fileSizeKB"] == pytest.approx(file.content.size / 1024)


def test_a_model_that_is_here_is_said_to_be(
    harbor: World, sailor: Any, civitai: SimulatedCivitai, tmp_path: Path
) -> None:
    file = civitai.world.file(900303)
    assert file is not None
    (tmp_path / "models" / LORAS / "ink.safetensors").write_bytes(file.content.read())
    harbor.queue.models.scan(hashes=True)
    (lora,) = (each for each in info(sailor)["resources"] if each["type"] == "lora")
    assert lora["isLocal"] is True
    assert lora["localPath"] == "ink.safetensors"


def test_every_way_to_name_a_picture_leads_to_it(sailor: Any) -> None:
    wanted = info(sailor)
    page = "https://civitai.com/images/51001"
    for answer in (
        sailor.get(URL, query_string={"url": page}),
        sailor.get(URL, query_string={"url": "https://www.civitai.red/images/51001?postId=1"}),
        sailor.get(URL, query_string={"imageId": " 51001 "}),
        sailor.post(URL, json={"civitaiImageId": 51001}),
        sailor.post(URL, json={"civitaiImageId": "51001"}),
        sailor.post(URL, json={"civitaiImageId": None, "url": page}),
    ):
        assert (answer.status_code, answer.json) == (200, wanted)


def test_where_its_uploader_keeps_it_secret_the_file_itself_tells(sailor: Any) -> None:
    body = info(sailor, 51004)
    assert body["source"] == "file"
    assert body["generationParams"]["seed"] == 1234567890


@pytest.mark.parametrize("image_id", [51003, 51006])
def test_a_picture_that_tells_nothing_and_a_film_are_400(sailor: Any, image_id: int) -> None:
    answer = sailor.get(f"{URL}?imageId={image_id}")
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_infotext")


def test_a_picture_that_does_not_exist_is_404_and_not_its_neighbour(sailor: Any) -> None:
    """Civitai answers with another picture where there is none of that number."""
    answer = sailor.get(f"{URL}?imageId=50999")
    assert (answer.status_code, answer.json["error"]) == (404, "civitai_not_found")


@pytest.mark.parametrize(
    "query",
    ["", "imageId=", "imageId=abc", "imageId=1.5", "imageId=0x10", "imageId=5&url=x", "other=5"],
)
def test_what_names_no_picture_is_400_and_nobody_is_asked(
    sailor: Any, civitai: SimulatedCivitai, query: str
) -> None:
    answer = sailor.get(f"{URL}?{query}")
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert civitai.requests == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"civitaiImageId": None},
        {"civitaiImageId": "abc"},
        {"civitaiImageId": True},
        {"civitaiImageId": 1.5},
        {"civitaiImageId": [51001]},
        {"url": 51001},
        {"civitaiImageId": 51001, "url": "https://civitai.com/images/51001"},
    ],
    ids=str,
)
def test_a_body_that_names_no_picture_is_400(sailor: Any, body: dict[str, object]) -> None:
    answer = sailor.post(URL, json=body)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    (problem,) = answer.json["details"]["fields"]
    assert problem["path"] in ("civitaiImageId", "url")


@pytest.mark.parametrize(
    "query",
    [
        {"url": "https://example.org/images/51001"},
        {"url": "https://civitai.com.evil.example/images/51001"},
        {"url": "http://127.0.0.1/images/51001"},
        {"url": "https://civitai.com/models/600101"},
        {"imageId": "0"},
        {"imageId": "2147483648"},
        {"imageId": "9" * 18},
    ],
    ids=str,
)
def test_an_address_of_another_host_or_an_impossible_number_is_400_and_no_request_leaves(
    sailor: Any, civitai: SimulatedCivitai, query: dict[str, str]
) -> None:
    answer = sailor.get(URL, query_string=query)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_civitai_link")
    assert civitai.requests == []


def test_civitai_that_is_not_there_is_503(sailor: Any, civitai: SimulatedCivitai) -> None:
    civitai.faults.next("*", Fault.REFUSE_CONNECTION, times=None)
    answer = sailor.get(f"{URL}?imageId=51001")
    assert (answer.status_code, answer.json["error"]) == (503, "civitai_unavailable")


def test_a_page_for_people_in_place_of_an_answer_is_502(
    sailor: Any, civitai: SimulatedCivitai
) -> None:
    civitai.faults.next("*", Fault.LOGIN_PAGE, times=None)
    answer = sailor.get(f"{URL}?imageId=51001")
    assert (answer.status_code, answer.json["error"]) == (502, "civitai_garbled")


def test_what_it_tells_can_be_submitted_as_it_is(harbor: World, sailor: Any) -> None:
    params = info(sailor)["generationParams"]
    body = {"target_server_alias": "Laptop", "generation_params": params}
    answer = sailor.post("/api/v1/generate", json=body)
    assert answer.status_code == 202, answer.json
    assert harbor.queue.get(answer.json["stablequeue_job_id"]).params == params
