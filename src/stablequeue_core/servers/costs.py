"""What a job costs on a server, learned from the jobs that it has finished."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from attrs import frozen


@frozen(kw_only=True)
class Cost:
    """What one server takes for one family of models, as far as it was seen.

    Attributes:
        server: its alias.
        family: of the checkpoint (``SDXL``, ``Flux.1`` ...), its stem where the family is not
            known, or empty: all that it ran, whatever it was.
        pace: seconds for each megapixel-step; None: not seen yet.
        load: seconds to load such a checkpoint; None: not seen yet.
        samples: how many jobs of ordinary size have told the pace; 0: what is known of it are
            bounds that small ones have set.
    """

    server: str
    family: str
    pace: float | None = None
    load: float | None = None
    samples: int = 0


class CostStore(ABC):
    """Remembers what was learned. Safe to use from several threads and several processes at once.

    No event tells of it, and no bell rings: nobody waits for it. A server that is renamed keeps
    what was learned of it, one that is removed is forgotten, both by the server store.
    """

    @abstractmethod
    def all(self) -> Sequence[Cost]:
        """All that is known, in no order."""

    @abstractmethod
    def save(self, cost: Cost) -> None:
        """Keep it in place of what was known of its server and family."""
