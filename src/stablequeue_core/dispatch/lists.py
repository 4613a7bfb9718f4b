"""One look at a server's lists, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from stablequeue_core.backends import Backend
from stablequeue_core.errors import BackendError
from stablequeue_core.generation import Requirements
from stablequeue_core.servers import Inventory


@define(eq=False)
class SeenLists:
    """A server's lists as they were fetched once. Any thread may ask.

    Attributes:
        inventory: the lists.
        at: when they were fetched, by the monotonic clock.
        doubts: how often the server's lists had been doubted by then.
        looked_for: what the server had looked for in its folders just before.
    """

    inventory: Inventory
    at: float
    doubts: int
    looked_for: frozenset[Requirements] = frozenset()
    _backend: Backend = field(kw_only=True)
    _missing: dict[Requirements, Sequence[BackendError]] = field(factory=dict, init=False)

    def missing(self, requirements: Requirements) -> Sequence[BackendError]:
        """What the server lacks of this; worked out once, as many jobs require the same."""
        found = self._missing.get(requirements)
        if found is None:
            found = self._backend.missing(requirements, self.inventory)
            self._missing[requirements] = found
        return found
