"""The servers that the user has: added, changed, removed, looked after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from attrs import asdict, evolve

from stablequeue_core.clock import Clock
from stablequeue_core.errors import ServerExists, ServerInUse, ServerNotFound, StaleServer
from stablequeue_core.events import Event, EventKind
from stablequeue_core.servers.health import HealthBoard, ServerHealth, ServerStatus
from stablequeue_core.servers.server import Server, check_server
from stablequeue_core.servers.store import ServerStore

ROUNDS = 5
"""So often are a server's jobs cancelled before it goes: its lane may just be taking one."""


class OpenJobs(Protocol):
    """What the registry must know of the jobs before it lets a server go."""

    def open_on(self, server: str) -> Sequence[object]:
        """The pending and running jobs of this server, and those for any that it runs."""

    def cancel_all_on(self, server: str) -> None:
        """Cancel them, whatever their server says; returns when none of those is left."""

    def forget_target(self, target: str) -> None:
        """Accept no more jobs for this server."""

    def wait_until_idle(self, server: str, timeout: float | None) -> bool:
        """Wait until no job runs on this server; whether that came true in time."""


class ServerRegistry:
    """The user's servers; ``queue.servers`` is one.

    Safe to use from several threads and several processes: none undoes what another has changed.
    """

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
        tags: Iterable[str] = (),
        exist_ok: bool = True,
    ) -> Server:
        """Add a server; its lane starts at once.

        The queue remembers its servers, so a script that is run again adds what is there already:
        that changes nothing, as long as it is the same server.

        Args:
            alias: your name for it; ``auto`` is taken.
            api_url: for example ``http://127.0.0.1:7860``.
            username: for a server that runs with ``--api-auth``.
            password: the same.
            enabled: whether it shall be used.
            description: your words.
            tags: the groups that it belongs to: jobs for ``auto:<tag>`` may run on it.
            exist_ok: False raises ``ServerExists`` even for the very same server.

        Raises:
            InvalidServer: lists every bad field.
            ServerExists: the alias is taken by another server.

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
                "tags": tags,
            }
        )
        try:
            self._store.add(server, self._event(EventKind.SERVER_ADDED, server))
        except ServerExists:
            present = self._store.get(server.alias)
            # Whether it is paused is not for who adds it to say.
            if not exist_ok or present != evolve(server, paused=present.paused):
                raise
            return present
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
        # It may take more than one try, and what can be read once only would be gone by then.
        given = {
            name: tuple(value) if isinstance(value, Iterator) else value
            for name, value in changes.items()
        }
        server = self._change(alias, lambda present: check_server({**asdict(present), **given}))
        if alias != server.alias:
            self._forget(alias)
        return server

    def pause(self, alias: str) -> Server:
        """Let the server finish its job and take no other; survives a restart.

        Raises:
            ServerNotFound: there is none.
        """
        return self._change(alias, lambda server: evolve(server, paused=True))

    def resume(self, alias: str) -> Server:
        """Let a paused server take jobs again.

        Raises:
            ServerNotFound: there is none.
        """
        return self._change(alias, lambda server: evolve(server, paused=False))

    def drain(self, alias: str, timeout: float | None = None) -> bool:
        """Pause the server, and wait until nothing of ours runs there; it stays paused.

        Args:
            alias: which one.
            timeout: seconds to wait; None waits for ever.

        Returns:
            whether nothing runs there any more; a job that does goes on.

        Raises:
            ServerNotFound: there is none.

        Example::

            if queue.servers.drain("Laptop", timeout=600):
                print("It can be restarted; then: queue.servers.resume('Laptop')")
        """
        self.pause(alias)
        return self._jobs.wait_until_idle(alias, timeout)

    def remove(self, alias: str, *, force: bool = False) -> None:
        """Forget a server.

        Args:
            alias: which one.
            force: cancel its open jobs first, those among them that were for any server and run
                here.

        Raises:
            ServerNotFound: there is none.
            ServerInUse: it has open jobs, and ``force`` was not given; or new ones kept coming,
                then it stays paused.
        """
        server = self._store.get(alias)
        if force:
            # So that its lane does not take one job after the other meanwhile.
            self.pause(alias)
        rounds = ROUNDS if force else 0
        while open_jobs := len(self._jobs.open_on(alias)):
            if not rounds:
                raise ServerInUse(alias, open_jobs)
            rounds -= 1
            self._jobs.cancel_all_on(alias)
        self._store.remove(alias, self._event(EventKind.SERVER_REMOVED, server))
        self._forget(alias)

    def health(self, alias: str) -> ServerHealth:
        """What was last seen of the server, by whichever process looks after it.

        Raises:
            ServerNotFound: there is none.
        """
        server = self._store.get(alias)
        health = self._health.of(alias)
        return health if server.enabled else evolve(health, status=ServerStatus.DISABLED)

    def _forget(self, alias: str) -> None:
        self._jobs.forget_target(alias)
        self._health.forget(alias)

    def waiting_reason(self, alias: str) -> str | None:
        """Why the server takes no jobs now, as far as anybody has told; None: it does."""
        try:
            server = self._store.get(alias)
        except ServerNotFound as error:
            return error.message
        health = self._health.of(alias)
        if not server.enabled:
            return f"Server {alias!r} is disabled."
        if server.paused:
            return f"Server {alias!r} is paused."
        if health.status in (ServerStatus.ONLINE, ServerStatus.UNKNOWN):
            return None
        return health.last_error or f"Server {alias!r} is {health.status}."

    def _change(self, alias: str, change: Callable[[Server], Server]) -> Server:
        """Read, change, keep; again if someone else was faster: what they have changed stays."""
        while True:
            before = self._store.get(alias)
            server = change(before)
            try:
                self._store.replace(before, server, self._event(EventKind.SERVER_CHANGED, server))
            except StaleServer:
                continue
            return server

    def _event(self, kind: EventKind, server: Server) -> Event:
        return Event(kind=kind, at=self._clock.now(), server=server.alias)
