"""A lane's lock may be lost while its server works, with the connection to a database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve
from tests.worlds import World, with_settings

from stablequeue_core import EventKind, Job, JobStatus, ServerStatus
from stablequeue_core.jobs import AttemptOutcome, Lease, event_of
from stablequeue_core.storage import ProcessLock
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.forge_simulator import SimulatedForge

OTHER = "elsewhere:7:lanes"
"""Another process."""


class LosingLocks(MemoryStorage):
    """A storage whose locks can be lost.

    Attributes:
        locks: of the lanes of one process, by lane.
    """

    def __init__(self) -> None:
        super().__init__()
        self.locks: dict[str, ProcessLock] = {}

    def lane_lock(self, lane: str) -> ProcessLock:
        lock = self.locks[lane] = super().lane_lock(lane)
        return lock


class SharedWorld(World):
    """``Laptop`` has a lane here that rests, and another process gets at it. ``Desktop`` is paused.

    Attributes:
        storage: of both processes.
    """

    def __init__(self, folder: Path) -> None:
        self.storage = LosingLocks()
        forges = {each: SimulatedForge.with_sample_models() for each in ("Laptop", "Desktop")}
        # Nobody asks an idle server how it feels, so that its lane does not wake by itself.
        settings = with_settings(lease=1.0, probe_age=3600.0)
        super().__init__(folder, forges, storage=self.storage, settings=settings)
        self.run("Laptop")
        self.queue.servers.pause("Desktop")

    def lose(self) -> ProcessLock:
        """The lane loses its server unnoticed; the lock with which another process has it."""
        lane = self.storage.servers.get("Laptop").lane
        self.storage.locks[lane].release()
        theirs = MemoryStorage.lane_lock(self.storage, lane)
        assert theirs.try_acquire()
        return theirs

    def begin(self, *, lease: float) -> Job:
        """Another process begins a job on ``Laptop``; the lane here is not called for it."""
        job, now = self.submit("Desktop"), self.storage.clock.now()
        begun = job.begin(
            server="Laptop",
            lease=Lease(worker=OTHER, until=now + timedelta(seconds=lease)),
            task_id=f"task of {job.id}",
            seed=1,
            subseed=1,
            now=now,
        )
        return self.storage.jobs.replace(begun, event_of(EventKind.JOB_STARTED, begun))


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[SharedWorld]:
    made = SharedWorld(tmp_path)
    yield made
    made.close(grace=0)


def test_what_another_process_left_on_a_server_is_given_back_though_its_lane_noticed_nothing(
    shared: SharedWorld,
) -> None:
    """It was lost and taken anew while the lane rested: the other one had it in between."""
    theirs = shared.lose()
    left = shared.begin(lease=3600.0)
    theirs.release()
    shared.until_status(left, JobStatus.PENDING)
    assert shared.queue.get(left.id).attempts[-1].outcome is AttemptOutcome.LOST


def test_a_job_that_nobody_knows_to_have_begun_is_given_back_when_its_lease_is_over(
    shared: SharedWorld,
) -> None:
    """The answer to its claim was lost, and its server has a lane that goes on."""
    left = shared.begin(lease=0.1)
    shared.until_status(left, JobStatus.PENDING)


def test_a_cancelled_job_that_nobody_knows_to_have_begun_ends(shared: SharedWorld) -> None:
    left = shared.begin(lease=0.1)
    assert shared.queue.cancel(left.id, timeout=10).status is JobStatus.CANCELLED


def test_a_lane_that_has_lost_its_server_tells_nothing_over_what_its_holder_tells(
    shared: SharedWorld,
) -> None:
    shared.lose()
    (told,) = [each for each in shared.storage.reports.all().values() if each.alias == "Laptop"]
    assert told.worker
    shared.storage.reports.put(evolve(told, worker=OTHER))
    shared.close()
    assert shared.storage.reports.all()["Laptop"].worker == OTHER


def test_a_lane_that_has_its_server_again_tells_so(shared: SharedWorld) -> None:
    """Whoever had it in between has told that nobody looks after it any more."""
    ours = shared.storage.reports.all()["Laptop"]
    theirs = shared.lose()
    shared.storage.reports.put(evolve(ours, worker=""))
    theirs.release()
    shared.until(lambda: shared.storage.reports.all()["Laptop"].worker == ours.worker)
    assert shared.storage.reports.all()["Laptop"].health.status is ServerStatus.ONLINE


def test_a_lock_that_is_lost_while_a_job_runs_is_taken_again_before_others_get_it(
    tmp_path: Path,
) -> None:
    """Who gets it next takes the job for an orphan, and runs it a second time."""
    storage = LosingLocks()
    world = World(tmp_path, storage=storage, settings=with_settings(lease=3600.0))

    def is_held() -> bool:
        other = MemoryStorage.lane_lock(storage, storage.servers.get("Laptop").lane)
        is_free = other.try_acquire()
        other.release()
        return not is_free

    with world.forge.held(step=1):
        job = world.submit()
        world.until_running(job)
        assert is_held()
        storage.locks[storage.servers.get("Laptop").lane].release()
        world.until(is_held, timeout=3.0)

    assert world.finish(job).status is JobStatus.COMPLETED
    world.close()
