"""The servers that the user has: added, changed, removed, looked after."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from attrs import asdict, evolve

from stablequeue_core.clock import Clock
from stablequeue_core.errors import (
    FieldProblem,
    InvalidServer,
    ServerExists,
    ServerInUse,
    ServerNotFound,
    StaleServer,
)
from stablequeue_core.events import Event, EventKind
from stablequeue_core.servers.addresses import remark_on
from stablequeue_core.servers.health import HealthBoard, ServerHealth, ServerStatus
from stablequeue_core.servers.server import FIELDS, Server, check_server
from stablequeue_core.servers.store import ServerStore
from stablequeue_core.spelling import did_you_mean

logger = logging.getLogger(__name__)

ROUNDS = 5
"""So often are a server's jobs cancelled before it goes: its lane may just be taking one."""


_USED_WHERE = frozenset({"api_url", "enabled"})
"""What says whether two names drive one server."""


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
        self._warn_of(server.alias)
        return self._store.get(server.alias)

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

        Args:
            alias: which one.
            changes: named as the attributes of :class:`Server`.

        Raises:
            ServerNotFound: there is none.
            InvalidServer: lists every bad field, and every name that is none of a field.
            ServerExists: the new alias is taken.
        """
        _check_names(changes)
        # It may take more than one try, and what can be read once only would be gone by then.
        given = {
            name: tuple(value) if isinstance(value, Iterator) else value
            for name, value in changes.items()
        }
        server = self._change(alias, lambda present: check_server({**asdict(present), **given}))
        if alias != server.alias:
            self._forget(alias)
        if given.keys() & _USED_WHERE:
            self._warn_of(server.alias)
        return server

    def remark(self, alias: str) -> str | None:
        """What is allowed of the server and hardly meant, as a sentence; None: nothing.

        Two enabled servers with one address are one, which gets two jobs at a time. ``localhost``,
        ``127.0.0.1`` and ``[::1]`` are the same.

        Raises:
            ServerNotFound: there is none.
        """
        return remark_on(self._store.get(alias), self._store.list())

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
            timeout: seconds to wait; None waits for ever. That nothing runs there is certain only
                half a second after it was seen, which is waited for in any case.

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

    def _warn_of(self, alias: str) -> None:
        with suppress(ServerNotFound):  # somebody removed it at once
            if remark := self.remark(alias):
                logger.warning("%s", remark)

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
        is_silent = health.unanswered_since is not None
        if health.status in (ServerStatus.ONLINE, ServerStatus.UNKNOWN) and not is_silent:
            return None
        return health.last_error or f"Server {alias!r} is {health.status}."

    def _change(self, alias: str, change: Callable[[Server], Server]) -> Server:
        """Read, change, keep; again if someone else was faster: what they have changed stays."""
        while True:
            before = self._store.get(alias)
            server = evolve(change(before), number=before.number)
            try:
                self._store.replace(before, server, self._event(EventKind.SERVER_CHANGED, server))
            except StaleServer:
                continue
            return server

    def _event(self, kind: EventKind, server: Server) -> Event:
        return Event(kind=kind, at=self._clock.now(), server=server.alias)


def _check_names(changes: Mapping[str, Any]) -> None:
    unknown = [name for name in changes if name not in FIELDS]
    if unknown:
        there_are = f"is no field of a server; there are {', '.join(FIELDS)}."
        raise InvalidServer(
            [FieldProblem(name, did_you_mean(name, FIELDS) or there_are) for name in unknown]
        )
