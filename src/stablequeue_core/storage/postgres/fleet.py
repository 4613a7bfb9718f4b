"""What was learned and told of the servers, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from stablequeue_core.events import Event
from stablequeue_core.serialization import converter, from_millis, to_millis
from stablequeue_core.servers import SILENT_FOR, Cost, CostStore, ReportStore, ServerReport
from stablequeue_core.storage.postgres.connecting import Connected
from stablequeue_core.storage.postgres.database import Database
from stablequeue_core.storage.postgres.events import record
from stablequeue_core.storage.postgres.ringing import SharedBells
from stablequeue_core.storage.rows.costs import COLUMNS, cost_of, cost_row
from stablequeue_core.storage.rows.text import from_json, to_json

ALL_COSTS = f"SELECT {COLUMNS} FROM costs"
SAVE_COST = f"""
    INSERT INTO costs ({COLUMNS}) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (server, family) DO UPDATE
    SET pace = excluded.pace, load = excluded.load, samples = excluded.samples
    RETURNING true
"""
_ALL_REPORTS = "SELECT alias, report FROM reports"
_PUT = """
    INSERT INTO reports (alias, report) VALUES (%s, %s)
    ON CONFLICT (alias) DO UPDATE SET report = excluded.report RETURNING true
"""
_BEAT = """
    WITH silent AS (DELETE FROM workers WHERE at < %s AND worker <> %s)
    INSERT INTO workers (worker, at) VALUES (%s, %s)
    ON CONFLICT (worker) DO UPDATE SET at = excluded.at RETURNING true
"""
_HEARD = "SELECT worker, at FROM workers"
_LEAVE = "DELETE FROM workers WHERE worker = %s RETURNING true"


class PostgresCosts(CostStore):
    """The costs of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> Sequence[Cost]:
        """All that is known, in no order."""
        return [cost_of(row) for row in self._database.fetch(ALL_COSTS)]

    def save(self, cost: Cost) -> None:
        """Keep it in place of what was known of its server and family."""
        self._database.change(SAVE_COST, cost_row(cost), was_kept=lambda: None)


class PostgresReports(ReportStore):
    """The reports of one database."""

    def __init__(self, database: Database, bells: SharedBells) -> None:
        self._database = database
        self._bells = bells

    def put(self, report: ServerReport, event: Event | None = None) -> None:
        """Keep it in place of the server's report before; with the event, if it is worth one."""
        # The server may be renamed, and its report with it.
        said = converter().unstructure(report)
        values = (said.pop("alias"), to_json(said))
        if event is None:
            self._database.change(_PUT, values, was_kept=lambda: None)
            return

        def put(connection: Connected) -> None:
            connection.execute(_PUT, values)
            record(connection, event)

        self._database.transact(put)
        self._bells.ring([event.kind])

    def all(self) -> Mapping[str, ServerReport]:
        """The newest report of each server that has one, by alias."""
        return {
            alias: converter().structure({**from_json(said), "alias": alias}, ServerReport)
            for alias, said in self._database.fetch(_ALL_REPORTS)
        }

    def beat(self, worker: str, at: datetime) -> None:
        """This process runs jobs, and is alive."""
        values = (to_millis(at - SILENT_FOR), worker, worker, to_millis(at))
        # Said twice is as good as once.
        self._database.change(_BEAT, values, was_kept=lambda: None)

    def heard(self) -> Mapping[str, datetime]:
        """When each process that runs jobs has last said that it is alive, by worker."""
        return {worker: from_millis(at) for worker, at in self._database.fetch(_HEARD)}

    def leave(self, worker: str) -> None:
        """This process runs no jobs any more."""
        self._database.change(_LEAVE, (worker,), was_kept=lambda: None)
