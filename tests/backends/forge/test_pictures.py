"""What comes back: the pictures that were asked for, no grid, no maps, each told by its bytes."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from tests.backends.forge.desk import PONY, Desk, answering, editing_answer, editing_info, overrides

from stablequeue_core.errors import GarbledAnswer, WrongResult
from stablequeue_core.generation import ImageFormat, sniff

MAP = base64.b64encode(b"\x89PNG\r\n\x1a\n a control map").decode()


def test_each_picture_of_each_batch_comes_with_its_own_seed(desk: Desk) -> None:
    generation = desk.run(num_images=2, batch_size=2, seed=100)

    assert [picture.seed for picture in generation.pictures] == [100, 101, 102, 103]
    assert [picture.seed for picture in desk.forge.rendered] == [100, 101, 102, 103]
    assert len({picture.data for picture in generation.pictures}) == 4


def test_the_grid_that_save_images_prepends_is_left_out(desk: Desk) -> None:
    plain = desk.run(batch_size=2, seed=5)

    generation = desk.run(batch_size=2, seed=5, save_images=True)

    assert desk.sent["save_images"] is True
    assert [picture.seed for picture in generation.pictures] == [5, 6]
    assert len(generation.pictures) == len(plain.pictures) == 2


@pytest.mark.parametrize(
    ("option", "kind"), [("png", ImageFormat.PNG), ("jpg", ImageFormat.JPEG), ("webp", "webp")]
)
def test_the_format_is_told_by_the_bytes(desk: Desk, option: str, kind: str) -> None:
    """The server encodes as its options say, whatever a job asked for."""
    (picture,) = desk.run(**overrides(samples_format=option)).pictures
    assert picture.format == kind == sniff(picture.data)


def test_maps_that_extensions_append_are_left_out() -> None:
    desk = Desk(transport=editing_answer(lambda body: body["images"].extend([MAP, MAP])))
    assert len(desk.run(num_images=2).pictures) == 2


def test_fewer_pictures_than_asked_are_not_passed_on() -> None:
    desk = Desk(transport=editing_answer(lambda body: body["images"].pop()))
    with pytest.raises(WrongResult) as caught:
        desk.run(num_images=3)
    assert caught.value.code == "missing_images"
    assert caught.value.details == {"asked": 3, "got": 2}


@pytest.mark.parametrize("odd", [None, 5, "x", [None], ["7"], [], {"0": 7}])
def test_a_seed_that_the_server_does_not_tell_costs_no_picture(odd: Any) -> None:
    desk = Desk(transport=editing_info(all_seeds=odd, seed=odd))
    assert [picture.seed for picture in desk.run().pictures] in ([0], [5])


@pytest.mark.parametrize("first", [-1, None, "1", 0.0])
def test_an_odd_index_of_the_first_image_loses_no_picture(first: Any) -> None:
    desk = Desk(transport=editing_info(index_of_first_image=first))
    assert len(desk.run(num_images=2).pictures) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html><title>Log in</title>",
        b"[1, 2]",
        b'"text"',
        b"null",
        b"{}",
        b'{"images": ["aGk="]}',
        b'{"images": ["aGk="], "info": "no json"}',
        b'{"images": ["aGk="], "info": "[]"}',
        b'{"images": null, "info": "{}"}',
        b'{"images": {}, "info": "{}"}',
        b'{"images": ["aGk="], "info": "{}"}',
        b'{"images": ["%%%"], "info": "{}"}',
        b'{"images": [null], "info": {}}',
        b'{"images": [5], "info": {}}',
        b'{"images": ["\xc3\xa9"], "info": {}}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"images": ["aGk="], "info": "' + b"[" * 100_000 + b'"}',
    ],
)
def test_a_200_that_is_no_answer_is_garbled(body: bytes) -> None:
    desk = Desk(transport=answering("/txt2img", body))
    with pytest.raises(GarbledAnswer):
        desk.run()


def test_info_may_come_as_an_object() -> None:
    desk = Desk(transport=editing_answer(lambda body: body.update(info=json.loads(body["info"]))))
    assert desk.run(checkpoint_name=PONY).info["sd_model_name"] == "cyberrealisticPony_v8"


@pytest.mark.parametrize("odd", [None, 5, [], {}, ["a"], {"Lora hashes": 5}])
def test_odd_details_in_info_break_nothing(odd: Any) -> None:
    desk = Desk(transport=editing_info(extra_generation_params=odd, infotexts=odd, styles=odd))
    assert desk.run(checkpoint_name=PONY).pictures


def test_the_loaded_checkpoint_is_told_after_each_run(desk: Desk) -> None:
    assert desk.run(checkpoint_name=PONY).loaded_checkpoint == "cyberrealisticPony_v8"
    odd = Desk(transport=editing_info(sd_model_name=5))
    assert odd.run().loaded_checkpoint is None


def test_pictures_are_always_asked_for_and_the_checkpoint_stays_loaded(desk: Desk) -> None:
    desk.run(checkpoint_name=PONY, num_images=2)
    assert desk.sent["send_images"] is True
    assert desk.sent["override_settings_restore_afterwards"] is False
    assert (desk.sent["n_iter"], desk.sent["batch_size"]) == (2, 1)


def test_what_the_server_knows_and_we_do_not_is_passed_on_unchanged(desk: Desk) -> None:
    given: dict[str, Any] = {
        "styles": ["none such"],
        "tiling": True,
        "alwayson_scripts": {},
        "subseed_strength": 0.5,
    }
    desk.run(**given)
    assert desk.sent.items() >= given.items()


def test_what_nobody_knows_stays_here(desk: Desk) -> None:
    desk.run(colour="blue", style_preset="noir")
    assert not {"colour", "style_preset"} & desk.sent.keys()
