"""What the servers make of a name, or of a model: asked all at once, or one of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from stablequeue_core.errors import BackendError, ServerNotFound, StableQueueError
from stablequeue_core.models.model import Model
from stablequeue_core.models.naming.known_checkpoints import CachedModel, merged
from stablequeue_core.models.naming.known_files import KnownFiles
from stablequeue_core.models.naming.presence import Availability, availability
from stablequeue_core.models.naming.verification import Verification, verify
from stablequeue_core.servers import Inventories, Inventory, ServerStore

ASKED_AT_ONCE = 8
"""Servers that are asked for their lists at the same time."""


class ServersView:
    """How the user's servers see models.

    Args:
        servers: the user's servers; those that are disabled are not asked.
        inventories: what they have.
        known_files: which of our files a name may mean that a server does not know.
    """

    def __init__(
        self, servers: ServerStore, inventories: Inventories, known_files: KnownFiles
    ) -> None:
        self._servers = servers
        self._inventories = inventories
        self._known_files = known_files

    def having(self, model: Model) -> Sequence[Availability]:
        """Which servers have the model; those that do not answer are listed as such."""
        return [
            availability(model, alias, lists)
            if isinstance(lists, Inventory)
            else Availability(server=alias, available=None, reason=lists.message)
            for alias, lists in self._ask_all()
        ]

    def verify(self, checkpoint: str, alias: str) -> Verification:
        """What ``checkpoint`` would be resolved to on one server, which is asked anew.

        Raises:
            ServerNotFound: there is no such server.
            ServerUnreachable: it does not answer.
        """
        self._inventories.doubt(self._servers.get(alias))
        return verify(checkpoint, alias, self._inventories.of(alias), self._known_files)

    def checkpoints(self, local: Iterable[Model]) -> Sequence[CachedModel]:
        """Every checkpoint that is known, from our folders and from the servers' own lists."""
        lists = {}
        for alias, found in self._ask_all():
            # What a server had when it was last seen is still known.
            seen = found if isinstance(found, Inventory) else self._inventories.known(alias)
            if seen is not None:
                lists[alias] = seen
        return merged(local, lists)

    def _ask_all(self) -> Sequence[tuple[str, Inventory | StableQueueError]]:
        """What every server has; one that does not answer takes nobody else's time."""
        aliases = [server.alias for server in self._servers.list() if server.enabled]
        if not aliases:
            return []
        with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
            return list(zip(aliases, pool.map(self._ask, aliases), strict=True))

    def _ask(self, alias: str) -> Inventory | StableQueueError:
        try:
            return self._inventories.of(alias)
        except (BackendError, ServerNotFound) as error:  # it may have been removed by now
            return error
