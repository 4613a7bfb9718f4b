"""Posted pictures, and the host that has them."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image
from tests.testing.civitai_client import Client

from stablequeue_core.testing.civitai_simulator import (
    SimulatedCivitai,
    SimulatedImage,
    SimulatedPicture,
)

PICTURE = "/api/v1/images?imageId={}&withMeta=true&flatMeta=true"


@pytest.fixture
def client() -> Client:
    return Client(SimulatedCivitai.with_sample_models())


def image(client: Client, image_id: int, path: str = PICTURE) -> dict[str, Any]:
    items = client.ask(path.format(image_id)).json()["items"]
    assert len(items) == 1
    found: dict[str, Any] = items[0]
    return found


def test_meta_is_told_flat_wrapped_hidden_or_not_at_all(client: Client) -> None:
    flat = image(client, 51001)["meta"]
    assert flat["prompt"].startswith("a lighthouse")
    wrapped = image(client, 51001, "/api/v1/images?imageId={}&withMeta=true")["meta"]
    assert wrapped == {"id": 51001, "meta": flat}
    assert image(client, 51004)["meta"] is None
    assert image(client, 51001, "/api/v1/images?imageId={}")["meta"] is None
    by_model = client.ask("/api/v1/images?modelId=600101&withMeta=true").json()["items"]
    assert set(by_model[0]["meta"]) == {"id", "meta"}


def test_the_resources_of_the_sample_are_models_of_the_sample(client: Client) -> None:
    meta = image(client, 51001)["meta"]
    for name, version_id in (("model", 700201), ("lora:inkWash_v3", 700303)):
        found = client.ask(f"/api/v1/model-versions/by-hash/{meta['hashes'][name]}").json()
        assert found["id"] == version_id
    by_id = image(client, 51002)["meta"]["civitaiResources"]
    assert [each["modelVersionId"] for each in by_id] == [700201, 700303]


def test_a_deleted_image_is_answered_with_its_neighbour(client: Client) -> None:
    client.civitai.world.remove_image(51003)
    assert image(client, 51003)["id"] in (51002, 51004)


def test_an_image_that_is_not_for_everybody_must_be_asked_for(client: Client) -> None:
    assert image(client, 51005)["id"] == 51004
    shown = image(client, 51005, PICTURE + "&nsfw=X")
    assert (shown["id"], shown["nsfwLevel"], shown["browsingLevel"]) == (51005, "X", 8)


def test_a_picture_is_what_its_bytes_say_and_holds_how_it_was_made(client: Client) -> None:
    url = image(client, 51004)["url"]
    assert url.endswith(".jpeg")
    answer = client.fetch(url)
    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.body)) as opened:
        assert "Seed: 1234567890" in opened.info["parameters"]


def test_a_list_of_images_goes_by_cursors(client: Client) -> None:
    page = client.ask("/api/v1/images?limit=2&withMeta=true").json()
    assert [item["id"] for item in page["items"]] == [51001, 51002]
    rest = client.ask(page["metadata"]["nextPage"] + "&nsfw=true").json()
    assert [item["id"] for item in rest["items"]] == [51003, 51004]
    assert client.ask("/api/v1/images?cursor=x").status == 400
    assert client.ask("/api/v1/images?limit=201").status == 400


@pytest.mark.parametrize(
    ("asked", "width"), [(90, 96), (450, 450), (451, 512), (1601, 1800), (9999, 1800)]
)
def test_a_width_snaps_to_the_next_of_a_few(client: Client, asked: int, width: int) -> None:
    wide = io.BytesIO()
    Image.new("RGB", (2400, 10)).save(wide, "PNG")
    picture = SimulatedPicture(id=52000, content=wide.getvalue())
    client.civitai.world.add(SimulatedImage(picture=picture))
    url = image(client, 52000)["url"].replace("original=true", f"width={asked}")
    answer = client.fetch(url)
    assert answer.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(answer.body)) as opened:
        assert opened.width == width


def test_a_film_comes_as_it_is_or_as_a_still(client: Client) -> None:
    url = image(client, 51003)["url"]
    assert url.endswith(".mp4")
    assert client.fetch(url).headers["content-type"] == "video/mp4"
    still = client.fetch(url.replace("original=true", "anim=false,transcode=true,width=450"))
    with Image.open(io.BytesIO(still.body)) as opened:
        assert (opened.format, opened.width) == ("JPEG", 450)


def test_the_first_picture_of_a_version_may_be_a_film(client: Client) -> None:
    pictures = client.ask("/api/v1/model-versions/700303").json()["images"]
    assert [picture["type"] for picture in pictures] == ["video", "image"]
    assert "id" not in pictures[0]


def test_an_unknown_picture_is_not_found(client: Client) -> None:
    url = image(client, 51001)["url"]
    assert client.fetch(url.replace("0b6d2f10", "ffffffff")).status == 404
    assert client.fetch("https://image.civitai.com/nonsense").status == 404
