"""Several processes change the same server: none undoes what another has done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stablequeue_core import StableQueue
from stablequeue_core.clock import SystemClock
from stablequeue_core.errors import ServerNotFound
from stablequeue_core.servers import HealthBoard, Server, ServerRegistry
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.storage.memory.servers import MemoryServers
from stablequeue_core.storage.memory.state import Memory

URL = "http://127.0.0.1:7860"


class SlowlyRead(MemoryServers):
    """Servers that somebody changes between the reading of one and what is made of it."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self.meanwhile: list[Callable[[], object]] = []

    def get(self, alias: str) -> Server:
        server = super().get(alias)
        if self.meanwhile:
            self.meanwhile.pop()()
        return server


class SlowStorage(MemoryStorage):
    """Its servers can be read slowly, too."""

    def __init__(self) -> None:
        super().__init__()
        self.slow_servers = SlowlyRead(self._memory)


class NoJobs:
    """Nothing runs anywhere."""

    def open_on(self, server: str) -> list[object]:
        return []

    def cancel_all_on(self, server: str) -> None:
        raise AssertionError("there is nothing to cancel")

    def forget_target(self, target: str) -> None:
        """Nobody remembers any."""

    def wait_until_idle(self, server: str, timeout: float | None) -> bool:
        return True


class TwoProcesses:
    """Ours, and another one that changes a server when we have just read it."""

    def __init__(self, storage: SlowStorage) -> None:
        self.ours = ServerRegistry(storage.slow_servers, NoJobs(), HealthBoard(), SystemClock())
        self.theirs = ServerRegistry(storage.servers, NoJobs(), HealthBoard(), SystemClock())
        self.meanwhile = storage.slow_servers.meanwhile


@pytest.fixture
def two() -> Iterator[TwoProcesses]:
    with SlowStorage() as storage:
        made = TwoProcesses(storage)
        made.theirs.add("a", URL)
        yield made


@pytest.mark.parametrize(
    "change",
    [
        {"paused": True},
        {"enabled": False},
        {"tags": ("studio",)},
        {"api_url": f"{URL}/forge"},
        {"username": "me", "password": "secret"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_another_process_changes_meanwhile_stays_changed(
    two: TwoProcesses, change: dict[str, Any]
) -> None:
    two.meanwhile.append(lambda: two.theirs.update("a", change))

    changed = two.ours.update("a", {"description": "mine"})

    assert changed == two.theirs.get("a")
    assert changed.description == "mine"
    assert {name: getattr(changed, name) for name in change} == change


def test_a_server_that_is_paused_stays_as_another_process_described_it_meanwhile(
    two: TwoProcesses,
) -> None:
    two.meanwhile.append(lambda: two.theirs.update("a", {"tags": ["studio"]}))

    two.ours.pause("a")

    present = two.theirs.get("a")
    assert (present.paused, present.tags) == (True, ("studio",))


def test_tags_that_can_be_read_once_only_survive_a_second_try(two: TwoProcesses) -> None:
    two.meanwhile.append(lambda: two.theirs.pause("a"))

    changed = two.ours.update("a", {"tags": iter(["studio", "fast"])})

    assert (changed.paused, changed.tags) == (True, ("studio", "fast"))


def test_a_server_that_another_process_renames_meanwhile_is_not_found(two: TwoProcesses) -> None:
    two.meanwhile.append(lambda: two.theirs.update("a", {"alias": "b"}))

    with pytest.raises(ServerNotFound):
        two.ours.pause("a")
    assert [server.alias for server in two.theirs.list()] == ["b"]


def test_no_pause_is_lost_while_another_queue_on_the_same_file_changes_the_server(
    tmp_path: Path,
) -> None:
    with (
        StableQueue.open(tmp_path, dispatch=False) as ours,
        StableQueue.open(tmp_path, dispatch=False) as theirs,
        ThreadPoolExecutor(1) as pool,
    ):
        ours.servers.add("a", URL)
        with until_told(pool, lambda n: theirs.servers.update("a", {"description": f"{n}"})):
            for _ in range(100):
                ours.servers.pause("a")
                told = ours.servers.get("a").description
                while ours.servers.get("a").description == told:
                    # They have changed it once more, and may have read it before the pause.
                    assert ours.servers.get("a").paused
                assert ours.servers.get("a").paused
                ours.servers.resume("a")


@contextmanager
def until_told(pool: ThreadPoolExecutor, do: Callable[[int], object]) -> Iterator[None]:
    """Do it again and again, on another thread, until the block has ended."""
    enough = threading.Event()

    def keep_on() -> None:
        number = 0
        while not enough.is_set():
            number += 1
            do(number)

    doing = pool.submit(keep_on)
    try:
        yield
    finally:
        enough.set()
    doing.result()
