"""How a server feels, as far as we have seen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from attrs import frozen

from stablequeue_core.servers.silence import number_of


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
        checked_at: when it has last answered, be it about a job, or was last found out of reach, in
            UTC; None: never.
        unanswered_since: since when it leaves unanswered what it is asked about the job that it
            works on; None: it does not.
        silent_worker: the process that looks after it, if nothing is heard of that any more.
    """

    status: ServerStatus = ServerStatus.UNKNOWN
    loaded_checkpoint: str | None = None
    queue_depth: int | None = None
    last_error: str | None = None
    checked_at: datetime | None = None
    unanswered_since: datetime | None = None
    silent_worker: str | None = None

    @property
    def in_words(self) -> str:
        """How it feels, in a word or two, for a list that people read.

        Example:
            >>> ServerHealth(silent_worker="studio:42:8861f4e4").in_words
            'silent (process 42)'
        """
        if self.status is not ServerStatus.UNKNOWN:
            return self.status.value
        if self.silent_worker is not None:
            number = number_of(self.silent_worker)
            return f"silent (process {number})" if number else "silent"
        return "not answering" if self.unanswered_since else self.status.value


class HealthBoard:
    """What was last seen of each server. Safe to use from several threads.

    Args:
        told: what other processes tell of a server, which this one does not look after; None where
            there are none.
    """

    def __init__(self, told: Callable[[str], ServerHealth] | None = None) -> None:
        self._told = told
        self._lock = threading.Lock()
        self._health: dict[str, ServerHealth] = {}

    def of(self, alias: str) -> ServerHealth:
        """What was last seen; ``unknown`` if nothing ever was, or nobody looks any more."""
        with self._lock:
            seen = self._health.get(alias)
        if seen is not None:
            return seen
        return self._told(alias) if self._told else ServerHealth()

    def put(self, alias: str, health: ServerHealth) -> None:
        """Remember what was seen."""
        with self._lock:
            self._health[alias] = health

    def forget(self, alias: str) -> None:
        """This process knows nothing of the server any more."""
        with self._lock:
            self._health.pop(alias, None)
