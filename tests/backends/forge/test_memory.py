"""How much memory a server has left, and how it is made to give some back."""

from __future__ import annotations

from typing import Any

import pytest
from tests.backends.forge.desk import PONY, SDXL, Desk, answering

from stablequeue_core.backends import MemoryReport
from stablequeue_core.errors import OutOfMemory, ServerUnreachable
from stablequeue_core.testing.forge_simulator import Fault
from stablequeue_core.transport import Abort

UNLOAD = "POST /sdapi/v1/unload-checkpoint"
GB = 1_000_000_000


def test_memory_is_told_as_a_real_server_tells_it(desk: Desk) -> None:
    assert desk.backend.memory() == MemoryReport(ram_free=24515919872, ram_total=25276502016)


def test_without_a_graphics_card_only_the_computers_memory_is_known(desk: Desk) -> None:
    """``cuda`` is ``{"error": "unavailable"}`` then."""
    memory = desk.backend.memory()
    assert memory is not None
    assert (memory.cuda_free, memory.cuda_total) == (None, None)


def test_a_graphics_card_tells_of_its_own_memory(desk: Desk) -> None:
    desk.forge.memory.cuda_total = 8 * GB
    desk.forge.memory.cuda_used = 7 * GB
    memory = desk.backend.memory()
    assert memory is not None
    assert (memory.cuda_free, memory.cuda_total) == (GB, 8 * GB)


def test_free_memory_is_all_but_what_the_server_takes_itself(desk: Desk) -> None:
    """So what other programs take does not show: there may be less."""
    desk.forge.memory.ram_total, desk.forge.memory.ram_used = 16 * GB, 15 * GB
    memory = desk.backend.memory()
    assert memory == MemoryReport(ram_free=GB, ram_total=16 * GB)


def test_memory_grows_with_every_switch_of_the_checkpoint_until_it_is_unloaded(desk: Desk) -> None:
    desk.forge.memory.growth = 2 * GB
    before = desk.backend.memory()
    for checkpoint in (PONY, SDXL, PONY):
        desk.run(checkpoint_name=checkpoint)
    grown = desk.backend.memory()
    assert desk.backend.unload(Abort())

    assert before is not None
    assert grown is not None
    assert before.ram_free is not None
    assert grown.ram_free == before.ram_free - 6 * GB
    assert desk.backend.memory() == before
    assert desk.run(checkpoint_name=PONY).pictures


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"detail": "Not Found"}),
        (500, {"error": "AttributeError", "message": "no psutil"}),
        (200, b"<!doctype html><title>Log in to the hotel wifi</title>"),
        (200, []),
        (200, {"ram": {"error": "no psutil"}, "cuda": {"error": "unavailable"}}),
        (200, {"ram": None, "cuda": "none"}),
        (200, {"ram": {"free": "plenty", "total": True}, "cuda": {"system": [1, 2]}}),
        (200, {"ram": {"free": -1, "total": 1e300}}),
        (200, b'{"ram": {"free": NaN, "total": Infinity}}'),
    ],
)
def test_a_server_that_does_not_tell_of_its_memory_is_not_short_of_it(
    status: int, body: Any
) -> None:
    assert Desk(transport=answering("/memory", body, status)).backend.memory() is None


def test_memory_that_is_told_in_part_is_known_in_part() -> None:
    said = {"ram": {"free": 5.5, "total": "?"}, "cuda": {"error": "unavailable"}}
    assert Desk(transport=answering("/memory", said)).backend.memory() == MemoryReport(ram_free=5)


def test_a_server_that_is_away_cannot_be_asked(desk: Desk) -> None:
    with desk.forge.unplugged(), pytest.raises(ServerUnreachable):
        desk.backend.memory()
    with desk.forge.unplugged(), pytest.raises(ServerUnreachable):
        desk.backend.unload(Abort())


def test_nothing_is_unloaded_under_somebody_elses_picture(desk: Desk) -> None:
    """The route waits for no job, and a model that is being used would be gone."""
    with desk.forge.held(step=1):
        human = desk.forge.human_job()
        desk.forge.wait_until(lambda forge: forge.active_task == human.task_id)
        assert not desk.backend.unload(Abort())
    human.join(5)

    assert desk.forge.counts[UNLOAD] == 0
    assert desk.backend.unload(Abort())


@pytest.mark.parametrize("status", [404, 500])
def test_a_server_that_cannot_unload_says_no(status: int) -> None:
    assert not Desk(transport=answering("/unload-checkpoint", b"{}", status)).backend.unload(
        Abort()
    )


def test_a_full_memory_is_healed_by_unloading(desk: Desk) -> None:
    desk.forge.faults.next("txt2img", Fault.MEMORY_FULL, times=None)
    for _ in range(2):
        with pytest.raises(OutOfMemory):
            desk.run()
    desk.backend.unload(Abort())
    assert desk.run().pictures


def test_unloading_does_not_heal_a_poisoned_server(desk: Desk) -> None:
    """Only a run with another checkpoint does."""
    desk.run(checkpoint_name=PONY)
    desk.forge.faults.next("txt2img", Fault.CANNOT_LOAD)
    with pytest.raises(Exception, match="could not read"):
        desk.run(checkpoint_name=SDXL)
    desk.backend.unload(Abort())
    with pytest.raises(Exception, match="lost its model"):
        desk.run(checkpoint_name=PONY)
    assert desk.backend.cure(desk.prepare(checkpoint_name=PONY), desk.backend.inventory(), Abort())


def test_a_smaller_batch_has_the_same_pictures_with_the_same_seeds(desk: Desk) -> None:
    """The server counts seeds up over ``n_iter`` and ``batch_size`` alike."""
    whole = desk.run(batch_size=4, num_images=1)
    halved = desk.run(batch_size=2, num_images=2)
    singly = desk.run(batch_size=1, num_images=4)

    assert [picture.seed for picture in whole.pictures] == [7, 8, 9, 10]
    assert [p.seed for p in halved.pictures] == [p.seed for p in whole.pictures]
    assert [p.seed for p in singly.pictures] == [p.seed for p in whole.pictures]


def test_what_the_job_says_of_smaller_batches_is_not_sent(desk: Desk) -> None:
    desk.run(batch_size=2, allow_smaller_batch=True)
    assert "allow_smaller_batch" not in desk.sent
