"""What a lane sees of its server is known to whoever asks from outside."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.worlds import QUICK

from stablequeue_core.backends.forge import ForgeBackend
from stablequeue_core.clock import SystemClock
from stablequeue_core.dispatch.costing.costs import CostBook
from stablequeue_core.dispatch.links.link import Link
from stablequeue_core.dispatch.links.reporter import Reporter
from stablequeue_core.errors import ServerUnreachable
from stablequeue_core.generation import Requirements
from stablequeue_core.servers import HealthBoard, Inventories, ReportBoard, Server
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.contracts.samples import laptop, server_event
from stablequeue_core.testing.forge_simulator import (
    CheckpointFile,
    ForgeSimulator,
    Phase,
    SimulatedForge,
)

LISTS = "GET /sdapi/v1/sd-models"
REFRESH = "POST /sdapi/v1/refresh-checkpoints"
NEW = Requirements(checkpoints=("new.safetensors",))


class Outside:
    """A simulated server, the link of its lane, and the lists that both share."""

    def __init__(self, storage: MemoryStorage) -> None:
        self.forge = SimulatedForge.with_sample_models()
        clock = SystemClock()
        server = laptop()
        storage.servers.add(server, server_event())
        transport = ForgeSimulator(self.forge)

        def backend(server: Server) -> ForgeBackend:
            return ForgeBackend(server, transport, QUICK)

        self.inventories = Inventories(
            storage.servers,
            lambda server: backend(server).inventory(),
            clock=clock,
            max_age=QUICK.inventory_age,
        )
        reporter = Reporter(
            server.alias,
            storage.reports,
            ReportBoard(storage.reports, clock),
            HealthBoard(),
            worker="worker",
            clock=clock,
        )
        self.link = Link(
            server,
            backend(server),
            reporter=reporter,
            inventories=self.inventories,
            costs=CostBook(storage.costs, lambda checkpoint: None, clock=clock),
            clock=clock,
            settings=QUICK,
        )

    @property
    def times_asked(self) -> int:
        return self.forge.counts[LISTS]


@pytest.fixture
def outside() -> Iterator[Outside]:
    with MemoryStorage() as storage:
        yield Outside(storage)


def test_what_the_lane_has_fetched_is_not_fetched_again(outside: Outside) -> None:
    assert outside.link.ask()

    assert outside.inventories.of("Laptop") is outside.link.inventory()
    assert outside.times_asked == 1


def test_a_file_that_the_lane_has_found_is_seen_outside(outside: Outside) -> None:
    outside.link.ask()
    outside.forge.disk.add(CheckpointFile(path="new.safetensors"))
    outside.link.backend.refresh()
    outside.link.look_again()

    names = [checkpoint.name for checkpoint in outside.inventories.of("Laptop").checkpoints]
    assert "new.safetensors" in names


def test_what_the_lane_does_not_believe_any_more_is_asked_for_anew(outside: Outside) -> None:
    outside.link.ask()
    outside.link.forget()

    outside.inventories.of("Laptop")

    assert outside.times_asked == 2


def test_a_server_that_the_lane_has_lost_is_not_said_to_have_anything(outside: Outside) -> None:
    outside.link.ask()
    outside.forge.phase = Phase.DOWN
    assert not outside.link.ask()

    with pytest.raises(ServerUnreachable):
        outside.inventories.of("Laptop")
    assert outside.inventories.known("Laptop") is not None


def test_what_somebody_else_doubts_is_asked_for_before_the_next_job(outside: Outside) -> None:
    outside.link.ask()
    outside.inventories.doubt(outside.link.server)

    assert outside.link.ready()
    assert outside.link.ready()
    assert outside.times_asked == 2


def test_a_server_says_that_it_surely_lacks_a_file_once_it_has_looked_for_it(
    outside: Outside,
) -> None:
    outside.link.ask()
    assert outside.link.lacks(NEW)
    assert outside.link.surely_lacks(NEW) is None
    assert outside.forge.counts[REFRESH] == 0, "whoever asks does not wait for the server"

    assert outside.link.answer()
    assert outside.link.surely_lacks(NEW)
    assert not outside.link.answer()
    assert outside.forge.counts[REFRESH] == 1


def test_a_server_that_finds_the_file_when_it_looks_lacks_nothing(outside: Outside) -> None:
    outside.link.ask()
    outside.forge.disk.add(CheckpointFile(path="new.safetensors"))
    assert outside.link.surely_lacks(NEW) is None

    outside.link.answer()
    assert outside.link.surely_lacks(NEW) == []


def test_what_is_doubted_is_lacked_for_sure_by_nobody(outside: Outside) -> None:
    outside.link.ask()
    outside.link.surely_lacks(NEW)
    outside.link.answer()
    outside.inventories.doubt(outside.link.server)

    assert outside.link.surely_lacks(NEW) is None


def test_a_server_that_was_never_seen_is_asked_for_what_somebody_wants_to_know(
    outside: Outside,
) -> None:
    assert outside.link.surely_lacks(NEW) is None

    assert outside.link.answer()
    assert outside.link.surely_lacks(NEW)
