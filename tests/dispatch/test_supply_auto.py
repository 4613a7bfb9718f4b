"""A job for any server has a model fetched only when it is certain that no server has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.dispatch.supply_worlds import INK, SupplyWorld
from tests.worlds import PONY, SDXL

from stablequeue_core import JobStatus
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.forge_simulator import (
    CheckpointFile,
    ForgeDisk,
    LoraFile,
    Phase,
    SimulatedForge,
)

INK_FILE = LoraFile(path=f"styles/{INK}.safetensors")


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[SupplyWorld]:
    """Two servers: ``Laptop`` has only SDXL, ``Desktop`` has only Pony."""
    made = SupplyWorld(
        tmp_path / "queue",
        {
            "Laptop": SimulatedForge(ForgeDisk([CheckpointFile(path=SDXL)])),
            "Desktop": SimulatedForge(ForgeDisk([CheckpointFile(path=PONY)])),
        },
    )
    yield made
    made.close(grace=0)


def test_it_waits_for_the_download_and_runs_where_the_file_turns_up(fleet: SupplyWorld) -> None:
    job = fleet.until_waiting(fleet.wanting(target="auto"))
    assert (job.server, job.attempts) == (None, ())

    fleet.forges["Desktop"].disk.add(INK_FILE)
    fleet.complete(job.waits_for[0])

    done = fleet.finish(job)
    assert (done.status, done.server) == (JobStatus.COMPLETED, "Desktop")
    assert fleet.orders.names == [INK]


def test_nothing_is_fetched_while_a_server_has_it_even_if_that_is_paused(
    fleet: SupplyWorld,
) -> None:
    fleet.forges["Desktop"].disk.add(INK_FILE)
    fleet.queue.servers.pause("Desktop")
    job = fleet.wanting(target="auto")
    fleet.nothing_more_happens(rounds=10)
    assert fleet.queue.get(job.id).status is JobStatus.PENDING

    fleet.queue.servers.resume("Desktop")
    assert fleet.finish(job).server == "Desktop"
    assert fleet.orders.wants == []


def test_a_server_looks_at_its_folders_before_another_has_the_file_fetched(
    fleet: SupplyWorld,
) -> None:
    assert fleet.run("Desktop").status is JobStatus.COMPLETED
    fleet.forges["Desktop"].disk.add(INK_FILE)

    assert fleet.finish(fleet.wanting(target="auto")).server == "Desktop"
    assert fleet.orders.wants == []


def test_nothing_is_fetched_before_every_server_was_asked(fleet: SupplyWorld) -> None:
    fleet.forges["Desktop"].phase = Phase.DOWN
    job = fleet.wanting(target="auto")
    fleet.until(lambda: "before server 'Desktop' was asked" in fleet.queue.explain(job).why)
    fleet.nothing_more_happens()
    assert fleet.orders.wants == []

    fleet.forges["Desktop"].phase = Phase.READY
    fleet.until_waiting(job)
    assert fleet.orders.names == [INK]


def test_a_server_that_is_disabled_is_not_asked(fleet: SupplyWorld) -> None:
    fleet.forges["Desktop"].phase = Phase.DOWN
    fleet.queue.servers.update("Desktop", {"enabled": False})

    fleet.until_waiting(fleet.wanting(target="auto"))


def test_a_server_that_another_process_sends_jobs_to_is_asked_all_the_same(
    fleet: SupplyWorld,
) -> None:
    fleet.folder.mkdir(parents=True)
    with SqliteStorage(fleet.folder / "queue.sqlite3") as other:
        lock = other.lane_lock("Desktop")
        assert lock.try_acquire()
        job = fleet.wanting(target="auto")

        assert fleet.until_waiting(job).waits_for
        lock.release()


def test_a_group_has_a_model_fetched_that_only_a_server_outside_of_it_has(
    fleet: SupplyWorld,
) -> None:
    fleet.forges["Desktop"].disk.add(INK_FILE)
    fleet.queue.servers.update("Laptop", {"tags": ["fast"]})

    fleet.until_waiting(fleet.wanting(target="auto:fast"))
    assert fleet.orders.names == [INK]


def test_a_group_does_not_wait_for_a_server_outside_of_it(fleet: SupplyWorld) -> None:
    fleet.forges["Desktop"].phase = Phase.DOWN
    fleet.queue.servers.update("Laptop", {"tags": ["fast"]})

    fleet.until_waiting(fleet.wanting(target="auto:fast"))


def test_models_are_fetched_for_the_server_that_lacks_least(fleet: SupplyWorld) -> None:
    fleet.until_waiting(fleet.wanting(target="auto", checkpoint_name=PONY))

    assert fleet.orders.names == [INK]


def test_what_is_no_file_is_waited_for_as_ever(fleet: SupplyWorld) -> None:
    job = fleet.wanting(target="auto", sampler_name="Eulr")
    fleet.nothing_more_happens(rounds=10)

    assert fleet.queue.get(job.id).status is JobStatus.PENDING
    assert fleet.orders.wants == []
    assert fleet.queue.explain(job).why.startswith("No server can")


def test_a_file_that_no_server_lists_fails_the_job_and_is_never_fetched_again(
    fleet: SupplyWorld,
) -> None:
    job = fleet.until_waiting(fleet.wanting(target="auto"))
    fleet.complete(job.waits_for[0])

    failed = fleet.until_failed(job)
    assert failed.failure is not None
    assert failed.failure.message == (
        "No server lists 'styles/inkWash_v3.safetensors', which is here, below the folder for lora "
        "files. Share that folder with a server, or copy the file there, then retry the job."
    )
    assert fleet.orders.names == [INK]


def test_jobs_that_can_run_are_not_held_up_by_one_that_wants_a_download(
    fleet: SupplyWorld,
) -> None:
    fleet.forges["Desktop"].phase = Phase.DOWN
    fleet.wanting(target="auto", priority=9)

    assert fleet.run("auto", checkpoint_name=SDXL).server == "Laptop"
