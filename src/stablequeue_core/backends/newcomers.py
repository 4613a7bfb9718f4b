"""Tells the servers that share a model folder of a file that is new in it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from stablequeue_core.backends.base import Backend
from stablequeue_core.errors import BackendError, ServerNotFound
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
        patience: seconds to wait for all of them; one that makes a picture answers late.
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

    def tell(self, model: Model) -> Mapping[str, bool]:
        """Tell of a new file every server that may see it.

        A server may see it if it runs on this machine, or lists other files of the folder, or if
        there is nothing to judge it by.

        Returns:
            for each server that answered in time, whether it lists the file now.
        """
        neighbours = self._neighbours(model)
        told = [
            server
            for server in self._servers.list()
            if server.enabled and self._may_see(server, neighbours)
        ]
        answers: dict[str, bool] = {}
        threads = [
            threading.Thread(
                target=self._ask,
                args=(server, model, answers),
                name=f"stablequeue-newcomer-{server.alias}",
                daemon=True,
            )
            for server in told
        ]
        for server, thread in zip(told, threads, strict=True):
            # First of all: whoever wants a model there from now on asks the server anew.
            self._inventories.doubt(server)
            thread.start()
        for thread in threads:
            thread.join(self._patience)
        return {server.alias: answers[server.alias] for server in told if server.alias in answers}

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

    def _ask(self, server: Server, model: Model, answers: dict[str, bool]) -> None:
        try:
            self._connect(server).refresh()
            self._inventories.doubt(server)
            listed = availability(model, server.alias, self._inventories.of(server.alias))
        except (BackendError, ServerNotFound) as error:  # it may have been removed by now
            logger.info("Server %r was not told of %s: %s", server.alias, model.filename, error)
            return
        if listed.available is not None:
            answers[server.alias] = listed.available


def _is_this_machine(server: Server) -> bool:
    host = urlsplit(server.api_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
