"""What the simulated server makes of odd requests, and what it answers to bad ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.testing.forge_client import Client, recorded_disk, recorded_forge, recording

from stablequeue_core.testing.forge_simulator import SimulatedForge
from stablequeue_core.testing.forge_simulator.exchange import Incoming

ACCEPTED: list[dict[str, Any]] = [
    {"no_such_field": 1},
    {"steps": "2"},
    {"steps": 2.0},
    {"seed": -5},
    {"seed": 2**63},
    {"width": 65},
    {"styles": ["no such style"]},
    {"save_images": "yes"},
]


@pytest.mark.parametrize("changes", ACCEPTED, ids=str)
def test_much_is_accepted_silently(changes: dict[str, Any]) -> None:
    Client(recorded_forge()).txt2img(**changes)


@pytest.mark.parametrize(
    ("changes", "kind", "where"),
    [
        ({"steps": 2.5}, "int_from_float", ["body", "steps"]),
        ({"steps": []}, "int_type", ["body", "steps"]),
        ({"cfg_scale": "much"}, "float_parsing", ["body", "cfg_scale"]),
        ({"cfg_scale": {}}, "float_type", ["body", "cfg_scale"]),
        ({"prompt": 7}, "string_type", ["body", "prompt"]),
        ({"send_images": None}, "bool_type", ["body", "send_images"]),
        ({"send_images": "perhaps"}, "bool_parsing", ["body", "send_images"]),
        ({"styles": ["a", 1]}, "string_type", ["body", "styles", 1]),
        ({"styles": "a"}, "list_type", ["body", "styles"]),
        ({"override_settings": []}, "dict_type", ["body", "override_settings"]),
    ],
)
def test_a_wrong_type_is_refused_with_its_place(
    changes: dict[str, Any], kind: str, where: list[object]
) -> None:
    status, body = Client(recorded_forge()).failure(**changes)
    assert status == 422
    assert [(one["type"], one["loc"]) for one in body["detail"]] == [(kind, where)]


def test_every_wrong_field_is_listed() -> None:
    status, body = Client(recorded_forge()).failure(steps="a", width="b")
    assert status == 422
    assert [one["loc"][-1] for one in body["detail"]] == ["steps", "width"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"steps": -1}, "RuntimeError"),
        ({"width": 8, "height": 8}, "RuntimeError"),
        ({"width": -64}, "RuntimeError"),
        ({"width": 100_000, "height": 100_000}, "OutOfMemoryError"),
        ({"n_iter": 0}, "IndexError"),
        ({"width": None}, "TypeError"),
        ({"prompt": None}, "AssertionError"),
        ({"enable_hr": True, "hr_checkpoint_name": "nope"}, "Exception"),
    ],
)
def test_a_request_that_cannot_work_breaks_in_the_job(changes: dict[str, Any], error: str) -> None:
    client = Client(recorded_forge())
    status, body = client.failure(**changes)
    assert (status, body["error"], body["detail"], body["body"]) == (500, error, "", "")
    assert not client.forge.rendered


def test_a_body_that_is_no_object_is_refused() -> None:
    client = Client(recorded_forge())
    for path in ("/sdapi/v1/txt2img", "/sdapi/v1/options"):
        assert client.send("POST", path, [1]).status == 422


def test_a_body_that_is_no_json_is_refused_with_its_place() -> None:
    forge = recorded_forge()
    answer = forge.handle(Incoming(method="POST", path="/sdapi/v1/txt2img", body=b"no json"))
    expected = recording("txt2img_not_json")
    assert (answer.status, json.loads(answer.body)) == (expected["status"], expected["body"])


def test_defaults_are_those_of_the_real_server() -> None:
    response = Client(recorded_forge()).send("POST", "/sdapi/v1/txt2img", {})
    info = json.loads(response.json()["info"])
    assert (info["steps"], info["width"], info["height"]) == (50, 512, 512)
    assert (info["cfg_scale"], info["sampler_name"], info["prompt"]) == (7.0, "Euler", "")
    assert info["seed"] >= 0


def test_installed_extensions_are_accepted_as_always_on_scripts() -> None:
    forge = SimulatedForge(recorded_disk(), extensions=["ADetailer"])
    client = Client(forge)
    client.txt2img(alwayson_scripts={"adetailer": {"args": []}, "ControlNet": {"args": []}})


def test_a_selectable_script_is_no_always_on_script() -> None:
    status, body = Client(recorded_forge()).failure(alwayson_scripts={"X/Y/Z plot": {}})
    assert (status, list(body)) == (422, ["detail"])


def test_a_refiner_is_found_by_part_of_its_title() -> None:
    Client(recorded_forge()).txt2img(refiner_checkpoint="ponyt")


def test_other_methods_are_not_allowed() -> None:
    response = Client(recorded_forge()).send("DELETE", "/sdapi/v1/options")
    assert (response.status, response.headers["allow"]) == (405, "GET, POST")


def test_what_was_asked_can_be_read_again() -> None:
    client = Client(recorded_forge())
    client.get("progress")
    client.txt2img(seed=9)
    seen = [(one.method, one.path, one.body and one.body["seed"]) for one in client.forge.requests]
    assert seen == [("GET", "/sdapi/v1/progress", None), ("POST", "/sdapi/v1/txt2img", 9)]
