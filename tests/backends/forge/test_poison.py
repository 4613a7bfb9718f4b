"""A checkpoint that fails to load leaves Forge without a model: every job for the former fails."""

from __future__ import annotations

import pytest
from tests.backends.forge.desk import PONY, SDXL, Desk

from stablequeue_core.errors import (
    CheckpointUnreadable,
    ServerPoisoned,
    ServerUnreachable,
)
from stablequeue_core.testing.forge_simulator import (
    CheckpointFile,
    Fault,
    ForgeDisk,
    SimulatedForge,
)
from stablequeue_core.transport import Abort

BROKEN = "broken.safetensors"


def poisoned(*paths: str) -> Desk:
    """A server that had the first of its checkpoints loaded and failed to load a broken one."""
    files = [CheckpointFile(path=path) for path in paths]
    desk = Desk(SimulatedForge(ForgeDisk([*files, CheckpointFile(path=BROKEN, broken=True)])))
    desk.run(checkpoint_name=paths[0])
    with pytest.raises(CheckpointUnreadable):
        desk.run(checkpoint_name=BROKEN)
    return desk


def cure(desk: Desk, checkpoint: str | None = None) -> bool:
    prepared = desk.prepare(checkpoint_name=checkpoint)
    return desk.backend.cure(prepared, desk.backend.inventory(), Abort())


def test_a_poisoned_server_is_recognised() -> None:
    desk = poisoned(PONY, SDXL)
    for _ in range(2):
        with pytest.raises(ServerPoisoned):
            desk.run(checkpoint_name=PONY)


def test_one_run_with_another_checkpoint_heals_it() -> None:
    desk = poisoned(PONY, SDXL)

    assert cure(desk, PONY)

    assert desk.painted_with == SDXL
    assert desk.run(checkpoint_name=PONY).pictures
    assert desk.painted_with == PONY


def test_a_cure_passes_over_broken_files() -> None:
    """The one that poisoned the server is still in its list, and first in it."""
    desk = poisoned(PONY, SDXL)
    assert desk.backend.inventory().checkpoints[0].name == BROKEN

    assert cure(desk, PONY)

    assert desk.painted_with == SDXL


def test_a_cure_prefers_what_was_loaded_before() -> None:
    desk = Desk(
        SimulatedForge(
            ForgeDisk([CheckpointFile(path=f"{name}.safetensors") for name in "abcdefg"])
        )
    )
    desk.run(checkpoint_name="f")
    desk.run(checkpoint_name="g")

    assert cure(desk, "g")

    assert desk.painted_with == "f.safetensors"


def test_a_job_without_a_checkpoint_is_cured_too_and_does_not_get_the_cures_model() -> None:
    desk = poisoned(PONY, SDXL)

    assert cure(desk)

    assert desk.forge.option("sd_model_checkpoint") == BROKEN


def test_without_another_checkpoint_there_is_nothing_to_try() -> None:
    desk = poisoned(PONY)
    desk.backend.refresh()
    assert not cure(desk, PONY)


def test_a_cure_that_cannot_reach_the_server_says_so() -> None:
    desk = poisoned(PONY, SDXL)
    desk.forge.faults.next("txt2img", Fault.REFUSE_CONNECTION)
    with pytest.raises(ServerUnreachable):
        cure(desk, PONY)
