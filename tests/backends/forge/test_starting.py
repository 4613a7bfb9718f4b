"""Is it there, is it ready, does it let us in: what 404, 401 and silence mean at each moment."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from attrs import evolve
from tests.backends.forge.desk import PATIENCE, Desk, answering

from stablequeue_core.errors import (
    ApiDisabled,
    BackendError,
    GarbledAnswer,
    ServerStarting,
    ServerUnreachable,
    Unauthorized,
)
from stablequeue_core.servers import ServerStatus
from stablequeue_core.testing.forge_simulator import (
    Fault,
    Phase,
    SimulatedForge,
    sample_disk,
)

PASSWORD = "correct-horse"


def test_a_server_that_is_well_is_online_and_tells_what_it_has_loaded(desk: Desk) -> None:
    health = desk.backend.probe()
    assert health.status is ServerStatus.ONLINE
    assert health.loaded_checkpoint == "sd_xl_base_1.0.safetensors"
    assert health.queue_depth == 0
    assert health.checked_at is not None
    assert health.last_error is None


def test_nobody_at_the_address_is_offline(desk: Desk) -> None:
    prepared = desk.prepare()
    with desk.forge.unplugged():
        assert desk.backend.probe().status is ServerStatus.OFFLINE
        with pytest.raises(ServerUnreachable):
            desk.backend.inventory()
        with pytest.raises(ServerUnreachable):
            desk.generate(prepared)


def test_a_server_that_says_nothing_is_offline() -> None:
    desk = Desk(settings=evolve(PATIENCE, answer_timeout=0.05))
    desk.forge.faults.next("progress", Fault.HANG)
    health = desk.backend.probe()
    desk.forge.faults.clear()
    assert health.status is ServerStatus.OFFLINE
    assert health.last_error


def test_404_while_the_server_starts_is_no_missing_api(desk: Desk) -> None:
    prepared = desk.prepare()
    desk.forge.phase = Phase.OPENING

    assert desk.backend.probe().status is ServerStatus.STARTING
    with pytest.raises(ServerStarting):
        desk.backend.inventory()
    with pytest.raises(ServerStarting):
        desk.generate(prepared)
    desk.forge.phase = Phase.READY
    assert desk.generate(prepared).pictures


def test_progress_may_answer_long_before_the_server_is_ready(desk: Desk) -> None:
    """The route of the LoRAs is the last to come; until then the lists are not complete."""
    desk.forge.phase = Phase.PARTIAL
    with pytest.raises(ServerStarting):
        desk.backend.inventory()
    desk.forge.phase = Phase.READY
    assert desk.backend.inventory().loras


def test_without_api_the_message_names_the_switch() -> None:
    """/loras and /internal answer there all the same."""
    desk = Desk(SimulatedForge(sample_disk(), api=False))

    health = desk.backend.probe()

    assert health.status is ServerStatus.NO_API
    assert "--api" in str(health.last_error)
    with pytest.raises(ApiDisabled):
        desk.backend.inventory()


def test_a_server_that_never_gets_past_404_counts_as_one_without_api() -> None:
    desk = Desk(settings=evolve(PATIENCE, start_up_grace=1e-9))
    desk.forge.phase = Phase.OPENING
    assert desk.backend.probe().status is ServerStatus.STARTING
    assert desk.backend.probe().status is ServerStatus.NO_API


def test_the_grace_begins_anew_with_each_start() -> None:
    desk = Desk(settings=evolve(PATIENCE, start_up_grace=1e-9))
    desk.forge.phase = Phase.OPENING
    assert desk.backend.probe().status is ServerStatus.STARTING
    desk.forge.phase = Phase.DOWN
    assert desk.backend.probe().status is ServerStatus.OFFLINE
    desk.forge.phase = Phase.OPENING
    assert desk.backend.probe().status is ServerStatus.STARTING


def test_a_whole_start_is_seen_through() -> None:
    desk = Desk()
    seen = []
    for phase in (Phase.DOWN, Phase.OPENING, Phase.READY):
        desk.forge.phase = phase
        seen.append(desk.backend.probe().status)
    assert seen == ["offline", "starting", "online"]


@pytest.mark.parametrize("auth", [None, ("me", "wrong"), ("you", PASSWORD)])
def test_a_missing_or_wrong_password_is_unauthorized_although_loras_is_open(
    auth: tuple[str, str] | None,
) -> None:
    desk = Desk(SimulatedForge(sample_disk(), api_auth=("me", PASSWORD)), auth=auth)

    assert desk.backend.probe().status is ServerStatus.UNAUTHORIZED
    with pytest.raises(Unauthorized, match="--api-auth"):
        desk.backend.inventory()
    with pytest.raises(Unauthorized):
        desk.backend.refresh()


def test_the_right_password_opens_everything() -> None:
    desk = Desk(SimulatedForge(sample_disk(), api_auth=("me", PASSWORD)), auth=("me", PASSWORD))
    assert desk.backend.probe().status is ServerStatus.ONLINE
    assert desk.run().pictures


def test_a_password_that_was_changed_meanwhile_is_told_by_the_job() -> None:
    right, wrong = ("me", PASSWORD), ("me", "old")
    forge = SimulatedForge(sample_disk(), api_auth=right)
    prepared = Desk(forge, auth=right).prepare()
    with pytest.raises(Unauthorized):
        Desk(forge, auth=wrong).generate(prepared)


def test_no_error_and_no_repr_shows_the_password() -> None:
    forge = SimulatedForge(sample_disk(), api_auth=("me", "other"))
    desk = Desk(forge, auth=("me", PASSWORD))
    shown = [repr(desk.server), repr(desk.backend), repr(desk.backend.probe())]
    prepared = Desk(sample_forge()).prepare()
    for fault in (None, Fault.REFUSE_CONNECTION, Fault.LOSE_ANSWER, Fault.GARBAGE, Fault.RESET):
        for ask in (desk.backend.inventory, lambda: desk.generate(prepared)):
            if fault:
                forge.faults.next("*", fault)
            with pytest.raises(BackendError) as caught:
                ask()
            error = caught.value
            shown += [str(error), repr(error), repr(error.details)]
            shown += traceback.format_exception(error)
    assert not [text for text in shown if PASSWORD in text]


def sample_forge() -> SimulatedForge:
    return SimulatedForge.with_sample_models()


@pytest.mark.parametrize(
    "body", [b"<!doctype html><title>Log in to the hotel wifi</title>", b"", b"\xff", b"[" * 99_999]
)
def test_something_else_at_the_address_is_told_as_such(body: bytes) -> None:
    desk = Desk(transport=answering("/progress", body))
    health = desk.backend.probe()
    assert health.status is ServerStatus.OFFLINE
    assert "is no Forge" in str(health.last_error)
    assert "apiUrl" in str(health.last_error)


def test_a_list_from_something_else_is_garbled(desk: Desk) -> None:
    desk.forge.faults.next("sd-models", Fault.GARBAGE)
    with pytest.raises(GarbledAnswer):
        desk.backend.inventory()


def test_a_redirect_is_never_followed_and_blames_the_address() -> None:
    desk = Desk(transport=answering("/progress", b"", status=307))
    health = desk.backend.probe()
    assert health.status is ServerStatus.OFFLINE
    assert "apiUrl" in str(health.last_error)


@pytest.mark.parametrize("odd", [[], 5, "text", None, {}, {"state": 5}, {"state": {"job": 5}}])
def test_json_that_is_no_object_breaks_nothing(odd: Any) -> None:
    progress = Desk(transport=answering("/v1/progress", odd))
    assert progress.backend.probe().status is ServerStatus.ONLINE
    assert progress.run().pictures
    others = Desk(transport=answering("/pending-tasks", odd))
    assert others.backend.probe().queue_depth is None
    options = Desk(transport=answering("/options", odd))
    assert options.backend.probe().loaded_checkpoint is None


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.BAD_GATEWAY, Fault.INTERNAL_ERROR])
def test_a_5xx_from_a_list_means_not_ready(desk: Desk, fault: Fault) -> None:
    desk.forge.faults.next("sd-models", fault)
    with pytest.raises(ServerUnreachable):
        desk.backend.inventory()


def test_a_slash_at_the_end_of_the_url_changes_nothing() -> None:
    """Forge would redirect `//sdapi/v1/txt2img`-like paths, or not know them."""
    desk = Desk(url="http://laptop:7860/")
    assert desk.run().pictures
    assert all(not seen.path.startswith("//") for seen in desk.forge.requests)


def test_neither_cmd_flags_nor_a_page_of_the_web_ui_is_ever_asked_for(desk: Desk) -> None:
    """cmd-flags fails as soon as --port is given; the pages weigh megabytes."""
    desk.backend.probe()
    desk.run()
    desk.backend.task("task(ours)")
    desk.backend.interrupt("task(ours)")
    desk.backend.refresh()
    paths = {seen.path for seen in desk.forge.requests}
    assert "/sdapi/v1/cmd-flags" not in paths
    assert all(path.startswith(("/sdapi/v1/", "/internal/p")) for path in paths)
