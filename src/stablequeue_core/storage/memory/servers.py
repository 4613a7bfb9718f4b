"""The servers in memory."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from stablequeue_core.errors import ServerExists, ServerNotFound, StaleServer
from stablequeue_core.events import Event
from stablequeue_core.jobs import OPEN, with_server_renamed
from stablequeue_core.servers import Server, ServerStore
from stablequeue_core.storage.memory.state import Memory


class MemoryServers(ServerStore):
    """The servers of one storage."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def add(self, server: Server, event: Event) -> None:
        """Keep a new server."""
        with self._memory.changing():
            if server.alias in self._memory.servers:
                raise ServerExists(server.alias)
            number = 1 + max((known.number for known in self._memory.servers.values()), default=0)
            self._memory.servers[server.alias] = evolve(server, number=number)
            self._memory.record(event)

    def get(self, alias: str) -> Server:
        """The server with this alias."""
        with self._memory.lock:
            try:
                return self._memory.servers[alias]
            except KeyError:
                raise ServerNotFound(alias, list(self._memory.servers)) from None

    def list(self) -> Sequence[Server]:
        """All servers, in the order in which they were added."""
        with self._memory.lock:
            return list(self._memory.servers.values())

    def replace(self, before: Server, server: Server, event: Event) -> None:
        """Keep ``server`` in place of ``before``."""
        memory, alias = self._memory, before.alias
        with memory.changing():
            if self.get(alias) != before:
                raise StaleServer(alias)
            if server.alias != alias:
                if server.alias in memory.servers:
                    raise ServerExists(server.alias)
                for job in memory.jobs.values():
                    renamed = with_server_renamed(job, alias, server.alias)
                    if renamed != job and job.status in OPEN:
                        memory.jobs[job.id] = evolve(renamed, revision=job.revision + 1)
                self._rename_what_is_known(alias, server.alias)
            # Made anew, so that a renamed server keeps its place.
            memory.servers = {
                known.alias: known
                for known in (
                    evolve(server, number=known.number) if known.alias == alias else known
                    for known in memory.servers.values()
                )
            }
            memory.record(event)

    def remove(self, alias: str, event: Event) -> None:
        """Forget the server."""
        with self._memory.changing():
            self.get(alias)
            del self._memory.servers[alias]
            self._forget_what_is_known(alias)
            self._memory.record(event)

    def _rename_what_is_known(self, alias: str, new_alias: str) -> None:
        memory = self._memory
        known = [cost for cost in memory.costs.values() if cost.server == alias]
        report = memory.reports.get(alias)
        self._forget_what_is_known(alias)
        self._forget_what_is_known(new_alias)
        memory.costs.update(
            ((new_alias, cost.family), evolve(cost, server=new_alias)) for cost in known
        )
        if report is not None:
            memory.reports[new_alias] = evolve(report, alias=new_alias)

    def _forget_what_is_known(self, alias: str) -> None:
        memory = self._memory
        memory.costs = {
            (server, family): cost
            for (server, family), cost in memory.costs.items()
            if server != alias
        }
        memory.reports.pop(alias, None)
