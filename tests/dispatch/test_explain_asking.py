"""Servers are asked what they have when somebody wants a job explained, and not for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from stablequeue_core import Server
from stablequeue_core.backends import Backend
from stablequeue_core.backends.forge import ForgeBackend
from stablequeue_core.dispatch.explaining.lacking import Lacking
from stablequeue_core.errors import ServerUnreachable
from stablequeue_core.events import Event, EventKind
from stablequeue_core.generation import Requirements
from stablequeue_core.servers import Inventories, Inventory, ListedCheckpoint
from stablequeue_core.settings import Settings
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.testing.forge_simulator import ForgeSimulator

PONY = Requirements(checkpoints=("pony.safetensors",))
LISTED = ListedCheckpoint(title="pony.safetensors", model_name="pony")


class Office:
    """Two servers: ``Laptop`` answers at once, ``Tower`` when it is let."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.storage = MemoryStorage()
        self.servers = [Server(alias=a, api_url=f"http://{a}") for a in ("Laptop", "Tower")]
        for server in self.servers:
            added = Event(kind=EventKind.SERVER_ADDED, at=self.clock.now())
            self.storage.servers.add(server, added)
        self.let = threading.Event()
        self.asked: list[str] = []
        self.inventories = Inventories(
            self.storage.servers, self._ask, clock=self.clock, max_age=60
        )
        self.lacking = self.made(self.inventories, patience=0.05)

    def made(self, inventories: Inventories, *, patience: float = 10) -> Lacking:
        return Lacking(inventories, _connect, clock=self.clock, patience=patience)

    def _ask(self, server: Server) -> Inventory:
        self.asked.append(server.alias)
        if server.alias == "Tower":
            assert self.let.wait(10)
        return Inventory(checkpoints=(LISTED,))


def _connect(server: Server) -> Backend:
    return ForgeBackend(server, ForgeSimulator({}), Settings())


@pytest.fixture
def office() -> Iterator[Office]:
    made = Office()
    yield made
    made.let.set()


def test_a_server_that_accepts_and_never_answers_is_told_after_a_moment(office: Office) -> None:
    unanswered = office.lacking.ask(office.servers)
    assert unanswered == {"Tower": "Server 'Tower' did not tell within 0.05 s what it has."}
    laptop, tower = office.servers
    assert office.lacking.by(laptop, PONY) == []
    assert office.lacking.by(tower, PONY) is None


def test_a_server_that_hangs_is_not_asked_again_meanwhile(office: Office) -> None:
    for _ in range(5):
        office.lacking.ask(office.servers)
    assert office.asked.count("Tower") == 1


def test_an_answer_that_came_late_is_known_the_next_time(office: Office) -> None:
    office.lacking.ask(office.servers)
    office.let.set()
    patient = office.made(office.inventories)
    assert patient.ask(office.servers) == {}
    assert patient.by(office.servers[1], PONY) == []


def test_a_server_that_refuses_says_why(office: Office) -> None:
    def refuse(server: Server) -> Inventory:
        raise ServerUnreachable(f"Server {server.alias!r} refuses.")

    inventories = Inventories(office.storage.servers, refuse, clock=office.clock, max_age=60)
    found = office.made(inventories).ask(office.servers)
    assert found == {"Laptop": "Server 'Laptop' refuses.", "Tower": "Server 'Tower' refuses."}


def test_a_server_that_was_removed_meanwhile_spoils_nothing(office: Office) -> None:
    laptop = office.servers[0]
    gone = Server(alias="Gone", api_url="http://gone")
    found = office.lacking.ask([laptop, gone])
    assert list(found) == ["Gone"]


def test_what_changed_on_a_server_is_worked_out_anew(office: Office) -> None:
    laptop = office.servers[0]
    office.lacking.ask([laptop])
    assert office.lacking.by(laptop, PONY) == []
    office.inventories.put(laptop, Inventory())
    assert len(office.lacking.by(laptop, PONY) or ()) == 1


def test_whoever_looks_again_and_again_has_a_server_asked_now_and_then(office: Office) -> None:
    laptop = office.servers[0]
    for _ in range(3):
        office.lacking.keep_known([laptop], every=60)
        office.lacking.ask([laptop])
    assert office.asked == ["Laptop"]
    office.clock.advance(61)
    office.lacking.keep_known([laptop], every=60)
    office.lacking.ask([laptop])
    assert office.asked == ["Laptop", "Laptop"]
