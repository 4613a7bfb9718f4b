"""What was learned and told of the servers, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from stablequeue_core.events import Event
from stablequeue_core.servers import SILENT_FOR, Cost, CostStore, ReportStore, ServerReport
from stablequeue_core.storage.memory.state import Memory


class MemoryCosts(CostStore):
    """The costs of one storage."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def all(self) -> Sequence[Cost]:
        """All that is known, in no order."""
        with self._memory.lock:
            return list(self._memory.costs.values())

    def save(self, cost: Cost) -> None:
        """Keep it in place of what was known of its server and family."""
        with self._memory.changing():
            self._memory.costs[cost.server, cost.family] = cost


class MemoryReports(ReportStore):
    """The reports of one storage."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def put(self, report: ServerReport, event: Event | None = None) -> None:
        """Keep it in place of the server's report before; with the event, if it is worth one."""
        with self._memory.changing():
            self._memory.reports[report.alias] = report
            if event is not None:
                self._memory.record(event)

    def all(self) -> Mapping[str, ServerReport]:
        """The newest report of each server that has one, by alias."""
        with self._memory.lock:
            return dict(self._memory.reports)

    def beat(self, worker: str, at: datetime) -> None:
        """This process runs jobs, and is alive."""
        with self._memory.changing():
            workers = self._memory.workers
            workers[worker] = at
            for silent in [each for each in workers if workers[each] < at - SILENT_FOR]:
                del workers[silent]

    def heard(self) -> Mapping[str, datetime]:
        """When each process that runs jobs has last said that it is alive, by worker."""
        with self._memory.lock:
            return dict(self._memory.workers)

    def leave(self, worker: str) -> None:
        """This process runs no jobs any more."""
        with self._memory.changing():
            self._memory.workers.pop(worker, None)
