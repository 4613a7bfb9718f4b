"""psycopg's pool of connections, which tells us why it can have none instead of the log."""

from __future__ import annotations

import logging
import time
from typing import Any, Self

import psycopg
from attrs import define
from psycopg import Connection
from psycopg_pool import ConnectionPool

from stablequeue_core.errors import StorageError
from stablequeue_core.storage.postgres.connecting import Address, arguments
from stablequeue_core.storage.postgres.faults import away, not_let_in

POOL = "stablequeue"
"""Its name; it has no meaning to the server."""

_LOGGER = "psycopg.pool"


@define
class Refusals:
    """Why connections could not be made lately.

    Attributes:
        last: what the last attempt met; None: it went well.
        at: when that was, in steady seconds.
    """

    last: psycopg.Error | None = None
    at: float = 0.0

    def met(self, error: psycopg.Error | None) -> None:
        """An attempt has ended."""
        self.last, self.at = error, time.monotonic()

    def reason(self, seconds: float) -> StorageError:
        """Why there was no connection in the last so many seconds."""
        if self.last is None or time.monotonic() - self.at > seconds:
            return away()
        return not_let_in(self.last)


class Pooled(Connection[tuple[Any, ...]]):
    """A connection of a pool; ``refusals`` among its keywords hears of the attempt."""

    @classmethod
    def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
        """Make one."""
        refusals: Refusals = kwargs.pop("refusals")
        try:
            made = super().connect(conninfo, **kwargs)
        except psycopg.Error as error:
            refusals.met(error)
            raise
        refusals.met(None)
        return made


def made_pool(
    address: Address, refusals: Refusals, *, most: int, patience: float
) -> ConnectionPool[Pooled]:
    """A pool of connections to this address, which is opened.

    Args:
        address: of the database.
        refusals: hears of every attempt.
        most: so many connections at once.
        patience: seconds that anybody waits for one.
    """
    logging.getLogger(_LOGGER).addFilter(_is_worth_telling)
    return ConnectionPool(
        address.conninfo,
        connection_class=Pooled,
        kwargs={**arguments(), "refusals": refusals},
        configure=address.configure,
        min_size=1,
        max_size=most,
        timeout=patience,
        reconnect_timeout=patience,
        name=POOL,
        num_workers=1,
        open=True,
    )


def _is_worth_telling(record: logging.LogRecord) -> bool:
    """Not what the pool warns of: whoever wanted a connection is told, without names of machines.

    Other pools of the program are not ours to silence, nor is a log that was asked for.
    """
    logger = logging.getLogger(_LOGGER)
    # psycopg sets its own log to warnings unless somebody else has set it.
    level = logger.getEffectiveLevel()
    is_asked_for = logger.level or logger.handlers or level < logging.WARNING
    if is_asked_for or record.levelno != logging.WARNING or not isinstance(record.args, tuple):
        return True
    return not any(about == POOL or isinstance(about, Pooled) for about in record.args)
