"""Three processes run the jobs of one queue, and are killed in turn while they do."""

from __future__ import annotations

import logging
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.storage.real_postgres import real_postgres
from tests.worlds import PONY, SDXL

from stablequeue_core import Job, JobStatus, StableQueue, Submission
from stablequeue_core.events import Event, EventKind
from stablequeue_core.jobs import AttemptOutcome
from stablequeue_core.testing.forge_simulator import ForgeServer, SimulatedForge

logger = logging.getLogger(__name__)

VICTIM = Path(__file__).with_name("dispatch_victim.py")
SERVERS = ("Laptop", "Desktop", "Tower", "Attic", "Cellar", "Studio")
PROCESSES = 3
TAKEOVER = 15.0
"""Seconds, by promise. On one machine it is a fraction of that; here it is only a condition."""


class Shift:
    """The processes that run the jobs: killed, and started again."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._processes = [self._started() for _ in range(PROCESSES)]

    def kill(self, place: int) -> int:
        """Kill one as suddenly as can be, and start another in its place; the pid of the dead."""
        victim = self._processes[place]
        assert victim.poll() is None, "the victim died by itself"
        victim.kill()
        victim.wait()
        self._processes[place] = self._started()
        return victim.pid

    def end(self) -> None:
        """Kill them all."""
        for process in self._processes:
            process.kill()
            process.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, str(VICTIM), *self._arguments])


@contextmanager
def shift(*arguments: str) -> Iterator[Shift]:
    made = Shift(*arguments)
    try:
        yield made
    finally:
        made.end()


@contextmanager
def opened(data_dir: Path, database_url: str | None = None) -> Iterator[StableQueue]:
    """A queue that only accepts jobs, with six simulated servers on ports."""
    with ExitStack() as stack:
        forges = {
            alias: SimulatedForge.with_sample_models(seconds_per_step=0.01, load_seconds=0.05)
            for alias in SERVERS
        }
        urls = {alias: stack.enter_context(ForgeServer(f)).url for alias, f in forges.items()}
        queue = stack.enter_context(
            StableQueue.open(data_dir, dispatch=False, database_url=database_url)
        )
        for alias, url in urls.items():
            queue.servers.add(alias, url, tags=["all"])
        yield queue


def submit_some(queue: StableQueue, dice: random.Random) -> list[Job]:
    """Jobs for servers, for any, and for a group."""
    return queue.submit_many(
        Submission(
            dice.choice((*SERVERS, "auto", "auto", "auto:all")),
            {
                "positive_prompt": "a lighthouse in storm",
                "checkpoint_name": dice.choice((PONY, SDXL)),
                "num_images": dice.choice((1, 2)),
                "width": 64,
                "height": 64,
                "steps": dice.randint(2, 12),
            },
        )
        for _ in range(6)
    )


def workers(queue: StableQueue) -> Mapping[str, int]:
    """Which process looks after which server."""
    return {alias: int(told.worker.split(":")[-2]) for alias, told in queue.reports().items()}


def until_all_are_looked_after(queue: StableQueue, dead: set[int]) -> float:
    """Wait until no server is left to a process that is dead; how many seconds that took."""
    began, pause = time.monotonic(), threading.Event()
    while True:
        held = workers(queue)
        if set(held) == set(SERVERS) and dead.isdisjoint(held.values()):
            return time.monotonic() - began
        assert time.monotonic() - began < TAKEOVER, f"nobody took over: {held}, dead: {dead}"
        pause.wait(0.02)


def check_that_every_job_was_made_once(queue: StableQueue, accepted: list[Job]) -> list[Job]:
    done = [queue.wait(job.id, timeout=120) for job in accepted]

    assert {job.status for job in done} == {JobStatus.COMPLETED}
    assert queue.status().jobs[JobStatus.COMPLETED] == len(accepted)
    registered = Counter(path for job in done for path in job.images)
    assert set(registered.values()) == {1}, "a picture was registered twice"
    assert set(registered) == set(queue.images.folder.glob("*.*")), "a stray or a missing picture"
    for job in done:
        assert len(job.images) == job.params["num_images"]
        outcomes = [attempt.outcome for attempt in job.attempts]
        assert outcomes.count(AttemptOutcome.COMPLETED) == 1, "a job was completed twice"
    told = Counter(e.job_id for e in every_event(queue) if e.kind is EventKind.JOB_COMPLETED)
    assert told == Counter(job.id for job in accepted), "a completion was told twice, or not at all"
    return done


def every_event(queue: StableQueue) -> Iterator[Event]:
    after = 0
    while events := queue.events(after=after):
        yield from events
        after = events[-1].sequence or 0


def kill_in_turn(queue: StableQueue, processes: Shift, *, kills: int, seed: int) -> None:
    """Kill one process after the other while jobs come in, and see that all of them are made."""
    dice, pause = random.Random(seed), threading.Event()
    accepted: list[Job] = []
    dead: set[int] = set()
    takeovers: list[float] = []
    until_all_are_looked_after(queue, dead)
    for turn in range(kills):
        accepted += submit_some(queue, dice)
        pause.wait(dice.uniform(0.1, 0.6))
        dead.add(processes.kill(turn % PROCESSES))
        accepted += submit_some(queue, dice)
        takeovers.append(until_all_are_looked_after(queue, dead))
    done = check_that_every_job_was_made_once(queue, accepted)
    logger.info("Taken over after %s s.", [round(seconds, 2) for seconds in takeovers])
    lost = sum(job.retry_count for job in done)
    assert lost or kills < 20, "no kill ever hit a running job: the test proves nothing"


@pytest.mark.parametrize(
    ("kills", "seed"),
    [
        pytest.param(3, 1, marks=pytest.mark.timeout(180)),
        pytest.param(45, 2, marks=[pytest.mark.soak, pytest.mark.timeout(1200)]),
    ],
)
def test_processes_that_are_killed_in_turn_lose_no_job_and_make_none_twice(
    tmp_path: Path, kills: int, seed: int
) -> None:
    data_dir = tmp_path / "queue"
    with opened(data_dir) as queue, shift(str(data_dir)) as processes:
        kill_in_turn(queue, processes, kills=kills, seed=seed)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_nor_do_they_on_postgresql(tmp_path: Path) -> None:
    data_dir = tmp_path / "queue"
    with (
        real_postgres() as server,
        opened(data_dir, server.url) as queue,
        shift(str(data_dir), server.url) as processes,
    ):
        kill_in_turn(queue, processes, kills=12, seed=3)
