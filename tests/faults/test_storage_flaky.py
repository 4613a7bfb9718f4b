"""A storage that fails now and then, whatever it is asked for: no job and no picture is lost."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.worlds import PONY, SDXL, World, with_settings

from stablequeue_core import JobStatus
from stablequeue_core.errors import StorageBusy
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.forge_simulator import SimulatedForge

STORES = ("jobs", "servers", "reports", "events", "costs", "downloads")


class Flaky:
    """A store of which each call may fail; then it has done nothing."""

    def __init__(self, store: Any, toss: Callable[[], None]) -> None:
        self._store = store
        self._toss = toss

    def __getattr__(self, name: str) -> Callable[..., Any]:
        do = getattr(self._store, name)

        def call(*args: Any, **given: Any) -> Any:
            self._toss()
            return do(*args, **given)

        return call


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
        is_ours = threading.current_thread().name.startswith("stablequeue-")
        if is_ours and chance.random() < share:
            failed += 1
            raise StorageBusy("Somebody else writes.")

    storage = MemoryStorage()
    for name in STORES:
        setattr(storage, name, Flaky(getattr(storage, name), toss))
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
