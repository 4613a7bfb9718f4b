"""A process that ends: it takes no more jobs, leaves none behind, and tells the others."""

from __future__ import annotations

from pathlib import Path

from tests.dispatch.tidying_world import TidyingWorld
from tests.worlds import World, with_settings

from stablequeue_core import Job, JobStatus, Settings
from stablequeue_core.announcer import Announcer
from stablequeue_core.backends.forge import ForgeBackend
from stablequeue_core.dispatch.links.board import ProgressBoard
from stablequeue_core.dispatch.links.monitor import GivenUp, Monitor, Run
from stablequeue_core.dispatch.links.reporter import Reporter
from stablequeue_core.dispatch.upkeep.tidying import JOBS_A_STEP, REST
from stablequeue_core.servers import HealthBoard, ReportBoard, Server
from stablequeue_core.storage import Storage
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.forge_simulator import ForgeSimulator


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
