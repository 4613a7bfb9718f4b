"""What every store of servers must do."""

from __future__ import annotations

import pytest
from attrs import evolve

from stablequeue_core.errors import ServerExists, ServerNotFound, StaleJob
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
    laptop,
    pending,
    server_event,
)


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
            storage.servers.replace("Lapdog", laptop(), server_event())
        with pytest.raises(ServerNotFound):
            storage.servers.remove("Lapdog", server_event())
        assert storage.events.last() == 1

    def test_a_changed_server_replaces_the_old_one(self, storage: Storage) -> None:
        """In its place."""
        for alias in ("Laptop", "Tower"):
            storage.servers.add(laptop(alias=alias), server_event())
        changed_one = laptop(paused=True, username="me", password="secret")
        storage.servers.replace("Laptop", changed_one, server_event(EventKind.SERVER_CHANGED))
        assert list(storage.servers.list()) == [changed_one, laptop(alias="Tower")]
        assert storage.events.read()[-1].kind is EventKind.SERVER_CHANGED

    def test_a_renamed_server_keeps_its_place_and_its_open_jobs(self, storage: Storage) -> None:
        """Those that wait and those that run follow; what has ended, or is another's, stays."""
        for alias in ("Laptop", "Attic"):
            storage.servers.add(laptop(alias=alias), server_event())
        ended, running, waiting, anywhere = add(
            storage, pending(), pending(), pending(), pending(target="auto")
        )
        ended = changed(storage, claimed(storage), completed)
        running = claimed(storage)
        storage.servers.replace("Laptop", laptop(alias="Tower"), server_event())

        assert [server.alias for server in storage.servers.list()] == ["Tower", "Attic"]
        assert [job.id for job in storage.jobs.open_on("Tower")] == [running.id, waiting.id]
        assert storage.jobs.open_on("Laptop") == []
        assert storage.jobs.get(ended.id) == ended
        assert storage.jobs.get(anywhere.id) == anywhere
        assert claimed(storage, server="Tower").id == waiting.id

    def test_a_copy_from_before_the_renaming_is_stale(self, storage: Storage) -> None:
        """Else it would bring the old name back."""
        storage.servers.add(laptop(), server_event())
        (job,) = add(storage, pending())
        storage.servers.replace("Laptop", laptop(alias="Tower"), server_event())
        with pytest.raises(StaleJob):
            changed(storage, job, cancelled)
        now = storage.jobs.get(job.id)
        assert now == evolve(job, target="Tower", revision=now.revision)

    def test_a_renamed_servers_job_that_waits_is_still_waited_for(self, storage: Storage) -> None:
        """Its time moves with it."""
        storage.servers.add(laptop(), server_event())
        add(storage, pending(not_before=LATER))
        storage.servers.replace("Laptop", laptop(alias="Tower"), server_event())
        assert storage.jobs.next_due(["Tower", "auto"]) == LATER
        assert storage.jobs.next_due(["Laptop", "auto"]) is None
        assert claimed(storage, server="Tower", now=LATER).target == "Tower"

    def test_a_server_cannot_take_anothers_name(self, storage: Storage) -> None:
        """Nothing has changed then, no job either."""
        for alias in ("Laptop", "Tower"):
            storage.servers.add(laptop(alias=alias), server_event())
        (job,) = add(storage, pending())
        with pytest.raises(ServerExists):
            storage.servers.replace("Laptop", laptop(alias="Tower"), server_event())
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
