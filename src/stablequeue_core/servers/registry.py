"""The servers that the user has: added, changed, removed, looked after."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from attrs import asdict, evolve

from stablequeue_core.clock import Clock
from stablequeue_core.errors import ServerInUse
from stablequeue_core.events import Event, EventKind
from stablequeue_core.servers.health import ServerHealth, ServerStatus
from stablequeue_core.servers.server import Server, check_server
from stablequeue_core.servers.store import ServerStore


class OpenJobs(Protocol):
    """What the registry must know of the jobs before it lets a server go."""

    def open_on(self, target: str) -> Sequence[object]:
        """The pending and running jobs of this server."""

    def cancel_all_on(self, target: str) -> None:
        """Cancel them, whatever their server says; returns when none is left."""

    def forget_target(self, target: str) -> None:
        """Accept no more jobs for this server."""


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


class ServerRegistry:
    """The user's servers; ``queue.servers`` is one. Safe to use from several threads."""

    def __init__(
        self, store: ServerStore, jobs: OpenJobs, health: HealthBoard, clock: Clock
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._health = health
        self._clock = clock

    def add(
        self,
        alias: str,
        api_url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        enabled: bool = True,
        description: str | None = None,
    ) -> Server:
        """Add a server; its lane starts at once.

        Args:
            alias: your name for it; ``auto`` is taken.
            api_url: for example ``http://127.0.0.1:7860``.
            username: for a server that runs with ``--api-auth``.
            password: the same.
            enabled: whether it shall be used.
            description: your words.

        Raises:
            InvalidServer: lists every bad field.
            ServerExists: the alias is taken.

        Example::

            queue.servers.add("Laptop", "http://127.0.0.1:7860")
        """
        server = check_server(
            {
                "alias": alias,
                "api_url": api_url,
                "username": username,
                "password": password,
                "enabled": enabled,
                "description": description,
            }
        )
        self._store.add(server, self._event(EventKind.SERVER_ADDED, server))
        return server

    def get(self, alias: str) -> Server:
        """The server with this alias.

        Raises:
            ServerNotFound: there is none.
        """
        return self._store.get(alias)

    def list(self) -> Sequence[Server]:
        """All servers, in the order in which they were added."""
        return self._store.list()

    def update(self, alias: str, changes: Mapping[str, Any]) -> Server:
        """Change some fields of a server; a new ``alias`` renames it and its open jobs follow.

        Raises:
            ServerNotFound: there is none.
            InvalidServer: lists every bad field.
            ServerExists: the new alias is taken.
        """
        present = self._store.get(alias)
        server = check_server({**asdict(present), **changes})
        self._store.replace(alias, server, self._event(EventKind.SERVER_CHANGED, server))
        if alias != server.alias:
            self._forget(alias)
        return server

    def pause(self, alias: str) -> Server:
        """Let the server finish its job and take no other; survives a restart.

        Raises:
            ServerNotFound: there is none.
        """
        return self._change(alias, paused=True)

    def resume(self, alias: str) -> Server:
        """Let a paused server take jobs again.

        Raises:
            ServerNotFound: there is none.
        """
        return self._change(alias, paused=False)

    def remove(self, alias: str, *, force: bool = False) -> None:
        """Forget a server.

        Args:
            alias: which one.
            force: cancel its open jobs first.

        Raises:
            ServerNotFound: there is none.
            ServerInUse: it has open jobs, and ``force`` was not given.
        """
        server = self._store.get(alias)
        if force:
            self._jobs.cancel_all_on(alias)
        open_jobs = len(self._jobs.open_on(alias))
        if open_jobs:
            raise ServerInUse(alias, open_jobs)
        self._store.remove(alias, self._event(EventKind.SERVER_REMOVED, server))
        self._forget(alias)

    def health(self, alias: str) -> ServerHealth:
        """What was last seen of the server, by the lanes of this process.

        Raises:
            ServerNotFound: there is none.
        """
        server = self._store.get(alias)
        health = self._health.of(alias)
        return health if server.enabled else evolve(health, status=ServerStatus.DISABLED)

    def _forget(self, alias: str) -> None:
        self._jobs.forget_target(alias)
        self._health.forget(alias)

    def _change(self, alias: str, **changes: Any) -> Server:
        server = evolve(self._store.get(alias), **changes)
        self._store.replace(alias, server, self._event(EventKind.SERVER_CHANGED, server))
        return server

    def _event(self, kind: EventKind, server: Server) -> Event:
        return Event(kind=kind, at=self._clock.now(), server=server.alias)
