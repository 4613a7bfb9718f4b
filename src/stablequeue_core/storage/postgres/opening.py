"""Puts the parts of a storage together."""

from __future__ import annotations

import psycopg
from attrs import frozen

from stablequeue_core.storage.postgres.clock import DatabaseClock
from stablequeue_core.storage.postgres.connecting import Address
from stablequeue_core.storage.postgres.copying import Copying
from stablequeue_core.storage.postgres.database import Database
from stablequeue_core.storage.postgres.downloads import PostgresDownloads
from stablequeue_core.storage.postgres.events import PostgresEvents
from stablequeue_core.storage.postgres.faults import told
from stablequeue_core.storage.postgres.fleet import PostgresCosts, PostgresReports
from stablequeue_core.storage.postgres.identities import PostgresIdentities
from stablequeue_core.storage.postgres.jobs import PostgresJobs
from stablequeue_core.storage.postgres.listening import Listener
from stablequeue_core.storage.postgres.locks import LockKeeper
from stablequeue_core.storage.postgres.models import PostgresModels
from stablequeue_core.storage.postgres.moving import Moving
from stablequeue_core.storage.postgres.schema import prepare
from stablequeue_core.storage.postgres.servers import PostgresServers
from stablequeue_core.storage.postgres.upkeep import Upkeep


@frozen(kw_only=True)
class Parts:
    """Everything that a storage is made of."""

    database: Database
    clock: DatabaseClock
    listener: Listener
    locks: LockKeeper
    jobs: PostgresJobs
    servers: PostgresServers
    models: PostgresModels
    identities: PostgresIdentities
    downloads: PostgresDownloads
    costs: PostgresCosts
    reports: PostgresReports
    events: PostgresEvents
    upkeep: Upkeep
    copying: Copying
    moving: Moving

    def close(self) -> None:
        """Let go of every connection; safe to call again."""
        self.listener.close()
        self.locks.close()
        self.database.close()


def opened(database_url: str, schema: str) -> Parts:
    """Make the schema if need be, and open everything; see :class:`PostgresStorage`."""
    address = Address(database_url, schema)
    clock = DatabaseClock()
    connection = address.connect()
    try:
        prepare(connection, address)
        # The connection that has made sure of the schema goes on as the one that listens.
        listener = Listener(address, clock, connection)
    except psycopg.Error as error:
        connection.close()
        raise told(error) from error
    except BaseException:
        connection.close()
        raise
    database = Database(address)
    bells = listener.bells
    return Parts(
        database=database,
        clock=clock,
        listener=listener,
        locks=LockKeeper(address),
        jobs=PostgresJobs(database, bells),
        servers=PostgresServers(database, bells),
        models=PostgresModels(database, bells),
        identities=PostgresIdentities(database, bells),
        downloads=PostgresDownloads(database, bells),
        costs=PostgresCosts(database),
        reports=PostgresReports(database, bells),
        events=PostgresEvents(database),
        upkeep=Upkeep(database),
        copying=Copying(database),
        moving=Moving(database),
    )
