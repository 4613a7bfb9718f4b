"""A lane's lock may be lost while its server works, with the connection to a database."""

from __future__ import annotations

from pathlib import Path

from tests.worlds import World, with_settings

from stablequeue_core import JobStatus
from stablequeue_core.storage import ProcessLock
from stablequeue_core.storage.memory import MemoryStorage


class LosingLocks(MemoryStorage):
    """A storage whose locks can be lost.

    Attributes:
        locks: all that were asked for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.locks: list[ProcessLock] = []

    def lane_lock(self, alias: str) -> ProcessLock:
        lock = super().lane_lock(alias)
        self.locks.append(lock)
        return lock


def test_a_lock_that_is_lost_while_a_job_runs_is_taken_again_before_others_get_it(
    tmp_path: Path,
) -> None:
    """Who gets it next takes the job for an orphan, and runs it a second time."""
    storage = LosingLocks()
    world = World(tmp_path, storage=storage, settings=with_settings(lease=3600.0))

    def is_held() -> bool:
        other = MemoryStorage.lane_lock(storage, "Laptop")
        is_free = other.try_acquire()
        other.release()
        return not is_free

    with world.forge.held(step=1):
        job = world.submit()
        world.until_running(job)
        assert is_held()
        storage.locks[0].release()
        world.until(is_held, timeout=3.0)

    assert world.finish(job).status is JobStatus.COMPLETED
    world.close()
