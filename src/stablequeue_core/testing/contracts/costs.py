"""What every store of costs must do."""

from __future__ import annotations

from attrs import evolve

from stablequeue_core.servers import Cost
from stablequeue_core.storage import Storage
from stablequeue_core.testing.contracts.case import StorageCase
from stablequeue_core.testing.contracts.samples import laptop, server_event

FULL = Cost(server="Laptop", family="SDXL 🗼", pace=0.1 + 0.2, load=15.0, samples=2**40)


class CostStoreContract(StorageCase):
    """The promises of :class:`~stablequeue_core.servers.CostStore`, as tests."""

    def test_a_cost_comes_back_as_it_was(self, storage: Storage) -> None:
        """To the last digit; what was not seen yet is not seen."""
        assert list(storage.costs.all()) == []
        unseen = Cost(server="Laptop", family="")
        storage.costs.save(FULL)
        storage.costs.save(unseen)
        assert set(storage.costs.all()) == {FULL, unseen}

    def test_a_newer_cost_replaces_the_older_one(self, storage: Storage) -> None:
        """Of the same server and family only."""
        other = evolve(FULL, server="Tower")
        for cost in (FULL, other, evolve(FULL, family="Flux.1")):
            storage.costs.save(cost)
        newer = evolve(FULL, pace=0.5, load=None, samples=3)
        storage.costs.save(newer)
        assert set(storage.costs.all()) == {newer, other, evolve(FULL, family="Flux.1")}

    def test_nobody_is_told_of_a_cost(self, storage: Storage) -> None:
        """Nobody waits for it."""
        heard = storage.work.rings, storage.changes.rings
        storage.costs.save(FULL)
        assert (storage.work.rings, storage.changes.rings) == heard
        assert storage.events.last() == 0

    def test_a_renamed_server_keeps_what_was_learned_of_it(self, storage: Storage) -> None:
        """In place of what was known by that name before."""
        storage.servers.add(laptop(), server_event())
        for cost in (FULL, evolve(FULL, family=""), evolve(FULL, server="Tower", pace=9.0)):
            storage.costs.save(cost)
        storage.servers.replace(laptop(), laptop(alias="Tower"), server_event())
        renamed = evolve(FULL, server="Tower")
        assert set(storage.costs.all()) == {renamed, evolve(renamed, family="")}

    def test_what_was_learned_of_a_removed_server_is_forgotten(self, storage: Storage) -> None:
        """Another one may get its name."""
        storage.servers.add(laptop(), server_event())
        other = evolve(FULL, server="Tower")
        storage.costs.save(FULL)
        storage.costs.save(other)
        storage.servers.remove("Laptop", server_event())
        assert list(storage.costs.all()) == [other]
