"""No job waits while a server is free: nothing that may set one free is overlooked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import evolve
from tests.dispatch.lane_parts import LaneParts
from tests.dispatch.supply_worlds import INK, SupplyWorld
from tests.waiting import until
from tests.worlds import PONY, SDXL, World, with_settings

from stablequeue_core import JobStatus, Server
from stablequeue_core.deadline import Deadline
from stablequeue_core.dispatch.lanes.calls import Calls
from stablequeue_core.dispatch.lanes.lookout import Lookout
from stablequeue_core.downloads.wanted import WantedModel
from stablequeue_core.errors import StorageBusy
from stablequeue_core.events import Event, EventKind
from stablequeue_core.generation import Requirements
from stablequeue_core.jobs import Claim, Job, event_of
from stablequeue_core.servers import ServerStatus
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.storage.memory.jobs import MemoryJobs
from stablequeue_core.storage.memory.servers import MemoryServers
from stablequeue_core.storage.memory.state import Memory
from stablequeue_core.storage.sqlite import SqliteStorage
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.testing.contracts.samples import add, pending
from stablequeue_core.testing.forge_simulator import (
    CheckpointFile,
    ForgeDisk,
    LoraFile,
    Phase,
    SimulatedForge,
)

SOON = 4.0
"""Seconds; much less than those after which a lane looks for what it has overlooked."""

INK_FILE = LoraFile(path=f"styles/{INK}.safetensors")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SupplyWorld]:
    """One server that has SDXL; an idle lane looks for what it has overlooked in an hour."""
    made = SupplyWorld(
        tmp_path / "queue",
        {"Laptop": SimulatedForge(ForgeDisk([CheckpointFile(path=SDXL)]))},
        settings=with_settings(probe_age=3600.0, inventory_age=3600.0),
    )
    yield made
    made.close(grace=0)


def test_a_file_that_its_user_has_fetched_sets_the_jobs_free_that_lack_it(
    world: SupplyWorld,
) -> None:
    waiting = world.submit("auto", positive_prompt=f"<lora:{INK}:1> a fox")
    world.until(lambda: world.queue.explain(waiting).why.startswith("No server can run it."))
    world.nothing_more_happens()
    fetched = world.orders.order(WantedModel(kind="LoRA", name=INK))

    world.forge.disk.add(INK_FILE)
    world.forge.phase = Phase.DOWN
    world.forge.phase = Phase.READY
    world.complete(fetched.id)

    world.until(lambda: world.queue.get(waiting.id).status is JobStatus.COMPLETED, SOON)


def test_a_call_is_not_lost_when_the_servers_cannot_be_read_just_then() -> None:
    storage, lookout = MemoryStorage(), Lookout(FakeClock())
    troubles = [StorageBusy("Somebody else writes.")]

    def servers_changed() -> None:
        if troubles:
            raise troubles.pop()

    calls = Calls(storage, lookout, list, servers_changed)
    calls.start()
    give_up_at = time.monotonic() + SOON
    while lookout.mark(["Laptop"]) == (0,) and time.monotonic() < give_up_at:
        threading.Event().wait(0.01)
    calls.stop()
    assert calls.join(Deadline(SOON))

    assert lookout.mark(["Laptop"]) != (0,)


def test_a_job_that_cannot_be_read_keeps_nobody_from_hearing_of_the_next(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "queue.db") as storage:
        lookout = Lookout(storage.clock)
        (strange,) = add(storage, pending(target="auto", held=True))
        with storage.database.write() as connection:
            connection.execute("UPDATE jobs SET requirements = '[1'")
        calls = Calls(storage, lookout, list, lambda: None)
        calls.start()
        until(lambda: lookout.mark(["auto"]) == (1,))

        released = strange.release(now=storage.clock.now())
        storage.jobs.replace(released, event_of(EventKind.JOB_RELEASED, released))
        until(lambda: lookout.mark(["auto"]) == (2,))
        add(storage, pending(target="Laptop"))
        until(lambda: lookout.mark(["Laptop"]) == (3,))
        calls.stop()
        assert calls.join(Deadline(SOON))


def test_a_server_that_is_switched_off_keeps_no_other_from_looking_for_the_file_of_a_new_job(
    tmp_path: Path,
) -> None:
    forges = {
        alias: SimulatedForge(ForgeDisk([CheckpointFile(path=SDXL)])) for alias in ("Laptop", "Off")
    }
    forges["Off"].phase = Phase.DOWN
    settings = with_settings(
        probe_age=3600.0, inventory_age=0.01, circuit_base=3600.0, circuit_cap=3600.0
    )
    world = World(tmp_path / "queue", forges, settings=settings)
    try:
        world.until(lambda: _status(world, "Laptop") is ServerStatus.ONLINE)
        world.until(lambda: _status(world, "Off") is ServerStatus.OFFLINE)
        world.run("auto")

        world.forge.disk.add(INK_FILE)
        job = world.submit("auto", positive_prompt=f"<lora:{INK}:1> a fox")
        world.until(lambda: world.queue.get(job.id).status is JobStatus.COMPLETED, SOON)
    finally:
        world.close(grace=0)


def _status(world: World, alias: str) -> ServerStatus:
    return world.queue.servers.health(alias).status


class SlowlyRead(MemoryStorage):
    """Who reads a server is told late what it was: others may change it meanwhile.

    Attributes:
        meanwhile: what they do, once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[], object]] = []
        self.servers = _SlowlyReadServers(self._memory, self.meanwhile)


class _SlowlyReadServers(MemoryServers):
    def __init__(self, memory: Memory, meanwhile: list[Callable[[], object]]) -> None:
        super().__init__(memory)
        self._meanwhile = meanwhile

    def get(self, alias: str) -> Server:
        server = super().get(alias)
        if self._meanwhile:
            self._meanwhile.pop()()
        return server


def test_a_server_that_is_resumed_while_its_lane_reads_it_is_looked_at_again() -> None:
    storage = SlowlyRead()
    changed = Event(kind=EventKind.SERVER_CHANGED, at=storage.clock.now())
    server = Server(alias="Laptop", api_url="http://laptop:7860", paused=True)
    storage.servers.add(server, changed)
    lane = LaneParts(server, storage)

    def resume() -> None:
        storage.servers.replace(server, evolve(server, paused=False), changed)
        lane.lookout.call_all()

    storage.meanwhile.append(resume)
    assert lane.claims.next(lane.link) is None
    assert lane.claims.look_in == 0


class SlowlyClaimed(MemoryStorage):
    """Who claims a job waits for others, who may change things meanwhile.

    Attributes:
        meanwhile: what they do, once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[], object]] = []
        self.jobs = _SlowlyClaimedJobs(self._memory, self.meanwhile)


class _SlowlyClaimedJobs(MemoryJobs):
    def __init__(self, memory: Memory, meanwhile: list[Callable[[], object]]) -> None:
        super().__init__(memory)
        self._meanwhile = meanwhile

    def claim(self, wanted: Claim) -> Job | None:
        if self._meanwhile:
            self._meanwhile.pop()()
        return super().claim(wanted)


def test_a_server_that_is_paused_while_its_lane_waits_for_the_storage_takes_no_job() -> None:
    storage = SlowlyClaimed()
    changed = Event(kind=EventKind.SERVER_CHANGED, at=storage.clock.now())
    server = Server(alias="Laptop", api_url="http://laptop:7860")
    storage.servers.add(server, changed)
    (job,) = add(storage, pending())
    lane = LaneParts(server, storage)
    server = storage.servers.get("Laptop")

    def pause() -> None:
        lane.standing.server = paused = evolve(server, paused=True)
        storage.servers.replace(server, paused, changed)

    storage.meanwhile.append(pause)
    assert lane.claims.next(lane.link) is None
    assert storage.jobs.get(job.id).status is JobStatus.PENDING

    assert lane.claims.look_in == 0, "it looks what the server is now"
    assert lane.claims.next(lane.link) is None
    assert lane.claims.look_in > 0
    assert storage.jobs.get(job.id).status is JobStatus.PENDING


def test_the_old_lists_of_a_server_of_another_process_are_not_believed_for_good() -> None:
    clock = FakeClock()
    server = Server(alias="Laptop", api_url="http://laptop:7860")
    lane = LaneParts(server, MemoryStorage(clock=clock))
    needs = Requirements(checkpoints=(PONY,))

    def can_run() -> bool:
        (other,) = lane.fleet.others("Desktop")
        return other.can_run(needs)

    assert not can_run(), "nobody has asked it yet"
    assert lane.link.answer()
    assert can_run()

    lane.forge.disk.remove(PONY)
    lane.forge.phase = Phase.DOWN
    lane.forge.phase = Phase.READY
    clock.advance(3600)
    heard = lane.standing.bell.rings
    can_run()
    assert lane.standing.bell.rings > heard, "its lane is asked to have another look"
    assert lane.link.answer()
    assert not can_run()
