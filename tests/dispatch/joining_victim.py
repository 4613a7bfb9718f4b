"""A process that dies as it is about to join a batch; started by the test of that."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from tests.worlds import PONY, World, with_settings

from stablequeue_core import Event, Job, JobStatus
from stablequeue_core.assembly.storages import DATABASE
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.forge_simulator import SimulatedForge


class Mortal:
    """The jobs of a process that does not live to see the batch completed."""

    def __init__(self, jobs: Any) -> None:
        self._jobs = jobs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._jobs, name)

    def replace(self, job: Job, event: Event) -> Any:
        """Die without another word when the joined result is about to be kept."""
        if job.parts and job.status is JobStatus.COMPLETED:
            os._exit(9)
        return self._jobs.replace(job, event)


def main(data_dir: str) -> None:
    folder = Path(data_dir)
    folder.mkdir(parents=True)
    storage: Any = SqliteStorage(folder / DATABASE)
    storage.jobs = Mortal(storage.jobs)
    forges = {alias: SimulatedForge.with_sample_models() for alias in ("Laptop", "Tower")}
    settings = with_settings(split_batches=True, split_smallest=2)
    world = World(folder, forges, settings=settings, storage=storage)
    world.run("auto", checkpoint_name=PONY, num_images=4, seed=41)


if __name__ == "__main__":
    main(*sys.argv[1:])
