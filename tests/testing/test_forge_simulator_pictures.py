"""The simulated server's pictures are real pictures, and tell how they were made."""

from __future__ import annotations

import base64
import json

import pytest
from tests.testing.forge_client import Client, picture, recorded_forge

from stablequeue_core.testing.forge_simulator.infotext import quote

USER_COMMENT = 0x9286


def test_a_png_carries_its_infotext() -> None:
    answer = Client(recorded_forge()).txt2img(seed=7, width=96, negative_prompt="a dog")
    image = picture(answer["images"][0])
    assert image.size == (96, 64)
    assert image.info["parameters"] == json.loads(answer["info"])["infotexts"][0]
    assert image.info["parameters"].startswith("a cat\nNegative prompt: a dog\nSteps: 1, ")


def test_a_prompt_beyond_latin_survives_in_the_png() -> None:
    answer = Client(recorded_forge()).txt2img(prompt="一只猫 🐈")
    assert picture(answer["images"][0]).info["parameters"].startswith("一只猫 🐈\n")


@pytest.mark.parametrize(("asked", "kind"), [("jpg", "JPEG"), ("webp", "WEBP")])
def test_other_formats_carry_their_infotext_in_the_exif(asked: str, kind: str) -> None:
    answer = Client(recorded_forge()).txt2img(override_settings={"samples_format": asked})
    image = picture(answer["images"][0])
    assert image.format == kind
    comment = image.getexif().get_ifd(0x8769)[USER_COMMENT]
    text = json.loads(answer["info"])["infotexts"][0]
    assert comment == b"UNICODE\0" + text.encode("utf-16-be")


@pytest.mark.parametrize(
    ("value", "text"),
    [(64, "64"), ("plain", "plain"), ("a: b", '"a: b"'), ("a, b", '"a, b"'), ("a\nb", '"a\\nb"')],
)
def test_a_value_that_could_be_misread_is_quoted(value: object, text: str) -> None:
    assert quote(value) == text


def test_each_picture_of_a_batch_differs() -> None:
    answer = Client(recorded_forge()).txt2img(batch_size=2, n_iter=2)
    assert len(set(answer["images"])) == 4
    assert json.loads(answer["info"])["all_seeds"] == [1, 2, 3, 4]


def test_saved_pictures_come_with_a_grid_before_them() -> None:
    answer = Client(recorded_forge()).txt2img(batch_size=2, save_images=True)
    assert [picture(one).size for one in answer["images"]] == [(128, 64), (64, 64), (64, 64)]
    info = json.loads(answer["info"])
    assert (info["index_of_first_image"], len(info["infotexts"])) == (1, 3)


def test_a_single_saved_picture_has_no_grid() -> None:
    assert len(Client(recorded_forge()).txt2img(save_images=True)["images"]) == 1


def test_pictures_that_are_not_sent_are_made_all_the_same() -> None:
    client = Client(recorded_forge())
    assert client.txt2img(send_images=False)["images"] == []
    assert len(client.forge.rendered) == 1


def test_a_padded_picture_is_as_heavy_as_asked_and_still_a_picture() -> None:
    answer = Client(recorded_forge(picture_bytes=100_000)).txt2img()
    assert len(base64.b64decode(answer["images"][0])) == 100_000
    image = picture(answer["images"][0])
    image.load()
    assert image.size == (64, 64)


def test_variations_share_their_seed() -> None:
    info = Client(recorded_forge()).info(batch_size=2, subseed=5, subseed_strength=0.5)
    assert info["all_seeds"] == [1, 1]
    assert info["all_subseeds"] == [5, 6]
    assert "Variation seed: 6, Variation seed strength: 0.5" in info["infotexts"][1]


@pytest.mark.parametrize(
    ("resize", "size"),
    [
        ({"hr_scale": 2}, (128, 128)),
        ({"hr_resize_x": 96}, (96, 96)),
        ({"hr_resize_y": 80}, (80, 80)),
        ({"hr_resize_x": 96, "hr_resize_y": 80}, (96, 80)),
    ],
)
def test_a_second_pass_makes_a_larger_picture(
    resize: dict[str, int], size: tuple[int, int]
) -> None:
    answer = Client(recorded_forge()).txt2img(
        enable_hr=True,
        hr_additional_modules=["Use same choices"],
        hr_prompt="a big cat",
        hr_sampler_name="Euler a",
        hr_checkpoint_name="ponytest",
        **resize,
    )
    assert picture(answer["images"][0]).size == size
    text = json.loads(answer["info"])["infotexts"][0]
    assert "Hires checkpoint: ponytest, Hires sampler: Euler a, Hires prompt: a big cat" in text
