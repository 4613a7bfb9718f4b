"""What every store of servers must do."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
from attrs import evolve

from stablequeue_core.errors import ServerExists, ServerNotFound, StaleJob, StaleServer
from stablequeue_core.events import EventKind
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.samples import (
    LATER,
    add,
    cancelled,
    changed,
    claimed,
    completed,
    given_back,
    laptop,
    pending,
    server_event,
)
from stablequeue_core.testing.race import count_up, meet_at, open_and_count_up

TIMES = 25


class ServerStoreContract(StorageCase):
    """The promises of :class:`~stablequeue_core.servers.ServerStore`, as tests."""

    def test_a_server_comes_back_as_it_was(self, storage: Storage) -> None:
        """Passwords, flags and foreign letters among them."""
        plain = laptop()
        full = laptop(
            alias="Türm 🗼",
            username="me",
            password="geh:eim",
            enabled=False,
            paused=True,
            description="Under the “desk”.",
            tags=("studio", "große"),
        )
        for server in (plain, full):
            storage.servers.add(server, server_event())
            assert storage.servers.get(server.alias) == server

    def test_servers_are_listed_in_the_order_in_which_they_came(self, storage: Storage) -> None:
        """Not by name."""
        assert list(storage.servers.list()) == []
        servers = [laptop(alias=alias) for alias in ("Tower", "Attic", "Laptop")]
        for server in servers:
            storage.servers.add(server, server_event())
        assert list(storage.servers.list()) == servers

    def test_an_alias_is_given_once(self, storage: Storage) -> None:
        """The first one keeps it."""
        storage.servers.add(laptop(), server_event())
        with pytest.raises(ServerExists):
            storage.servers.add(laptop(description="another"), server_event())
        assert list(storage.servers.list()) == [laptop()]
        assert storage.events.last() == 1

    def test_an_unknown_server_is_not_found(self, storage: Storage) -> None:
        """The error lists those that there are."""
        storage.servers.add(laptop(), server_event())
        with pytest.raises(ServerNotFound) as caught:
            storage.servers.get("Lapdog")
        assert caught.value.details["known"] == ["Laptop"]
        with pytest.raises(ServerNotFound):
            storage.servers.replace(laptop(alias="Lapdog"), laptop(), server_event())
        with pytest.raises(ServerNotFound):
            storage.servers.remove("Lapdog", server_event())
        assert storage.events.last() == 1

    def test_a_changed_server_replaces_the_old_one(self, storage: Storage) -> None:
        """In its place."""
        for alias in ("Laptop", "Tower"):
            storage.servers.add(laptop(alias=alias), server_event())
        changed_one = laptop(paused=True, username="me", password="secret")
        storage.servers.replace(laptop(), changed_one, server_event(EventKind.SERVER_CHANGED))
        assert list(storage.servers.list()) == [changed_one, laptop(alias="Tower")]
        assert storage.events.read()[-1].kind is EventKind.SERVER_CHANGED

    def test_a_server_that_somebody_else_changed_is_not_replaced(self, storage: Storage) -> None:
        """Whatever it is that was changed; what they have made of it stays."""
        storage.servers.add(laptop(), server_event())
        before = laptop()
        for change in (
            {"paused": True},
            {"enabled": False},
            {"tags": ("studio",)},
            {"username": "me", "password": "secret"},
            {"password": "another"},
            {"api_url": "http://127.0.0.2:7860"},
            {"description": "Mine."},
        ):
            now = evolve(before, **change)
            storage.servers.replace(before, now, server_event())
            told = storage.events.last()
            with pytest.raises(StaleServer):
                storage.servers.replace(before, evolve(before, tags=("lost",)), server_event())
            assert storage.servers.get("Laptop") == now
            assert storage.events.last() == told
            before = now

    def test_a_server_that_somebody_else_changed_is_not_renamed(self, storage: Storage) -> None:
        """Not even to a name that is taken; its jobs stay where they are."""
        storage.servers.add(laptop(), server_event())
        storage.servers.add(laptop(alias="Attic"), server_event())
        (job,) = add(storage, pending())
        storage.servers.replace(laptop(), laptop(paused=True), server_event())
        for name in ("Tower", "Attic"):
            with pytest.raises(StaleServer):
                storage.servers.replace(laptop(), laptop(alias=name), server_event())
        assert [server.alias for server in storage.servers.list()] == ["Laptop", "Attic"]
        assert storage.jobs.get(job.id) == job

    def test_no_change_is_lost_between_threads(self, storage: Storage) -> None:
        """Four of them count in the same server."""
        storage.servers.add(laptop(), server_event())
        gate = threading.Barrier(4)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: count_up(storage, gate, "Laptop", TIMES), range(4)))
        assert storage.servers.get("Laptop").description == str(4 * TIMES)

    def test_no_change_is_lost_between_processes(self, storage: Storage, tmp_path: Path) -> None:
        """Two of them count in the same server."""
        if not self.shared_by_processes:
            pytest.skip("this storage belongs to one process")
        storage.servers.add(laptop(), server_event())
        spawn = multiprocessing.get_context("spawn")
        gate = spawn.Barrier(2)
        with ProcessPoolExecutor(2, spawn, initializer=meet_at, initargs=(gate,)) as pool:
            opener = self.opener(tmp_path)
            list(pool.map(open_and_count_up, [opener] * 2, ["Laptop"] * 2, [TIMES] * 2))
        assert storage.servers.get("Laptop").description == str(2 * TIMES)

    def test_a_renamed_server_keeps_its_place_and_its_open_jobs(self, storage: Storage) -> None:
        """Those that wait and those that run follow; what has ended, or is another's, stays."""
        for alias in ("Laptop", "Attic"):
            storage.servers.add(laptop(alias=alias), server_event())
        ended, running, waiting, anywhere = add(
            storage, pending(), pending(), pending(), pending(target="auto")
        )
        ended = changed(storage, claimed(storage), completed)
        running = claimed(storage)
        storage.servers.replace(laptop(), laptop(alias="Tower"), server_event())

        assert [server.alias for server in storage.servers.list()] == ["Tower", "Attic"]
        assert [job.id for job in storage.jobs.open_on("Tower")] == [running.id, waiting.id]
        assert storage.jobs.open_on("Laptop") == []
        assert storage.jobs.get(ended.id) == ended
        assert storage.jobs.get(anywhere.id) == anywhere
        assert claimed(storage, server="Tower").id == waiting.id

    def test_a_server_is_known_by_its_number_whatever_it_is_called(self, storage: Storage) -> None:
        """So its lane stays the same."""
        for alias in ("Laptop", "Attic"):
            storage.servers.add(laptop(alias=alias), server_event())
        one, other = storage.servers.list()
        assert one.number
        assert one.lane != other.lane
        storage.servers.replace(one, laptop(alias="Tower", paused=True), server_event())
        assert storage.servers.get("Tower").lane == one.lane
        assert storage.servers.get("Attic").lane == other.lane

    def test_a_renamed_server_bears_its_new_name_in_every_open_job(self, storage: Storage) -> None:
        """Whatever the target was: recovery and cancel go by it. What has ended is history."""
        storage.servers.add(laptop(), server_event())
        add(storage, *(pending(target="auto") for _ in range(3)))
        ended = changed(storage, claimed(storage), completed)
        back, running = claimed(storage), claimed(storage)
        avoiding, event = given_back(back)
        back = storage.jobs.replace(evolve(avoiding, avoids=("Laptop",)), event)
        storage.servers.replace(laptop(), laptop(alias="Tower"), server_event())

        assert storage.jobs.get(ended.id) == ended
        for old in (back, running):
            now = storage.jobs.get(old.id)
            assert (now.server, now.target) == ("Tower", "auto")
            assert now.revision == old.revision + 1
        assert storage.jobs.get(back.id).avoids == ("Tower",)
        assert [job.server for job in storage.jobs.processing()] == ["Tower"]

    def test_a_copy_from_before_the_renaming_is_stale(self, storage: Storage) -> None:
        """Else it would bring the old name back."""
        storage.servers.add(laptop(), server_event())
        (job,) = add(storage, pending())
        storage.servers.replace(laptop(), laptop(alias="Tower"), server_event())
        with pytest.raises(StaleJob):
            changed(storage, job, cancelled)
        now = storage.jobs.get(job.id)
        assert now == evolve(job, target="Tower", revision=now.revision)

    def test_a_renamed_servers_job_that_waits_is_still_waited_for(self, storage: Storage) -> None:
        """Its time moves with it."""
        storage.servers.add(laptop(), server_event())
        add(storage, pending(not_before=LATER))
        storage.servers.replace(laptop(), laptop(alias="Tower"), server_event())
        assert storage.jobs.next_due(["Tower", "auto"]) == LATER
        assert storage.jobs.next_due(["Laptop", "auto"]) is None
        assert claimed(storage, server="Tower", now=LATER).target == "Tower"

    def test_a_server_cannot_take_anothers_name(self, storage: Storage) -> None:
        """Nothing has changed then, no job either."""
        for alias in ("Laptop", "Tower"):
            storage.servers.add(laptop(alias=alias), server_event())
        (job,) = add(storage, pending())
        with pytest.raises(ServerExists):
            storage.servers.replace(laptop(), laptop(alias="Tower"), server_event())
        assert [server.alias for server in storage.servers.list()] == ["Laptop", "Tower"]
        assert storage.jobs.get(job.id) == job
        assert storage.events.last() == 3

    def test_a_removed_server_is_gone(self, storage: Storage) -> None:
        """Its name can be given again."""
        storage.servers.add(laptop(), server_event())
        storage.servers.remove("Laptop", server_event(EventKind.SERVER_REMOVED))
        assert list(storage.servers.list()) == []
        assert storage.events.read()[-1].kind is EventKind.SERVER_REMOVED
        storage.servers.add(laptop(), server_event())
