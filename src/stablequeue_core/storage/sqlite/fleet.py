"""What was learned and told of the servers, in SQLite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from stablequeue_core.events import Event
from stablequeue_core.serialization import converter, from_millis, to_millis
from stablequeue_core.servers import SILENT_FOR, Cost, CostStore, ReportStore, ServerReport
from stablequeue_core.storage.rows.costs import COLUMNS, cost_of, cost_row
from stablequeue_core.storage.rows.text import from_json, to_json
from stablequeue_core.storage.sqlite.connection import Database

COSTS = f"SELECT {COLUMNS} FROM costs"
SAVE_COST = f"INSERT OR REPLACE INTO costs ({COLUMNS}) VALUES (?, ?, ?, ?, ?)"
_REPORTS = "SELECT alias, report FROM reports"
_PUT = "INSERT OR REPLACE INTO reports (alias, report) VALUES (?, ?)"
_BEAT = "INSERT OR REPLACE INTO workers (worker, at) VALUES (?, ?)"
_FORGET_SILENT = "DELETE FROM workers WHERE at < ?"
_HEARD = "SELECT worker, at FROM workers"
_LEAVE = "DELETE FROM workers WHERE worker = ?"


class SqliteCosts(CostStore):
    """The costs of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> Sequence[Cost]:
        """All that is known, in no order."""
        return [cost_of(row) for row in self._database.fetch(COSTS)]

    def save(self, cost: Cost) -> None:
        """Keep it in place of what was known of its server and family."""
        with self._database.write(lasting=False) as connection:
            connection.execute(SAVE_COST, cost_row(cost))


class SqliteReports(ReportStore):
    """The reports of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, report: ServerReport, event: Event | None = None) -> None:
        """Keep it in place of the server's report before; with the event, if it is worth one."""
        told = converter().unstructure(report)
        # The server may be renamed, and its report with it.
        alias = told.pop("alias")
        with self._database.write(lasting=event is not None) as connection:
            connection.execute(_PUT, (alias, to_json(told)))
            if event is not None:
                self._database.tell(event)

    def all(self) -> Mapping[str, ServerReport]:
        """The newest report of each server that has one, by alias."""
        return {
            alias: converter().structure({**from_json(told), "alias": alias}, ServerReport)
            for alias, told in self._database.fetch(_REPORTS)
        }

    def beat(self, worker: str, at: datetime) -> None:
        """This process runs jobs, and is alive."""
        with self._database.write(lasting=False) as connection:
            connection.execute(_BEAT, (worker, to_millis(at)))
            connection.execute(_FORGET_SILENT, (to_millis(at - SILENT_FOR),))

    def heard(self) -> Mapping[str, datetime]:
        """When each process that runs jobs has last said that it is alive, by worker."""
        return {worker: from_millis(at) for worker, at in self._database.fetch(_HEARD)}

    def leave(self, worker: str) -> None:
        """This process runs no jobs any more."""
        with self._database.write(lasting=False) as connection:
            connection.execute(_LEAVE, (worker,))
