"""A process that ends: it takes no more jobs, leaves none behind, and tells the others."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from tests.dispatch.tidying_world import TidyingWorld
from tests.worlds import World, with_settings

from stablequeue_core import Job, JobStatus, Settings
from stablequeue_core.announcer import Announcer
from stablequeue_core.backends.forge import ForgeBackend
from stablequeue_core.dispatch.dispatcher import GOODBYE, LAST_WORDS
from stablequeue_core.dispatch.links.board import ProgressBoard
from stablequeue_core.dispatch.links.monitor import GivenUp, Monitor, Run
from stablequeue_core.dispatch.links.reporter import Reporter
from stablequeue_core.dispatch.upkeep.tidying import JOBS_A_STEP, REST
from stablequeue_core.events import Event
from stablequeue_core.servers import HealthBoard, ReportBoard, Server, ServerReport
from stablequeue_core.servers.report_board import BEAT_EVERY
from stablequeue_core.storage import Storage
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.storage.memory.fleet import MemoryReports
from stablequeue_core.storage.memory.state import Memory
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.testing.forge_simulator import ForgeSimulator, SimulatedForge


def test_once_the_last_process_has_closed_a_job_says_that_nobody_runs_it(world: World) -> None:
    assert world.run().status is JobStatus.COMPLETED
    with world.open(dispatch=False) as web:
        world.close()
        waiting = web.submit("auto", positive_prompt="x")

        assert "No process runs jobs now" in web.explain(waiting).why


def test_what_the_last_jobs_have_cost_is_not_forgotten_by_a_close(world: World) -> None:
    storage = MemoryStorage()
    queue = world.open(storage=storage)
    queue.servers.add("Laptop", world.url("Laptop"))
    for _ in range(3):
        job = queue.submit("Laptop", positive_prompt="x", width=1024, height=1024, steps=4)
        assert queue.wait(job.id, timeout=10).status is JobStatus.COMPLETED

    queue.close()

    assert {cost.samples for cost in storage.costs.all()} == {3}


def test_who_closes_in_the_midst_of_tidying_up_lets_others_go_on(
    tmp_path: Path, world: World
) -> None:
    old = TidyingWorld(tmp_path)
    for _ in range(40 * JOBS_A_STEP):
        old.ended(hours_ago=72, pictures=0)
    queue = world.open(storage=old.storage, clock=old.clock, settings=with_settings(keep_days=1.0))
    old.clock.advance(REST)
    world.until(lambda: somebody_tidies(old.storage))
    queue.close()

    assert not somebody_tidies(old.storage)


class HangingReports(MemoryReports):
    """Nobody gets an answer once it hangs: neither a lane nor who says goodbye."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self.goes_on = threading.Event()
        self.goes_on.set()

    def put(self, report: ServerReport, event: Event | None = None) -> None:
        self.goes_on.wait()
        super().put(report, event)

    def leave(self, worker: str) -> None:
        self.goes_on.wait()
        super().leave(worker)


class HangingStorage(MemoryStorage):
    """A storage that hangs, as on a disk that has stalled."""

    def __init__(self) -> None:
        super().__init__()
        self.reports = HangingReports(self._memory)


@pytest.mark.soak
def test_a_queue_is_closed_although_the_storage_hangs(tmp_path: Path) -> None:
    """All lanes together are given a moment for their last words, not one after the other."""
    storage = HangingStorage()
    forges = {f"Laptop-{n}": SimulatedForge.with_sample_models() for n in range(6)}
    world = World(tmp_path, forges, storage=storage)
    for alias in forges:
        world.run(alias)
    assert isinstance(storage.reports, HangingReports)
    storage.reports.goes_on.clear()
    began = time.monotonic()
    world.close(grace=0)
    assert time.monotonic() - began < 2 * (LAST_WORDS + GOODBYE)
    storage.reports.goes_on.set()


class SlowToShrink(MemoryStorage):
    """Giving room back takes as long as a test wants it to.

    Attributes:
        shrinks: set once it has begun.
        goes_on: let it end.
    """

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock=clock)
        self.shrinks, self.goes_on = threading.Event(), threading.Event()

    def shrink(self) -> int:
        self.shrinks.set()
        self.goes_on.wait()
        return 0


def test_a_process_that_tidies_up_for_long_lives_and_sees_to_all_else(tmp_path: Path) -> None:
    """Nobody takes it for a stopped one."""
    clock = FakeClock()
    storage = SlowToShrink(clock)
    world = World(tmp_path, storage=storage, clock=clock)
    world.run()
    clock.advance(REST)
    assert storage.shrinks.wait(10)
    clock.advance(BEAT_EVERY)
    world.until(lambda: clock.now() in storage.reports.heard().values())
    assert world.run().status is JobStatus.COMPLETED
    assert somebody_tidies(storage)
    storage.goes_on.set()
    world.close()


def somebody_tidies(storage: Storage) -> bool:
    lock = storage.tidying_lock()
    is_free = lock.try_acquire()
    lock.release()
    return not is_free


def test_a_job_that_was_claimed_in_the_last_moment_is_given_up_before_it_is_sent(
    tmp_path: Path,
) -> None:
    storage, settings = MemoryStorage(), Settings()
    clock = storage.clock
    monitor = Monitor(
        storage.jobs,
        storage.lane_lock("Laptop"),
        ProgressBoard(Announcer(storage.events, storage.changes), clock),
        Reporter(
            "Laptop",
            storage.reports,
            ReportBoard(storage.reports, clock),
            HealthBoard(),
            worker="here:1:a",
            clock=clock,
        ),
        clock,
        settings,
    )
    server = Server(alias="Laptop", api_url="http://laptop:7860")
    job = Job(
        id="the job", target="Laptop", params={}, created_at=clock.now(), updated_at=clock.now()
    )
    run = Run(job, ForgeBackend(server, ForgeSimulator({}), settings))

    monitor.give_up()
    with monitor.watching(run):
        assert run.given_up is GivenUp.CLOSING
        assert run.abort.pulled
    monitor.close()
