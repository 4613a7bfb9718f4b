"""What each server has, as last seen: shared, and asked for only when nobody knows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from attrs import evolve

from stablequeue_core.errors import ServerNotFound, ServerUnreachable
from stablequeue_core.servers import Inventories, Inventory, Server
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.clock import FakeClock
from stablequeue_core.testing.contracts.samples import laptop, server_event

MAX_AGE = 60.0
DESKTOP = laptop(alias="Desktop")


class Fleet:
    """Servers that count the questions, and answer once ``answering`` is set."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answering = threading.Event()
        self.answering.set()
        self.being_asked = threading.Semaphore(0)
        self.fails = False

    def ask(self, server: Server) -> Inventory:
        self.asked.append(server.api_url)
        self.being_asked.release()
        assert self.answering.wait(10)
        if self.fails:
            raise ServerUnreachable(f"Server {server.alias!r} does not answer.")
        return Inventory(upscalers=(f"{server.alias} {len(self.asked)}",))


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def storage() -> Iterator[MemoryStorage]:
    with MemoryStorage() as storage:
        for server in (laptop(), DESKTOP):
            storage.servers.add(server, server_event())
        yield storage


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def inventories(storage: MemoryStorage, fleet: Fleet, clock: FakeClock) -> Inventories:
    return Inventories(storage.servers, fleet.ask, clock=clock, max_age=MAX_AGE)


def test_a_server_that_nobody_has_seen_is_asked_once(
    inventories: Inventories, fleet: Fleet
) -> None:
    assert inventories.of("Laptop").upscalers == ("Laptop 1",)
    assert inventories.of("Laptop").upscalers == ("Laptop 1",)
    assert len(fleet.asked) == 1


def test_what_a_lane_has_fetched_is_not_asked_for_again(
    inventories: Inventories, fleet: Fleet
) -> None:
    seen = Inventory(upscalers=("Latent",))
    inventories.put(laptop(), seen)
    assert inventories.of("Laptop") is seen
    assert inventories.of("Desktop") is not seen
    assert len(fleet.asked) == 1


def test_what_is_older_than_we_believe_is_asked_for_again(
    inventories: Inventories, fleet: Fleet, clock: FakeClock
) -> None:
    inventories.of("Laptop")
    clock.advance(MAX_AGE)
    assert inventories.of("Laptop").upscalers == ("Laptop 1",)
    clock.advance(1)
    assert inventories.of("Laptop").upscalers == ("Laptop 2",)


def test_what_is_doubted_is_asked_for_again_but_still_known(
    inventories: Inventories, fleet: Fleet
) -> None:
    inventories.doubt(laptop())
    seen = inventories.of("Laptop")
    inventories.doubt(laptop())
    assert inventories.known("Laptop") is seen
    assert inventories.of("Laptop").upscalers == ("Laptop 2",)


def test_an_answer_that_was_on_its_way_when_it_was_doubted_is_not_believed(
    inventories: Inventories, fleet: Fleet
) -> None:
    fleet.answering.clear()
    with ThreadPoolExecutor() as threads:
        before = threads.submit(inventories.of, "Laptop")
        assert fleet.being_asked.acquire(timeout=10)
        inventories.doubt(laptop())
        after = threads.submit(inventories.of, "Laptop")
        assert fleet.being_asked.acquire(timeout=10)
        fleet.answering.set()
    assert before.result() is not after.result()
    assert len(fleet.asked) == 2


def test_what_a_lane_asked_for_before_a_doubt_is_not_believed_after_it(
    inventories: Inventories, fleet: Fleet
) -> None:
    doubts = inventories.doubts(laptop())
    inventories.doubt(laptop())
    inventories.put(laptop(), Inventory(), doubts=doubts)

    assert inventories.of("Laptop").upscalers == ("Laptop 1",)


def test_what_is_known_is_told_however_old_and_nobody_is_asked(
    inventories: Inventories, fleet: Fleet, clock: FakeClock
) -> None:
    assert inventories.known("Laptop") is None
    seen = Inventory()
    inventories.put(laptop(), seen)
    clock.advance(10 * MAX_AGE)
    assert inventories.known("Laptop") is seen
    assert inventories.known("Desktop") is None
    assert fleet.asked == []


def test_a_server_that_does_not_answer_is_asked_again_the_next_time(
    inventories: Inventories, fleet: Fleet
) -> None:
    fleet.fails = True
    with pytest.raises(ServerUnreachable):
        inventories.of("Laptop")
    assert inventories.known("Laptop") is None
    fleet.fails = False
    assert inventories.of("Laptop").upscalers == ("Laptop 2",)


def test_an_unknown_server_is_not_found(inventories: Inventories) -> None:
    with pytest.raises(ServerNotFound):
        inventories.of("Tablet")
    assert inventories.known("Tablet") is None


def test_what_was_seen_of_a_machine_is_not_said_of_another_that_got_its_alias(
    inventories: Inventories, storage: MemoryStorage, fleet: Fleet
) -> None:
    inventories.of("Laptop")
    elsewhere = laptop(api_url="http://127.0.0.2:7860")
    storage.servers.replace(laptop(), elsewhere, server_event())

    assert inventories.known("Laptop") is None
    inventories.of("Laptop")
    assert fleet.asked == [laptop().api_url, elsewhere.api_url]


def test_what_has_nothing_to_do_with_its_lists_does_not_make_a_server_another(
    inventories: Inventories, storage: MemoryStorage, fleet: Fleet
) -> None:
    inventories.of("Laptop")
    storage.servers.replace(laptop(), evolve(laptop(), paused=True), server_event())
    inventories.of("Laptop")
    assert len(fleet.asked) == 1


def test_whoever_comes_while_a_server_is_asked_gets_that_answer(
    inventories: Inventories, fleet: Fleet
) -> None:
    fleet.answering.clear()
    with ThreadPoolExecutor() as threads:
        first = threads.submit(inventories.of, "Laptop")
        assert fleet.being_asked.acquire(timeout=10)
        others = [threads.submit(inventories.of, "Laptop") for _ in range(3)]
        fleet.answering.set()
        assert all(other.result() is first.result() for other in others)
    assert len(fleet.asked) == 1


def test_whoever_waits_for_an_answer_that_never_comes_is_told(
    inventories: Inventories, fleet: Fleet
) -> None:
    fleet.fails = True
    fleet.answering.clear()
    with ThreadPoolExecutor() as threads:
        asking = [threads.submit(inventories.of, "Laptop") for _ in range(4)]
        assert fleet.being_asked.acquire(timeout=10)
        fleet.answering.set()
        assert all(isinstance(one.exception(), ServerUnreachable) for one in asking)


def test_a_server_that_is_slow_keeps_no_other_waiting(
    inventories: Inventories, fleet: Fleet
) -> None:
    fleet.answering.clear()
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(inventories.of, "Laptop")
        assert fleet.being_asked.acquire(timeout=10)
        other = threads.submit(inventories.of, "Desktop")
        assert fleet.being_asked.acquire(timeout=10)
        fleet.answering.set()
    assert slow.result() is not other.result()
