"""Tells the servers that share a model folder of a file that is new in it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from stablequeue_core.backends.base import Backend
from stablequeue_core.errors import QueueClosed, StableQueueError
from stablequeue_core.models import Model, ModelQuery, ModelStore
from stablequeue_core.models.naming.presence import availability
from stablequeue_core.servers import Inventories, Server, ServerStore

logger = logging.getLogger(__name__)

NEIGHBOURS = 50
"""So many other files of the folder are looked for on a server, to see whether it shares it."""


class Newcomers:
    """Has servers look at their folders again. Safe to use from several threads.

    Args:
        servers: the user's servers; those that are disabled are not told.
        models: what lies in our folders.
        inventories: what the servers had when they were last seen.
        connect: makes what speaks with a server.
        patience: seconds to wait for all of them together; one that makes a picture answers late.
    """

    def __init__(
        self,
        servers: ServerStore,
        models: ModelStore,
        inventories: Inventories,
        connect: Callable[[Server], Backend],
        *,
        patience: float,
    ) -> None:
        self._servers = servers
        self._models = models
        self._inventories = inventories
        self._connect = connect
        self._patience = patience
        self._answered = threading.Condition()
        self._is_closed = False

    def close(self) -> None:
        """Wait for nobody any more; safe to call again."""
        with self._answered:
            self._is_closed = True
            self._answered.notify_all()

    def tell(self, model: Model) -> Mapping[str, bool]:
        """Tell of a new file every server that may see it.

        A server may see it if it runs on this machine, or lists other files of the folder, or if
        there is nothing to judge it by.

        Returns:
            for each server that answered in time, whether it lists the file now.

        Raises:
            QueueClosed: while they were asked, or before.
        """
        neighbours = self._neighbours(model)
        told = [
            server
            for server in self._servers.list()
            if server.enabled and self._may_see(server, neighbours)
        ]
        answers: dict[str, bool | None] = {}
        for server in told:
            # First of all: whoever wants a model there from now on asks the server anew.
            self._inventories.doubt(server)
            threading.Thread(
                target=self._ask,
                args=(server, model, answers),
                name=f"stablequeue-newcomer-{server.alias}",
                daemon=True,
            ).start()
        with self._answered:
            self._answered.wait_for(
                lambda: self._is_closed or len(answers) == len(told), self._patience
            )
            if self._is_closed:
                raise QueueClosed
            known = {server.alias: answers.get(server.alias) for server in told}
        return {alias: is_listed for alias, is_listed in known.items() if is_listed is not None}

    def _neighbours(self, model: Model) -> Sequence[Model]:
        query = ModelQuery(
            kinds=frozenset({model.kind}), roots=frozenset({model.root}), limit=NEIGHBOURS
        )
        return [other for other in self._models.list(query).models if other.path != model.path]

    def _may_see(self, server: Server, neighbours: Sequence[Model]) -> bool:
        known = self._inventories.known(server.alias)
        if not neighbours or known is None or _is_this_machine(server):
            return True
        found = (availability(other, server.alias, known).available for other in neighbours)
        # None: it does not list files of this kind, so nothing can be judged by them.
        return any(there is not False for there in found)

    def _ask(self, server: Server, model: Model, answers: dict[str, bool | None]) -> None:
        is_listed: bool | None = None
        try:
            self._connect(server).refresh()
            self._inventories.doubt(server)
            inventory = self._inventories.of(server.alias)
            is_listed = availability(model, server.alias, inventory).available
        except StableQueueError as error:  # it may also have been removed, or the queue closed
            logger.info("Server %r was not told of %s: %s", server.alias, model.filename, error)
        finally:
            with self._answered:
                answers[server.alias] = is_listed
                self._answered.notify_all()


def _is_this_machine(server: Server) -> bool:
    host = urlsplit(server.api_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
