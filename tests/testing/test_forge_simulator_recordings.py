"""Answer by answer, the simulator against what a real server was recorded to say."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from tests.testing.forge_client import (
    BASE,
    CAT,
    PONY,
    Client,
    recorded_disk,
    recorded_forge,
    recording,
)

from stablequeue_core.testing.forge_simulator import CheckpointFile, ForgeDisk, SimulatedForge
from stablequeue_core.transport import Response

CHANCE = {"subseed", "all_subseeds", "job_timestamp"}
FLEETING_HEADERS = {"date", "content-length"}
PONY_OVERRIDE = {"sd_model_checkpoint": "Pony_ponytest"}
LEAKED_JPEG = {"override_settings": {"samples_format": "jpg"}}
LEAKED_VAE = {"override_settings": {"forge_additional_modules": ["testvae.safetensors"]}}


def assert_same_exchange(response: Response, expected: Any) -> None:
    assert response.status == expected["status"]
    ours = {k: v for k, v in response.headers.items() if k not in FLEETING_HEADERS}
    theirs = {k: v for k, v in expected["headers"].items() if k not in FLEETING_HEADERS}
    assert ours == theirs
    assert (response.json() if response.body else "") == expected["body"]


def assert_same_pictures(ours: list[str], theirs: list[str]) -> None:
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs, strict=True):
        # A recording keeps 30 bytes of each picture: of a PNG its kind, size and colour type.
        kept = base64.b64decode(their[:40])
        length = 30 if kept.startswith(b"\x89PNG") else 3
        assert base64.b64decode(our[:40])[:length] == kept[:length]


def assert_same_result(response: Response, expected: Any) -> None:
    assert response.status == expected["status"]
    body, theirs = response.json(), expected["body"]
    assert list(body) == list(theirs)
    assert_same_pictures(body["images"], theirs["images"])
    assert body["parameters"] == theirs["parameters"]
    assert list(body["parameters"]) == list(theirs["parameters"])
    our_info, their_info = json.loads(body["info"]), json.loads(theirs["info"])
    assert list(our_info) == list(their_info)
    for key in their_info:
        if key in CHANCE:
            assert type(our_info[key]) is type(their_info[key])
        else:
            assert our_info[key] == their_info[key], key


def sent(expected: Any) -> dict[str, Any]:
    """The request of a recording; where that was not kept, from the parameters it echoes."""
    if expected["request"] is not None:
        return dict(expected["request"]["body"])
    return {
        key: value for key, value in expected["body"]["parameters"].items() if value is not None
    }


@pytest.mark.parametrize(
    "name",
    [
        "samplers",
        "schedulers",
        "upscalers",
        "scripts",
        "script_info",
        "embeddings",
        "loras",
        "loras_missing",
        "memory",
        "sd_models_before_hash",
        "sd_modules",
        "options_before",
        "progress_idle",
        "pending_idle",
        "interrupt_idle",
        "skip",
        "refresh_checkpoints",
        "refresh_loras",
        "refresh_vae",
        "options_bad_type",
        "options_unknown_key",
        "iprog_empty",
        "iprog_null",
        "iprog_unknown",
        "txt2img_GET",
        "txt2img_trailing_slash",
        "wrong_route",
    ],
)
def test_a_fresh_server_answers_as_recorded(name: str) -> None:
    expected = recording(name)
    request = expected["request"]
    response = Client(recorded_forge()).send(request["method"], request["path"], request["body"])
    assert_same_exchange(response, expected)


@pytest.mark.parametrize(
    "name",
    [
        "txt2img_bad_type_steps",
        "txt2img_batch0",
        "txt2img_hires_bad_upscaler",
        "txt2img_hires_no_modules",
        "txt2img_override_unknown_key",
        "txt2img_refiner_missing",
        "txt2img_steps0",
        "txt2img_unknown_alwayson",
        "txt2img_unknown_script",
        "txt2img_width0",
    ],
)
def test_a_bad_request_is_answered_as_recorded(name: str) -> None:
    expected = recording(name)
    body = expected["request"]["body"]
    response = Client(recorded_forge()).send("POST", "/sdapi/v1/txt2img", body)
    assert_same_exchange(response, expected)


def test_a_request_without_a_body_is_answered_as_recorded() -> None:
    response = Client(recorded_forge()).send("POST", "/sdapi/v1/txt2img")
    assert_same_exchange(response, recording("txt2img_no_body"))


@pytest.mark.parametrize(
    "name",
    [
        "txt2img_first",
        "txt2img_second",
        "txt2img_batch2_iter2",
        "txt2img_grid",
        "txt2img_save_images",
        "txt2img_send_images_false",
        "txt2img_unknown_sampler",
        "txt2img_unknown_scheduler",
    ],
)
def test_a_picture_is_answered_as_recorded(name: str) -> None:
    expected = recording(name)
    client = Client(recorded_forge())
    response = client.send("POST", "/sdapi/v1/txt2img", sent(expected))
    assert_same_result(response, expected)


@pytest.mark.parametrize(
    "name",
    [
        "txt2img_after_fail",
        "txt2img_hires",
        "txt2img_lora_ok",
        "txt2img_lora_missing",
        "txt2img_override_vae",
        "txt2img_override_vae_missing",
    ],
)
def test_a_picture_after_leaked_overrides_is_answered_as_recorded(name: str) -> None:
    client = Client(recorded_forge())
    client.txt2img(**LEAKED_JPEG)
    client.txt2img(**LEAKED_VAE)
    expected = recording(name)
    response = client.send("POST", "/sdapi/v1/txt2img", sent(expected))
    assert_same_result(response, expected)


def test_an_interrupted_batch_is_answered_as_recorded() -> None:
    expected = recording("txt2img_interrupted")
    client = Client(recorded_forge())
    with client.forge.held(step=30):
        pending = client.start(**sent(expected))
        client.forge.wait_until(lambda forge: forge.sampling_step == 30)
        assert_same_exchange(
            client.send("POST", "/sdapi/v1/interrupt"), recording("interrupt_during")
        )
        assert_same_result(pending.result(), expected)


def test_an_interrupt_during_the_load_is_answered_as_recorded() -> None:
    expected = recording("txt2img_interrupted_during_load")
    client = Client(recorded_forge())
    with client.forge.held(loading=True):
        pending = client.start(**sent(expected))
        client.forge.wait_until(lambda forge: forge.loading)
        client.post("interrupt")
        assert_same_result(pending.result(), expected)


def test_the_checkpoint_list_after_the_first_load_is_as_recorded() -> None:
    client = Client(recorded_forge())
    client.txt2img()
    assert_same_exchange(
        client.send("GET", "/sdapi/v1/sd-models"), recording("sd_models_after_hash")
    )


def test_the_checkpoint_list_without_hashing_is_as_recorded() -> None:
    paths = ["Pony_ponytest", "Alt/ponytest", "full15", "Pony/ponytest", "forgetest"]
    disk = ForgeDisk([CheckpointFile(path=f"{path}.safetensors") for path in paths])
    client = Client(SimulatedForge(disk, no_hashing=True))
    client.txt2img()
    expected = recording("sd_models_no_hashing_collisions")["body"]
    for entry in expected:
        entry["filename"] = entry["filename"].replace("/fresh", "")
    assert client.get("sd-models") == expected


def test_progress_after_a_job_is_as_recorded() -> None:
    client = Client(recorded_forge())
    info = client.info()
    expected = recording("progress_after")["body"]
    expected["state"]["job_timestamp"] = info["job_timestamp"]
    assert client.get("progress") == expected


def test_progress_in_a_job_is_as_recorded() -> None:
    expected = recording("progress_running_with_image")["body"]
    client = Client(recorded_forge())
    with client.forge.held(step=8):
        client.start(steps=40)
        client.forge.wait_until(lambda forge: forge.sampling_step == 8)
        ours = client.get("progress")
    assert ours["eta_relative"] > 0
    ours["eta_relative"] = expected["eta_relative"]
    ours["state"]["job_timestamp"] = expected["state"]["job_timestamp"]
    assert ours == expected


def test_task_progress_is_as_recorded() -> None:
    client = Client(recorded_forge())
    with client.forge.held(step=8):
        client.start(steps=40, force_task_id="task(A)")
        client.forge.wait_until(lambda forge: forge.sampling_step == 8)
        waiting = [client.start(force_task_id="task(B)")]
        client.forge.wait_until(lambda forge: forge.waiting_tasks == ["task(B)"])
        waiting.append(client.start(force_task_id="task(C)"))
        client.forge.wait_until(lambda forge: forge.waiting_tasks == ["task(B)", "task(C)"])
        active = client.task("task(A)")
        assert isinstance(active.pop("eta"), float)
        expected = recording("iprog_active")["body"]
        assert {**active, "eta": expected["eta"]} == expected
        assert client.task("task(B)") == recording("iprog_queued")["body"]
        assert (
            client.send("GET", "/internal/pending-tasks").json()
            == recording("pending_running")["body"]
        )
    for pending in waiting:
        assert pending.result().status == 200
    assert client.task("task(A)") == recording("iprog_completed")["body"]


def test_a_failed_task_is_answered_as_recorded() -> None:
    client = Client(recorded_forge())
    expected = recording("txt2img_refiner_missing")
    client.send("POST", "/sdapi/v1/txt2img", expected["request"]["body"])
    assert client.task("task(failed1)") == recording("iprog_after_failed_task")["body"]


def test_a_broken_checkpoint_is_answered_as_recorded() -> None:
    disk = recorded_disk()
    disk.break_checkpoint(PONY)
    client = Client(SimulatedForge(disk))
    body = CAT | {"override_settings": PONY_OVERRIDE}
    assert_same_exchange(
        client.send("POST", "/sdapi/v1/txt2img", body), recording("txt2img_broken_ckpt")
    )


def test_checkpoint_names_are_understood_as_recorded() -> None:
    client = Client(recorded_forge())
    for asked, status, painted_with, _ in recording("checkpoint_names_override"):
        assert status == 200
        assert client.model_for(asked) == painted_with, asked


def test_checkpoint_names_in_options_are_understood_as_recorded() -> None:
    client = Client(recorded_forge())
    client.post("options", {"sd_model_checkpoint": "Pony_ponytest"})
    for asked, status, _, body, _, now in recording("options_post_checkpoint"):
        response = client.send("POST", "/sdapi/v1/options", {"sd_model_checkpoint": asked})
        assert (response.status, response.body.decode()) == (status, body), asked
        assert client.get("options")["sd_model_checkpoint"] == now


def test_a_server_with_a_password_answers_as_recorded() -> None:
    forge = recorded_forge(api_auth=("user", "pass"))
    models, progress = "/sdapi/v1/sd-models", "/sdapi/v1/progress"
    nobody, wrong = Client(forge), Client(forge, auth=("user", "wrong"))
    assert_same_exchange(nobody.send("GET", models), recording("auth_none_models"))
    assert_same_exchange(
        nobody.send("POST", "/internal/progress", {"id_task": "x"}), recording("auth_none_iprog")
    )
    assert_same_exchange(wrong.send("GET", progress), recording("auth_wrong"))
    right = Client(forge, auth=("user", "pass"))
    assert_same_exchange(right.send("GET", progress), recording("auth_ok"))


@pytest.mark.parametrize("name", ["noapi_iprog", "noapi_loras", "noapi_models"])
def test_a_server_without_its_api_answers_as_recorded(name: str) -> None:
    expected = recording(name)
    request = expected["request"]
    client = Client(recorded_forge(api=False))
    assert_same_exchange(client.send(request["method"], request["path"], request["body"]), expected)


@pytest.mark.parametrize("name", ["nowebui_iprog", "nowebui_pending"])
def test_a_server_without_its_web_ui_answers_as_recorded(name: str) -> None:
    expected = recording(name)
    request = expected["request"]
    client = Client(recorded_forge(webui=False))
    assert_same_exchange(client.send(request["method"], request["path"], request["body"]), expected)


def test_the_checkpoint_list_without_the_web_ui_is_as_recorded() -> None:
    client = Client(recorded_forge(webui=False))
    for name in ("forgetest", "ponytest"):
        client.model_for(name)
    assert_same_exchange(client.send("GET", "/sdapi/v1/sd-models"), recording("nowebui_models"))


def test_cmd_flags_fails_as_recorded() -> None:
    expected = recording("cmd_flags")
    response = Client(recorded_forge()).send("GET", "/sdapi/v1/cmd-flags")
    assert response.status == expected["status"]
    ours, theirs = response.json(), expected["body"]
    assert ours["error"] == theirs["error"]
    assert ours["message"].replace("7860", "28761") == theirs["message"]
    assert list(ours) == list(theirs)


def test_the_address_in_a_redirect_is_the_one_that_was_asked() -> None:
    response = Client(recorded_forge()).send("POST", "/sdapi/v1/txt2img/", CAT)
    assert response.headers["location"] == f"{BASE}/sdapi/v1/txt2img"
