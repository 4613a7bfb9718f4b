"""A file is new in a model folder: which servers are told of it, and how long that may take."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import evolve

from stablequeue_core.backends.forge import ForgeBackend
from stablequeue_core.backends.newcomers import Newcomers
from stablequeue_core.clock import SystemClock
from stablequeue_core.errors import QueueClosed, StorageError
from stablequeue_core.models import Model, ModelKind
from stablequeue_core.servers import Inventories, Inventory, Server
from stablequeue_core.settings import Settings
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.contracts.samples import server_event
from stablequeue_core.testing.forge_simulator import (
    Fault,
    ForgeDisk,
    ForgeSimulator,
    LoraFile,
    SimulatedForge,
)
from stablequeue_core.testing.model_files import sdxl_checkpoint, sdxl_lora
from stablequeue_core.transport import Abort, Request, StreamedResponse, Transport

SOON = 2.0
REFRESH = "POST /sdapi/v1/refresh-loras"


class Street(Transport):
    """Servers in a street, one model folder, and who tells the ones of what is new in the other.

    Attributes:
        folder: with LoRAs; servers share it if they are added so.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "Lora"
        self.folder.mkdir()
        self.storage = MemoryStorage()
        self.forges: dict[str, SimulatedForge] = {}
        self.patience = 5.0
        self._clock = SystemClock()
        self.inventories = Inventories(
            self.storage.servers,
            lambda server: self.connect(server).inventory(),
            clock=self._clock,
            max_age=60.0,
        )

    def _send(self, request: Request, abort: Abort) -> StreamedResponse:
        return ForgeSimulator(dict(self.forges))._send(request, abort)

    def close(self) -> None:
        """There is nothing to close."""

    def connect(self, server: Server) -> ForgeBackend:
        return ForgeBackend(server, self, Settings())

    def server(
        self, alias: str, *, shares: bool, url: str | None = None, enabled: bool = True
    ) -> SimulatedForge:
        """A server moves in."""
        folders = {"Lora": self.folder} if shares else {}
        forge = SimulatedForge(ForgeDisk([LoraFile(path="its_own.safetensors")], folders=folders))
        url = url or f"http://{alias.lower()}:7860"
        self.forges[url] = forge
        server = Server(alias=alias, api_url=url, enabled=enabled)
        self.storage.servers.add(server, server_event(alias=alias))
        return forge

    def known(self, *aliases: str) -> None:
        """What these servers have was seen lately."""
        for alias in aliases:
            self.inventories.of(alias)

    def put(self, name: str) -> Model:
        """A LoRA that the catalogue knows."""
        file = sdxl_lora().write(self.folder / name)
        model = Model(
            kind=ModelKind.LORA,
            root=str(self.folder),
            path=name,
            size=file.stat().st_size,
            mtime_ns=file.stat().st_mtime_ns,
            created_at=datetime.now(UTC),
        )
        return self.storage.models.save([model])[0]

    @property
    def newcomers(self) -> Newcomers:
        return Newcomers(
            self.storage.servers,
            self.storage.models,
            self.inventories,
            self.connect,
            patience=self.patience,
        )


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    made = Street(tmp_path)
    yield made
    for forge in made.forges.values():
        forge.faults.clear()


def test_a_server_that_shares_the_folder_looks_again_and_lists_the_file(street: Street) -> None:
    forge = street.server("Laptop", shares=True)
    street.put("old.safetensors")
    forge.restart()
    street.known("Laptop")
    before = forge.counts[REFRESH]
    assert street.newcomers.tell(street.put("new.safetensors")) == {"Laptop": True}
    assert forge.counts[REFRESH] == before + 1
    assert "new" in [lora.name for lora in street.inventories.of("Laptop").loras]


def test_a_server_that_has_none_of_the_folder_is_left_in_peace(street: Street) -> None:
    forge = street.server("Desktop", shares=False)
    street.put("old.safetensors")
    street.known("Desktop")
    asked = len(forge.requests)
    assert street.newcomers.tell(street.put("new.safetensors")) == {}
    assert len(forge.requests) == asked


def test_where_there_is_nothing_to_judge_by_it_is_told(street: Street) -> None:
    street.server("Empty", shares=False)
    street.known("Empty")
    assert street.newcomers.tell(street.put("first.safetensors")) == {"Empty": False}


def test_a_server_that_nobody_has_seen_yet_is_told(street: Street) -> None:
    street.server("Unknown", shares=True)
    street.put("old.safetensors")
    assert street.newcomers.tell(street.put("new.safetensors")) == {"Unknown": True}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_server_on_this_machine_is_told_whatever_it_lists(street: Street, host: str) -> None:
    street.server("Here", shares=False, url=f"http://{host}:7860")
    street.put("old.safetensors")
    street.known("Here")
    assert street.newcomers.tell(street.put("new.safetensors")) == {"Here": False}


def test_a_disabled_server_is_not_told(street: Street) -> None:
    forge = street.server("Off", shares=True, enabled=False)
    assert street.newcomers.tell(street.put("new.safetensors")) == {}
    assert not forge.requests


def test_kinds_that_servers_do_not_list_are_told_without_an_answer(street: Street) -> None:
    forge = street.server("Laptop", shares=True)
    model = evolve(street.put("new.safetensors"), kind=ModelKind.EMBEDDING)
    assert street.newcomers.tell(model) == {}
    assert forge.counts[REFRESH] == 1


def test_a_checkpoint_is_told_in_the_same_way(street: Street, tmp_path: Path) -> None:
    folder = tmp_path / "Stable-diffusion"
    file = sdxl_checkpoint().write(folder / "Pony" / "new.safetensors")
    street.forges["http://laptop:7860"] = SimulatedForge(
        ForgeDisk(folders={"Stable-diffusion": folder})
    )
    server = Server(alias="Laptop", api_url="http://laptop:7860")
    street.storage.servers.add(server, server_event())
    model = evolve(
        street.put("x.safetensors"),
        kind=ModelKind.CHECKPOINT,
        root=str(folder),
        path="Pony/new.safetensors",
        size=file.stat().st_size,
    )
    assert street.newcomers.tell(model) == {"Laptop": True}


@pytest.mark.parametrize("fault", [Fault.REFUSE_CONNECTION, Fault.UNAVAILABLE, Fault.GARBAGE])
def test_a_server_that_is_off_holds_nobody_up(street: Street, fault: Fault) -> None:
    street.server("Laptop", shares=True)
    off = street.server("Off", shares=True)
    off.faults.next("*", fault, times=None)
    started = time.monotonic()
    assert street.newcomers.tell(street.put("new.safetensors")) == {"Laptop": True}
    assert time.monotonic() - started < SOON


def test_busy_servers_hold_nobody_up_beyond_one_patience(street: Street) -> None:
    """However many of them are silent: they are waited for together."""
    street.server("Laptop", shares=True)
    for number in range(8):
        street.server(f"Busy {number}", shares=True).faults.next("*", Fault.HANG, times=None)
    street.patience = 0.3
    started = time.monotonic()
    assert street.newcomers.tell(street.put("new.safetensors")) == {"Laptop": True}
    assert 0.3 <= time.monotonic() - started < 1.0


def test_whoever_wants_a_model_of_a_busy_server_asks_it_anew(street: Street) -> None:
    street.patience = 0.05
    busy = street.server("Busy", shares=True)
    street.known("Busy")
    busy.faults.next("*", Fault.HANG)
    assert street.newcomers.tell(street.put("new.safetensors")) == {}
    busy.faults.clear()
    street.connect(street.storage.servers.get("Busy")).refresh()
    assert "new" in [lora.name for lora in street.inventories.of("Busy").loras]


def test_a_server_that_is_removed_meanwhile_is_no_accident(street: Street) -> None:
    forge = street.server("Laptop", shares=True)
    newcomers, model = street.newcomers, street.put("new.safetensors")
    with forge.held():
        told: list[object] = []
        human = forge.human_job()
        forge.wait_until(lambda forge: forge.active_task)
        thread = threading.Thread(target=lambda: told.append(newcomers.tell(model)))
        thread.start()
        forge.wait_until(lambda forge: forge.counts["POST /sdapi/v1/refresh-checkpoints"])
        street.storage.servers.remove("Laptop", server_event())
    human.join(5)
    thread.join(5)
    assert told == [{}]


def test_a_storage_that_fails_for_one_server_is_no_accident_for_the_others(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    street.server("Laptop", shares=True)
    street.server("Desktop", shares=True)
    of = street.inventories.of

    def failing(alias: str) -> Inventory:
        if alias == "Desktop":
            raise StorageError("The disk is full.")
        return of(alias)

    monkeypatch.setattr(street.inventories, "of", failing)
    assert street.newcomers.tell(street.put("new.safetensors")) == {"Laptop": True}


def test_closing_waits_for_nobody(street: Street) -> None:
    street.server("Busy", shares=True).faults.next("*", Fault.HANG, times=None)
    street.patience = 60.0
    newcomers, model = street.newcomers, street.put("new.safetensors")
    threading.Timer(0.1, newcomers.close).start()
    started = time.monotonic()
    with pytest.raises(QueueClosed):
        newcomers.tell(model)
    assert time.monotonic() - started < SOON
    with pytest.raises(QueueClosed):
        newcomers.tell(model)
    newcomers.close()
