"""Options of the simulated server: what leaks, what is restored, what is refused."""

from __future__ import annotations

import pytest
from tests.testing.forge_client import PONY, Client, picture, recorded_forge


@pytest.mark.parametrize(
    ("name", "value"),
    [("CLIP_stop_at_last_layers", 2), ("samples_format", "jpg")],
)
def test_an_override_that_nobody_set_before_stays_in_force(name: str, value: object) -> None:
    client = Client(recorded_forge())
    client.txt2img(override_settings={name: value})
    assert client.forge.option(name) == value


def test_an_override_is_restored_once_somebody_has_set_the_option() -> None:
    client = Client(recorded_forge())
    client.post("options", {"CLIP_stop_at_last_layers": 1})
    info = client.info(override_settings={"CLIP_stop_at_last_layers": 2})
    assert info["clip_skip"] == 2
    assert "Clip skip: 2" in info["infotexts"][0]
    assert client.info()["clip_skip"] == 1


def test_the_checkpoint_is_restored_after_a_job() -> None:
    client = Client(recorded_forge())
    assert client.model_for(PONY) == "ponytest"
    assert client.info()["sd_model_name"] == "forgetest"


def test_without_restore_the_checkpoint_stays() -> None:
    client = Client(recorded_forge())
    client.txt2img(
        override_settings={"sd_model_checkpoint": PONY}, override_settings_restore_afterwards=False
    )
    assert client.get("options")["sd_model_checkpoint"] == PONY
    assert client.info()["sd_model_name"] == "ponytest"


def test_without_the_web_ui_even_the_checkpoint_leaks() -> None:
    client = Client(recorded_forge(webui=False))
    client.model_for(PONY)
    assert client.info()["sd_model_name"] == "ponytest"


def test_a_leaked_format_changes_later_pictures() -> None:
    client = Client(recorded_forge())
    client.txt2img(override_settings={"samples_format": "webp"})
    assert picture(client.txt2img()["images"][0]).format == "WEBP"


def test_a_restored_format_never_reaches_the_picture() -> None:
    client = Client(recorded_forge())
    client.post("options", {"samples_format": "png"})
    answer = client.txt2img(override_settings={"samples_format": "jpg"})
    assert picture(answer["images"][0]).format == "PNG"


def test_an_unknown_format_fails_after_the_picture_was_made() -> None:
    client = Client(recorded_forge())
    status, body = client.failure(override_settings={"samples_format": "gif"})
    assert (status, body) == (500, {"detail": "Invalid image format"})
    assert len(client.forge.rendered) == 1


def test_a_wrong_type_is_accepted_and_then_the_options_cannot_be_read() -> None:
    client = Client(recorded_forge())
    assert client.post("options", {"CLIP_stop_at_last_layers": "banana"}) is None
    response = client.send("GET", "/sdapi/v1/options")
    assert response.status == 500
    assert response.json()["error"] == "ResponseValidationError"
    assert client.failure()[1]["error"] == "ValueError"
    client.post("options", {"CLIP_stop_at_last_layers": 1})
    assert client.send("GET", "/sdapi/v1/options").status == 200


@pytest.mark.parametrize(
    ("name", "value"), [("samples_format", 1), ("forge_preset", ["sd"]), ("hide_samplers", "LMS")]
)
def test_every_option_has_a_type(name: str, value: object) -> None:
    client = Client(recorded_forge())
    client.post("options", {name: value})
    assert client.get("options")["error"] == "ResponseValidationError"


def test_setting_an_option_does_not_wait_for_the_running_job() -> None:
    client = Client(recorded_forge())
    with client.forge.held():
        running = client.start()
        client.forge.wait_until(lambda forge: forge.active_task)
        client.post("options", {"sd_model_checkpoint": PONY})
    assert running.result().status == 200
    assert client.forge.rendered[-1].checkpoint == "forgetest.safetensors"
    assert client.info()["sd_model_name"] == "ponytest"


def test_what_was_posted_survives_a_restart_and_what_leaked_does_not() -> None:
    client = Client(recorded_forge())
    client.post("options", {"sd_model_checkpoint": PONY})
    client.txt2img(override_settings={"CLIP_stop_at_last_layers": 2})
    client.forge.restart()
    assert client.forge.option("sd_model_checkpoint") == PONY
    assert client.forge.option("CLIP_stop_at_last_layers") == 1


def test_an_unknown_option_in_the_job_undoes_the_others() -> None:
    client = Client(recorded_forge())
    status, body = client.failure(override_settings={"sd_model_checkpoint": PONY, "nope": 1})
    assert (status, body["error"]) == (500, "KeyError")
    assert client.info()["sd_model_name"] == "forgetest"
