"""How a server feels, as far as we have seen."""

from __future__ import annotations

import threading
from datetime import datetime
from enum import StrEnum

from attrs import frozen


class ServerStatus(StrEnum):
    """How a server feels; the values are those of the API."""

    ONLINE = "online"
    OFFLINE = "offline"
    STARTING = "starting"
    UNAUTHORIZED = "unauthorized"
    NO_API = "no_api"
    UNKNOWN = "unknown"
    DISABLED = "disabled"


@frozen(kw_only=True)
class ServerHealth:
    """What was last seen of a server.

    Attributes:
        status: how it feels.
        loaded_checkpoint: title of the checkpoint in its memory, None when unknown.
        queue_depth: jobs waiting or running on the server itself, None when unknown.
        last_error: a sentence about what went wrong last, None when nothing did since it was well.
        checked_at: when this was seen, in UTC; None: never.
    """

    status: ServerStatus = ServerStatus.UNKNOWN
    loaded_checkpoint: str | None = None
    queue_depth: int | None = None
    last_error: str | None = None
    checked_at: datetime | None = None


class HealthBoard:
    """What was last seen of each server, in this process. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._health: dict[str, ServerHealth] = {}

    def of(self, alias: str) -> ServerHealth:
        """What was last seen; ``unknown`` if nothing ever was."""
        with self._lock:
            return self._health.get(alias, ServerHealth())

    def put(self, alias: str, health: ServerHealth) -> None:
        """Remember what was seen."""
        with self._lock:
            self._health[alias] = health

    def forget(self, alias: str) -> None:
        """Nothing is known of this server any more."""
        with self._lock:
            self._health.pop(alias, None)
