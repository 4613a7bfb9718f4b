"""A storage that fails now and then, whatever it is asked for: no job and no picture is lost."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.faults.flaky import is_ours, make_flaky
from tests.worlds import PONY, SDXL, World, with_settings

from stablequeue_core import JobStatus
from stablequeue_core.errors import StorageBusy
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.forge_simulator import SimulatedForge


@pytest.mark.parametrize(
    ("seed", "share"),
    [(1, 0.05), *(pytest.param(seed, 0.12, marks=pytest.mark.soak) for seed in range(6))],
)
def test_whatever_call_fails_every_job_is_made_once_and_no_picture_is_left_over(
    tmp_path: Path, seed: int, share: float
) -> None:
    """Of lanes, monitors, reports, joining and upkeep; whoever submits is spared."""
    chance = random.Random(seed)
    failed = 0

    def toss() -> None:
        nonlocal failed
        if is_ours() and chance.random() < share:
            failed += 1
            raise StorageBusy("Somebody else writes.")

    storage = MemoryStorage()
    make_flaky(storage, toss)
    world = World(
        tmp_path,
        {alias: SimulatedForge.with_sample_models() for alias in ("Laptop", "Desktop")},
        storage=storage,
        settings=with_settings(split_batches=True, split_smallest=2),
    )
    jobs = [
        world.submit("auto", checkpoint_name=(SDXL, PONY)[number % 2], num_images=images)
        for number, images in enumerate((1, 4, 1, 1, 4, 1, 1, 1))
    ]
    ended = [world.queue.wait(job.id, timeout=60) for job in jobs]

    assert failed
    assert {job.status for job in ended} == {JobStatus.COMPLETED}
    pictures = [path for job in ended for path in job.images]
    assert len(set(pictures)) == len(pictures) == 14
    assert set((tmp_path / "images").iterdir()) == set(pictures)
    world.close()
