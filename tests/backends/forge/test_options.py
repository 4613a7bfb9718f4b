"""What one job overrides stays in force in Forge, unless every later job says otherwise."""

from __future__ import annotations

from tests.backends.forge.desk import PONY, SDXL, Desk, answering, overrides

from stablequeue_core.testing.forge_simulator import SimulatedForge


def test_an_option_of_one_job_does_not_leak_into_the_next(desk: Desk) -> None:
    assert desk.run(**overrides(CLIP_stop_at_last_layers=2)).info["clip_skip"] == 2

    for _ in range(2):
        assert desk.run().info["clip_skip"] == 1


def test_modules_of_one_job_do_not_leak_into_the_next(desk: Desk) -> None:
    first = desk.run(**overrides(forge_additional_modules=["ae.safetensors"]))
    assert "Module 1: ae" in first.info["infotexts"][0]

    assert "Module 1" not in desk.run().info["infotexts"][0]


def test_what_the_server_was_set_to_before_comes_back_not_a_default(desk: Desk) -> None:
    desk.run(**overrides(samples_format="webp"))
    other = Desk(desk.forge)
    other.run(**overrides(samples_format="jpg"))

    assert other.run().pictures[0].format == "webp"


def test_an_empty_list_of_modules_switches_off_those_the_server_is_set_to(desk: Desk) -> None:
    desk.run(**overrides(forge_additional_modules=["ae.safetensors"]))
    fresh = Desk(desk.forge)
    assert "Module 1: ae" in fresh.run().info["infotexts"][0]

    generation = fresh.run(**overrides(forge_additional_modules=[]))

    assert "Module 1" not in generation.info["infotexts"][0]


def test_the_checkpoint_is_never_switched_back(desk: Desk) -> None:
    """Each switch costs a load; the next job names its own."""
    desk.run(checkpoint_name=PONY)
    desk.run()
    assert "sd_model_checkpoint" not in desk.sent["override_settings"]
    assert desk.forge.loaded_checkpoint == PONY
    desk.run(checkpoint_name=SDXL)
    assert desk.forge.loaded_checkpoint == SDXL


def test_options_that_cannot_be_read_stop_no_job() -> None:
    """One option of a wrong type makes Forge answer 500 to all who ask for them."""
    desk = Desk(transport=answering("/options", b"Internal Server Error", status=500))
    assert desk.run(**overrides(CLIP_stop_at_last_layers=2)).info["clip_skip"] == 2
    assert desk.backend.probe().status == "online"
    assert desk.backend.probe().loaded_checkpoint is None


def test_options_are_asked_for_once_for_each_new_name(desk: Desk) -> None:
    for _ in range(3):
        desk.run(**overrides(CLIP_stop_at_last_layers=2))
    desk.run()
    assert desk.forge.counts["GET /sdapi/v1/options"] == 1


def test_options_are_never_changed_for_other_people(desk: Desk) -> None:
    """POST /options is global and saved to the server's disk."""
    desk.run(checkpoint_name=PONY, **overrides(CLIP_stop_at_last_layers=2))
    assert desk.forge.counts["POST /sdapi/v1/options"] == 0


def test_a_server_that_was_started_anew_has_forgotten_every_override() -> None:
    desk = Desk(SimulatedForge.with_sample_models())
    desk.run(**overrides(CLIP_stop_at_last_layers=2))
    desk.forge.restart()
    assert desk.run().info["clip_skip"] == 1
