"""What each server has, as it was last seen by anyone in this process."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future

from attrs import frozen

from stablequeue_core.clock import Clock
from stablequeue_core.errors import ServerNotFound
from stablequeue_core.servers.inventory import Inventory
from stablequeue_core.servers.server import Server
from stablequeue_core.servers.store import ServerStore

_Machine = tuple[str, str]
"""An alias and where it is: another machine may be given the alias of an older one."""


@frozen
class _Seen:
    inventory: Inventory
    at: float
    doubts: int


class Inventories:
    """What each server has, shared by the lanes and by whoever asks from outside. Thread-safe.

    A lane puts here what it fetches; who asks for something older than ``max_age``, or for a server
    that no lane has seen, has the server asked now.

    Args:
        servers: the user's servers.
        ask: asks one of them what it has; raises a ``BackendError`` where it cannot.
        clock: tells how old something is.
        max_age: how long what was seen is believed, in seconds.
    """

    def __init__(
        self,
        servers: ServerStore,
        ask: Callable[[Server], Inventory],
        *,
        clock: Clock,
        max_age: float,
    ) -> None:
        self._servers = servers
        self._ask = ask
        self._clock = clock
        self._max_age = max_age
        self._lock = threading.Lock()
        self._seen: dict[_Machine, _Seen] = {}
        self._doubts: Counter[_Machine] = Counter()
        self._asking: dict[_Machine, Future[Inventory]] = {}

    def of(self, alias: str) -> Inventory:
        """What the server has; asked now, unless it was seen lately.

        Whoever comes while the server is being asked waits for that answer.

        Raises:
            ServerNotFound: there is none with this alias.
            BackendError: it cannot be asked now.
        """
        server = self._servers.get(alias)
        with self._lock:
            seen = self._seen.get(_machine(server))
            if seen and self._is_believed(server, seen):
                return seen.inventory
            under_way = self._asking.get(_machine(server))
            answer = under_way or self._asking.setdefault(_machine(server), Future())
        if under_way is None:
            self._fetch(server, answer)
        return answer.result()

    def known(self, alias: str) -> Inventory | None:
        """What the server had when it was last seen, however long ago; it is not asked."""
        try:
            server = self._servers.get(alias)
        except ServerNotFound:
            return None
        return self.seen(server)

    def seen(self, server: Server) -> Inventory | None:
        """The same of a server that is at hand: nobody is asked at all."""
        with self._lock:
            seen = self._seen.get(_machine(server))
        return seen.inventory if seen else None

    def put(self, server: Server, inventory: Inventory, *, doubts: int | None = None) -> None:
        """Remember what the server has just answered.

        Args:
            server: which one.
            inventory: its answer.
            doubts: the number of them before it was asked; None: nobody can have doubted since.
        """
        with self._lock:
            before = self._doubts[_machine(server)] if doubts is None else doubts
            self._seen[_machine(server)] = _Seen(inventory, self._clock.monotonic(), before)

    def doubt(self, server: Server) -> None:
        """Believe what was seen of the server no longer: who asks next has it asked anew.

        An answer that is on its way may be older than the doubt: it goes to those who wait for it
        already, and to nobody else.
        """
        with self._lock:
            self._doubts[_machine(server)] += 1
            self._asking.pop(_machine(server), None)

    def doubts(self, server: Server) -> int:
        """How often the server's lists were doubted: what was fetched before is worth nothing."""
        return self._doubts[_machine(server)]

    def _is_believed(self, server: Server, seen: _Seen) -> bool:
        is_young = self._clock.monotonic() - seen.at <= self._max_age
        return is_young and seen.doubts == self._doubts[_machine(server)]

    def _fetch(self, server: Server, answer: Future[Inventory]) -> None:
        doubts = self.doubts(server)
        try:
            inventory = self._ask(server)
            self.put(server, inventory, doubts=doubts)
            answer.set_result(inventory)
        except BaseException as error:
            answer.set_exception(error)
            raise
        finally:
            with self._lock:
                if self._asking.get(_machine(server)) is answer:
                    del self._asking[_machine(server)]


def _machine(server: Server) -> _Machine:
    return server.alias, server.api_url
