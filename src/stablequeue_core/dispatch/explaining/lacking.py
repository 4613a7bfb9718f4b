"""What servers lack for jobs: worked out from their lists, by any process, lanes or not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait

from stablequeue_core.backends import Backend
from stablequeue_core.clock import Clock
from stablequeue_core.dispatch.links.lists import SeenLists
from stablequeue_core.errors import BackendError, StableQueueError
from stablequeue_core.generation import Requirements
from stablequeue_core.servers import Inventories, Inventory, Server

PATIENCE = 2.0
"""Seconds for all the servers that are asked together; who asks is a person at a screen."""

_Machine = tuple[str, str]


class Lacking:
    """What servers lack. Safe to use from several threads.

    Args:
        inventories: what they have, as far as it was seen.
        connect: makes what speaks with a server, and knows what it calls things.
        clock: tells how long ago something was.
        patience: seconds to wait for the answers of servers that are asked now.
    """

    def __init__(
        self,
        inventories: Inventories,
        connect: Callable[[Server], Backend],
        *,
        clock: Clock,
        patience: float = PATIENCE,
    ) -> None:
        self._inventories = inventories
        self._connect = connect
        self._clock = clock
        self._patience = patience
        self._lock = threading.Lock()
        self._asked: dict[_Machine, Future[Inventory]] = {}
        self._kept: dict[_Machine, float] = {}
        self._lists: dict[_Machine, SeenLists] = {}

    def ask(self, servers: Sequence[Server]) -> Mapping[str, str]:
        """Have these servers asked what they have, unless that was seen lately; all at once.

        Returns:
            for each that did not answer in time, a sentence that says so, by alias. What it had
            when it was last seen stays known.
        """
        answers = {server.alias: self._answer(server) for server in servers}
        wait(answers.values(), timeout=self._patience)
        return {
            alias: reason
            for alias, answer in answers.items()
            if (reason := self._unanswered(alias, answer)) is not None
        }

    def keep_known(self, servers: Sequence[Server], *, every: float) -> None:
        """Have these servers asked what they have, now and then, without waiting for it.

        Args:
            servers: which ones.
            every: seconds until one that was asked here is asked again.
        """
        now = self._clock.monotonic()
        for server in servers:
            asked_at = self._kept.get(_machine(server))
            if asked_at is None or now - asked_at >= every:
                self._kept[_machine(server)] = now
                self._answer(server)

    def by(self, server: Server, requirements: Requirements) -> Sequence[BackendError] | None:
        """What the server lacks of this, as far as its lists are known; None: they are not.

        Nobody is asked, and it is worked out once: many jobs require the same.
        """
        inventory = self._inventories.seen(server)
        if inventory is None:
            return None
        with self._lock:
            lists = self._lists.get(_machine(server))
        if lists is None or lists.inventory is not inventory:
            lists = SeenLists(inventory, 0.0, 0, backend=self._connect(server))
            with self._lock:
                self._lists[_machine(server)] = lists
        return lists.missing(requirements)

    def _answer(self, server: Server) -> Future[Inventory]:
        """The answer to come; one that is slow is not asked again meanwhile."""
        with self._lock:
            under_way = self._asked.get(_machine(server))
            if under_way is not None and not under_way.done():
                return under_way
            answer = self._asked[_machine(server)] = Future()
        # Not from a pool: nobody, and no end of the process, shall wait for a server that hangs.
        threading.Thread(
            target=self._fetch,
            args=(server, answer),
            name=f"stablequeue-lists-{server.alias}",
            daemon=True,
        ).start()
        return answer

    def _fetch(self, server: Server, answer: Future[Inventory]) -> None:
        try:
            answer.set_result(self._inventories.of(server.alias))
        except StableQueueError as error:  # it may be off or removed, or the queue closed
            answer.set_exception(error)
        except BaseException as error:
            answer.set_exception(error)
            raise

    def _unanswered(self, alias: str, answer: Future[Inventory]) -> str | None:
        if not answer.done():
            return f"Server {alias!r} did not tell within {self._patience:g} s what it has."
        error = answer.exception()
        if error is None:
            return None
        return error.message if isinstance(error, StableQueueError) else str(error)


def _machine(server: Server) -> _Machine:
    return server.alias, server.api_url
